/**
 * Runs the tests, after all the set-up that they need.
 *
 *     npm test                              everything but `packed`
 *     npm test -- seed                      the JavaScript test files whose path contains `seed`
 *     npm test -- engine                    the engine's tests in Rust
 *     npm test -- packed                    what is published, installed into projects of its own; packs first, unless
 *                                           DURABL_PACKED names a directory of `npm run pack`; then nothing is built,
 *                                           and all other tests run on the engine from there, too
 *     npm test -- seed --test-name-pattern=dedupe
 *
 * MONGO_URL names a replica set to test on; without it one is started. A skipped test counts as a failure.
 */
import { capture, forwardSignals, wasInterrupted } from './process.mjs'
import { setup } from './setup.mjs'
import { Advice, bold, duration, green, main, red, say } from './terminal.mjs'
import { ensureInstalled } from './setup/install.mjs'
import { ensureLib } from './setup/lib.mjs'
import { runNodeTests, testFiles } from './test/node.mjs'
import { isPackedTest, packedElsewhere, runPackedTests, takePackedEngine } from './test/packed.mjs'
import { runRustTests } from './test/rust.mjs'
import { serverForTests } from './test/server.mjs'

/** Programs that are compiled, not run: what the types accept and refuse. A declaration that is merged reaches all of one. */
const TYPE_PROJECTS = ['', '/augmented', '/augmented-commonjs', '/mongodb6'].map(
  (name) => `__test__/types${name}`,
)

async function runTypeTests() {
  const counts = { passed: 0, failed: 0, skipped: 0, broken: false }
  for (const project of TYPE_PROJECTS) {
    const { code, output } = await capture(process.execPath, [
      'node_modules/typescript/bin/tsc',
      '-p',
      project,
    ])
    console.log(code === 0 ? `${green('✔')} ${project} compiles` : `${red('✘')} ${project}\n${output}`)
    counts[code === 0 ? 'passed' : 'failed'] += 1
  }
  return counts
}

/** Needs neither Rust nor the time that it takes. */
async function setupFromPackages(parts) {
  await ensureInstalled()
  if (parts.every(([name]) => name === 'packed')) return
  await ensureLib()
  await takePackedEngine()
}

/** The parts of the run that the arguments ask for, in order. */
function plan(args) {
  const filters = args.filter((arg) => !arg.startsWith('-'))
  const options = args.filter((arg) => arg.startsWith('-'))
  const paths = filters.filter((filter) => !['types', 'engine'].includes(filter))
  const all = filters.length > 0 && paths.length === 0 ? [] : testFiles(paths)
  const files = all.filter((file) => !isPackedTest(file))
  // They take long, and the network: only where somebody asks for them.
  const packed = filters.length === 0 ? [] : all.filter(isPackedTest)
  const wants = (name) => filters.length === 0 || filters.includes(name)
  const parts = []
  if (wants('types')) parts.push(['types', runTypeTests])
  if (wants('engine')) parts.push(['engine', runRustTests])
  if (files.length > 0) parts.push(['package', (env) => runNodeTests(files, env, options)])
  if (packed.length > 0) parts.push(['packed', (env) => runPackedTests(packed, env, options)])
  if (parts.length === 0) throw new Advice(`No test file's path contains ${filters.join(' or ')}.`)
  return parts
}

function summarise(results) {
  console.log()
  const sum = (what) => results.reduce((total, [, counts]) => total + counts[what], 0)
  for (const [name, { passed, failed, skipped, broken, ms }] of results) {
    const good = failed + skipped === 0 && passed > 0 && !broken
    const extra = `${skipped > 0 ? `, ${skipped} skipped` : ''}${broken ? ', ended badly' : ''}`
    const counts = `${passed} passed, ${failed} failed${extra}`
    console.log(`${good ? green('✔') : red('✘')} ${name.padEnd(8)} ${counts} ${duration(ms)}`)
  }
  const skipped = sum('skipped')
  if (skipped > 0)
    console.log(red(`${skipped} SKIPPED: a skipped test shows nothing, so this run has failed`))
  const broken = results.filter(([, counts]) => counts.broken || counts.passed === 0).length
  console.log(`total: ${sum('passed')} passed, ${sum('failed') + skipped + broken} failed`)
  return sum('failed') + skipped + broken === 0 ? 0 : 1
}

await main(async () => {
  forwardSignals()
  const parts = plan(process.argv.slice(2))
  await (packedElsewhere() ? setupFromPackages(parts) : setup())
  const server = await serverForTests()
  const results = []
  try {
    for (const [name, body] of parts) {
      if (wasInterrupted()) break
      console.log(`\n${bold(name)}`)
      const start = Date.now()
      const counts = await body({ DURABL_TEST_URL: server.url })
      results.push([name, { ...counts, ms: Date.now() - start }])
    }
  } finally {
    await server.stop()
  }
  if (!wasInterrupted()) return summarise(results)
  say('interrupted')
  return 130
})
