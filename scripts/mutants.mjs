/**
 * Plants bugs, one at a time, and looks whether a test fails. A mutant that no test catches is a test that is missing, or code
 * that does nothing.
 *
 *     npm run mutants -- engine                  every mutant of the engine, by its own tests; needs cargo-mutants
 *     npm run mutants -- lib                     every mutant of `lib/`, by its unit, conformance and integration tests
 *     npm run mutants -- lib driver run/         those of the files whose path contains one of these
 *     npm run mutants -- engine --shard 2/8      an eighth of them, spread over all files
 *     npm run mutants -- lib --most 50 --seed 7  fifty of them, drawn by this seed
 *     npm run mutants -- lib --jobs 2            two at a time
 *     npm run mutants -- lib --tests unit/memory --tests conformance     by the tests of these paths only
 *     npm run mutants -- lib --seconds 60        by more of the tests that reach a mutant; those of 20 s otherwise
 *     npm run mutants -- engine --tests unit     of `unit`, `model` and `suite`, by these only
 *     npm run mutants -- engine --resume         goes on where a run of the same sources was broken off
 *
 * Known ones stand in `scripts/mutants/argued.jsonl`, each with the reason; all others that survive fail the run.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { setup } from './setup.mjs'
import { arguedMutants, keyOf, staleEntries } from './mutants/argued.mjs'
import { drawn } from './mutants/draw.mjs'
import { engine } from './mutants/engine.mjs'
import { lib } from './mutants/lib.mjs'
import { openResults } from './mutants/results.mjs'
import { eachBy, forwardSignals, root, wasInterrupted } from './process.mjs'
import { Advice, bold, dim, duration, green, main, red, say } from './terminal.mjs'

const AREAS = { engine, lib }

function parse(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      shard: { type: 'string', default: '1/1' },
      most: { type: 'string', default: 'Infinity' },
      seed: { type: 'string', default: '' },
      jobs: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '20' },
      tests: { type: 'string', multiple: true, default: [] },
      resume: { type: 'boolean', default: false },
    },
  })
  const [area, ...paths] = positionals
  if (!Object.hasOwn(AREAS, area ?? '')) throw new Advice(`Say which: ${Object.keys(AREAS).join(' or ')}.`)
  const [shard, of] = values.shard.split('/').map(Number)
  if (!(shard >= 1 && shard <= of)) throw new Advice(`A shard is 1/8 to 8/8, say; got ${values.shard}.`)
  return {
    area,
    paths,
    shard,
    of,
    most: Number(values.most),
    seed: values.seed,
    jobs: Number(values.jobs),
    budgetMs: 1000 * Number(values.seconds),
    tests: values.tests,
    resume: values.resume,
  }
}

const shown = ({ file, line, was, is, tests }) =>
  `${file}:${line}\n    was ${was}\n    is  ${is}${tests === 0 ? '\n    no test reaches it' : ''}`

/** Tries each mutant on one of the benches, and adds what caught it, null for nothing, to the results. */
async function tryAll(mutants, benches, { results, write }) {
  const all = results.length + mutants.length
  await eachBy(benches, mutants, async (mutant, bench) => {
    const startedAt = Date.now()
    const caughtBy = await bench.catcher(mutant)
    // The signal has ended the tests too, which looks like a catch.
    if (wasInterrupted()) return
    const ms = Date.now() - startedAt
    results.push({ mutant, caughtBy })
    write({ mutant, caughtBy, ms })
    const place = `${mutant.file}:${mutant.line}`
    const count = dim(`${results.length}/${all}`)
    const took = dim(duration(ms))
    if (caughtBy === null) console.log(`${red('✘')} ${count} ${shown(mutant)} ${took}`)
    else console.log(`${green('✔')} ${count} ${place} ${mutant.is} ${dim(`by ${caughtBy}`)} ${took}`)
  })
}

/** The mutants of files whose path contains one of these, in the order of these; all if there are none. */
function ofPaths(mutants, paths) {
  if (paths.length === 0) return mutants
  return paths.flatMap((path, place) =>
    mutants.filter(
      ({ file }) => file.includes(path) && !paths.slice(0, place).some((other) => file.includes(other)),
    ),
  )
}

/** The numbers of caught mutants, by directory. */
function summarise(results) {
  const areas = new Map()
  for (const { mutant, caughtBy } of results) {
    const area = mutant.file.split('/').slice(0, -1).join('/')
    const counts = areas.get(area) ?? { caught: 0, all: 0 }
    counts.all += 1
    if (caughtBy !== null) counts.caught += 1
    areas.set(area, counts)
  }
  for (const [area, { caught, all }] of [...areas].sort())
    console.log(`${area.padEnd(28)} ${caught} of ${all} caught, ${Math.round((100 * caught) / all)} %`)
}

await main(async () => {
  forwardSignals()
  const { area, paths, jobs, budgetMs, tests, resume, ...draw } = parse(process.argv.slice(2))
  await setup()
  const all = await AREAS[area].mutants()
  const argued = arguedMutants()
  const stale = staleEntries(argued, all)
  const open = all.filter((mutant) => !argued.has(keyOf(mutant)))
  const chosen = ofPaths(drawn(ofPaths(open, paths), draw), paths)
  say(`${all.length} mutants, of which ${chosen.length} are tried`)
  const { benches, tried, stop, sources } = await AREAS[area].prepare(chosen, { jobs, tests, budgetMs })
  const path = join(root, `target/mutants/${area}.jsonl`)
  const { known, write } = openResults(path, { sources, resume })
  const results = tried.map(({ id }) => known.get(id)).filter(Boolean)
  const left = tried.filter(({ id }) => !known.has(id))
  await tryAll(left, benches, { results, write }).finally(stop)
  const survivors = results.filter(({ caughtBy }) => caughtBy === null)
  console.log(`\n${bold(`${survivors.length} of ${results.length} survived`)}`)
  for (const { mutant } of survivors) {
    const { file, was, is } = mutant
    console.log(JSON.stringify({ file, was, is }))
  }
  summarise(results)
  for (const entry of stale) console.log(red(`argued, and of no mutant any more: ${JSON.stringify(entry)}`))
  return survivors.length + stale.length === 0 ? 0 : 1
})
