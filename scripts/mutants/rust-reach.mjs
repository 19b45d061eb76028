/** Each of the engine's tests by itself: its time, and the functions that run in it. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { capture, eachBy, root, wasInterrupted } from '../process.mjs'
import { say } from '../terminal.mjs'

const KNOWN = join(root, 'target/mutants/engine-reach.json')
/** A test that fails is repeated: a busy machine may have been too slow for it. */
const ROUNDS = 3

/** The stage of a test: `unit`, `model` or `suite`. */
const stageOf = (program, name) => (program === 'unit' && name.startsWith('model::') ? 'model' : program)

async function testsOf(programs) {
  const tests = []
  for (const program of ['unit', 'suite']) {
    const { code, output } = await capture(programs[program], ['--list', '--format', 'terse'])
    if (code !== 0) throw new Error(`${programs[program]} lists no tests:\n${output}`)
    for (const [, name] of output.matchAll(/^(\S+): test$/gm))
      tests.push({ program, stage: stageOf(program, name), name })
  }
  return tests
}

async function measured({ program, stage, name }, programs, env, reachedFile) {
  for (let round = 1; ; round += 1) {
    rmSync(reachedFile, { force: true })
    const startedAt = Date.now()
    const { code, output } = await capture(programs[program], ['--exact', name], {
      env: { ...env, DURABL_MUTANTS_REACHED: reachedFile },
    })
    if (code === 0) {
      const reached = existsSync(reachedFile) ? readFileSync(reachedFile, 'utf8').match(/\d+/g) : null
      return { program, stage, name, ms: Date.now() - startedAt, reached: (reached ?? []).map(Number) }
    }
    if (wasInterrupted()) return null
    if (round < ROUNDS) continue
    console.log(`fails without a mutant, and is left out: ${name}\n${output}`)
    return null
  }
}

/**
 * Measures all tests of these programs, one in each environment at a time. Runs with the same programs use the results again.
 *
 * @returns `{ program, stage, name, ms, reached }` of each test; `reached` has the numbers of functions
 */
export async function measureRustTests(programs, environments) {
  const known = existsSync(KNOWN) && JSON.parse(readFileSync(KNOWN, 'utf8'))
  if (known && known.sources === programs.sources) return known.tests
  const waiting = await testsOf(programs)
  say(`running ${waiting.length} tests without a mutant`)
  mkdirSync(dirname(KNOWN), { recursive: true })
  const tests = []
  const reachedFile = (place) => `${KNOWN}-${place}`
  await eachBy(environments, waiting, async (test, env, place) => {
    const result = await measured(test, programs, env, reachedFile(place))
    if (result) tests.push(result)
  })
  for (const place of environments.keys()) rmSync(reachedFile(place), { force: true })
  if (!wasInterrupted()) writeFileSync(KNOWN, JSON.stringify({ sources: programs.sources, tests }))
  return tests
}
