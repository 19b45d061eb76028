/** The tests of `lib/`: how long each takes, and which mutants it asks for. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { eachBy, root } from '../process.mjs'
import { say } from '../terminal.mjs'
import { digestOf } from './digest.mjs'
import { Host } from './host.mjs'

const KNOWN = join(root, 'target/mutants/reach')
/** A test that takes longer is none for thousands of mutants. */
const LIMIT_MS = 30_000

/** Runs the tests of one file, each by itself. */
async function measured(file, directory, env) {
  const host = await Host.start({ directory, env })
  const tests = new Map()
  let atLoad = []
  const answer = await host.order({ order: 'measure', file, limitMs: LIMIT_MS }, (message) => {
    if (message.names) {
      atLoad = message.atLoad
      message.names.forEach((name, index) => tests.set(index, { file, index, name, ms: null, asked: [] }))
    } else if (message.index !== undefined) Object.assign(tests.get(message.index), message)
  })
  await host.stop()
  for (const index of answer.unrepeatable ?? []) tests.get(index).isUnrepeatable = true
  const problem = answer.broken || (answer.hangs && 'hangs') || (answer.died && 'died')
  return { file, atLoad, tests: [...tests.values()], problem: problem || null }
}

/**
 * Measures these test files, several at once. Runs of equal sources and tests use the results again.
 *
 * @param sources all files of the package and its tests, by which it is known
 * @returns by file `{ file, atLoad, tests: [{ file, index, name, ms, asked, why, isUnrepeatable }], problem }`
 */
export async function measureTests(files, { directory, sources, environments }) {
  const known = join(KNOWN, `${digestOf(directory, sources)}.json`)
  const results = existsSync(known) ? JSON.parse(readFileSync(known, 'utf8')) : []
  const waiting = files.filter((file) => !results.some((result) => result.file === file))
  if (waiting.length > 0) say(`running ${waiting.length} test files without a mutant`)
  await eachBy(environments, waiting, async (file, env) => {
    const startedAt = Date.now()
    const result = await measured(file, directory, env)
    results.push(result)
    const bad = result.tests.filter(({ ms, why }) => ms === null || why)
    const again = result.tests.filter(({ isUnrepeatable }) => isUnrepeatable)
    console.log(`${file}: ${result.tests.length} tests, ${Date.now() - startedAt} ms`)
    if (result.problem) console.log(`  can't be used: ${result.problem}`)
    for (const { name, why } of bad) console.log(`  fails: ${name}: ${why ?? 'no answer'}`)
    for (const { name } of again) console.log(`  only once: ${name}`)
  })
  mkdirSync(dirname(known), { recursive: true })
  writeFileSync(known, JSON.stringify(results))
  return results.filter(({ file }) => files.includes(file))
}
