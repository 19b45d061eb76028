/** The engine's tests on one mutant, until the first one fails. */
import { capture } from '../process.mjs'
import { serverForTests } from '../test/server.mjs'

const FAILED = /^test (\S+) \.\.\. FAILED$/
/** A test that takes this many times as long as without a mutant never ends. */
const PATIENCE = 4
const LEAST_PATIENCE_MS = 60_000
/** Times that the whole suite is run while it fails and the test that failed passes alone: it only was too slow then. */
const ROUNDS = 3

/** The tests, from the quickest to the slowest: what a mutant breaks is mostly found by the first. */
const STAGES = [
  { name: 'unit', program: 'unit', args: ['--skip', 'model::'] },
  { name: 'model', program: 'unit', args: ['model::'] },
  { name: 'suite', program: 'suite', args: [] },
]

/** Runs a test program; the first test that fails ends it. Resolves to `passed`, `slow`, or the test's name. */
async function firstFailure(program, args, { env, timeoutMs }) {
  const stop = new AbortController()
  let failed = null
  const onLine = (line) => {
    failed ??= line.match(FAILED)?.[1] ?? null
    if (failed !== null) stop.abort()
  }
  const startedAt = Date.now()
  const { code } = await capture(program, args, { env, onLine, timeoutMs, signal: stop.signal })
  if (failed !== null) return { failed }
  if (code === 0) return { failed: null }
  return { failed: Date.now() - startedAt >= timeoutMs ? '(it does not end)' : '(it ends badly)' }
}

/**
 * Somewhere to try mutants, one at a time, with a server of its own.
 *
 * @param wanted the stages to go through; all if there are none
 */
export async function rustBench(programs, wanted) {
  const stages = STAGES.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
  const server = await serverForTests()
  const environment = (id) => ({
    DURABL_TEST_URL: server.url,
    DURABL_MUTANT: String(id),
    RUST_BACKTRACE: '0',
  })

  async function run({ program, args }, id, timeoutMs) {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { failed } = await firstFailure(programs[program], args, { env: environment(id), timeoutMs })
      if (failed === null || failed.startsWith('(')) return failed
      const alone = await firstFailure(programs[program], ['--exact', failed], {
        env: environment(id),
        timeoutMs,
      })
      if (alone.failed !== null) return failed
    }
    return null
  }

  return {
    /** By stage, how long its tests may take. */
    limits: new Map(),
    /** The time limit of the tests, by their time without a mutant; all of them must pass. */
    async measure() {
      const limits = new Map()
      for (const stage of stages) {
        const startedAt = Date.now()
        const failed = await run(stage, 0)
        if (failed !== null) throw new Error(`without a mutant ${failed} fails`)
        limits.set(stage.name, Math.max(LEAST_PATIENCE_MS, PATIENCE * (Date.now() - startedAt)))
      }
      return limits
    },
    /** The test that fails because of a mutant, or null. */
    async catcher({ id }) {
      for (const stage of stages) {
        const failed = await run(stage, id, this.limits.get(stage.name))
        if (failed !== null) return `${stage.name} ${failed}`
      }
      return null
    },
    stop: () => server.stop(),
  }
}
