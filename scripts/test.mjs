/**
 * Runs the tests, after all the set-up that they need.
 *
 *     npm test                              everything but `packed`
 *     npm test -- seed                      the JavaScript test files whose path contains `seed`
 *     npm test -- engine                    the engine's tests in Rust
 *     npm test -- engine recovers           those whose name contains `recovers`
 *     npm test -- packed                    what is published, installed into projects of its own; packs first, unless
 *                                           DURABL_PACKED names a directory of `npm run pack`; then nothing is built,
 *                                           and all other tests run on the engine from there, too
 *     npm test -- seed --test-name-pattern=dedupe
 *
 * MONGO_URL names a replica set to test on; without it one is started. A skipped test counts as a failure.
 */
import { forwardSignals, wasInterrupted } from './process.mjs'
import { setup } from './setup.mjs'
import { bold, duration, green, main, red, say } from './terminal.mjs'
import { ensureInstalled } from './setup/install.mjs'
import { ensureLib } from './setup/lib.mjs'
import { packedElsewhere, takePackedEngine } from './test/packed.mjs'
import { plan } from './test/plan.mjs'
import { serverForTests } from './test/server.mjs'

const areAll = (parts, wanted) => parts.every(({ name }) => name === wanted)

/** Needs neither Rust nor the time that it takes. */
async function setupFromPackages(parts) {
  await ensureInstalled()
  if (areAll(parts, 'packed')) return
  await ensureLib()
  await takePackedEngine()
}

/** @param isFiltered whether a pattern chooses tests by their names: a part may have none of them, but not all parts */
function summarise(results, isFiltered) {
  console.log()
  const isEmpty = ({ passed }) => passed === 0 && !(isFiltered && sum('passed') > 0)
  const sum = (what) => results.reduce((total, [, counts]) => total + counts[what], 0)
  for (const [name, { passed, failed, skipped, broken, ms }] of results) {
    const good = failed + skipped === 0 && !isEmpty({ passed }) && !broken
    const extra = `${skipped > 0 ? `, ${skipped} skipped` : ''}${broken ? ', ended badly' : ''}`
    const counts = `${passed} passed, ${failed} failed${extra}`
    console.log(`${good ? green('✔') : red('✘')} ${name.padEnd(8)} ${counts} ${duration(ms)}`)
  }
  const skipped = sum('skipped')
  if (skipped > 0)
    console.log(red(`${skipped} SKIPPED: a skipped test shows nothing, so this run has failed`))
  const broken = results.filter(([, counts]) => counts.broken || isEmpty(counts)).length
  console.log(`total: ${sum('passed')} passed, ${sum('failed') + skipped + broken} failed`)
  return sum('failed') + skipped + broken === 0 ? 0 : 1
}

await main(async () => {
  forwardSignals()
  const args = process.argv.slice(2)
  const parts = plan(args)
  if (packedElsewhere()) await setupFromPackages(parts)
  // Of the package, the engine's own tests need nothing.
  else await (areAll(parts, 'engine') ? ensureInstalled() : setup())
  const server = await serverForTests()
  const results = []
  try {
    // Beside the first parts, which look at no clock.
    const compiled = Promise.all(parts.map(({ compile }) => compile?.()))
    for (const { name, run, compile } of parts) {
      if (wasInterrupted()) break
      console.log(`\n${bold(name)}`)
      const start = Date.now()
      if (compile) await compiled
      const counts = await run({ DURABL_TEST_URL: server.url })
      results.push([name, { ...counts, ms: Date.now() - start }])
    }
  } finally {
    await server.stop()
  }
  if (!wasInterrupted())
    return summarise(
      results,
      args.some((arg) => arg.startsWith('--test-name-pattern')),
    )
  say('interrupted')
  return 130
})
