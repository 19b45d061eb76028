/** The engine's tests on one mutant, until the first one fails. */
import { capture } from '../process.mjs'
import { chunksOf } from './chunks.mjs'

const FAILED = /^test (\S+) \.\.\. FAILED$/
/** A test that takes this many times as long as without a mutant never ends. */
const PATIENCE = 4
const LEAST_PATIENCE_MS = 20_000
/** Tests that run at once in a process: most of them wait for the server. */
const THREADS = 4
/** Times that tests are run while one fails that passes alone: it only was too slow then. */
const ROUNDS = 3

/** Runs these tests of one program; the first that fails ends it. Resolves to its name, a text in brackets, or null. */
async function firstFailure(program, tests, env) {
  const stop = new AbortController()
  let failed = null
  const onLine = (line) => {
    failed ??= line.match(FAILED)?.[1] ?? null
    if (failed !== null) stop.abort()
  }
  const times = tests.map(({ ms }) => ms)
  const expectedMs = Math.max(...times, times.reduce((sum, ms) => sum + ms, 0) / THREADS)
  const timeoutMs = Math.max(LEAST_PATIENCE_MS, PATIENCE * expectedMs)
  const startedAt = Date.now()
  const args = ['--exact', ...tests.map(({ name }) => name), `--test-threads=${THREADS}`]
  const { code } = await capture(program, args, { env, onLine, timeoutMs, signal: stop.signal })
  if (failed !== null) return failed
  if (code === 0) return null
  return Date.now() - startedAt >= timeoutMs ? '(it does not end)' : '(it ends badly)'
}

async function failureOf(program, tests, env) {
  for (let round = 0; round < ROUNDS; round += 1) {
    const failed = await firstFailure(program, tests, env)
    if (failed === null || failed.startsWith('(')) return failed
    const alone = tests.filter(({ name }) => name === failed)
    if ((await firstFailure(program, alone, env)) !== null) return failed
  }
  return null
}

/**
 * Somewhere to try mutants, one at a time.
 *
 * @param options.env names a server of its own
 * @param options.reaching the tests that reach a mutant
 * @param options.catches shared by all benches
 * @param options.cleanUp removes from the server all that tests that were broken off left behind
 */
export function rustBench(programs, { env, reaching, catches, budgetMs, cleanUp }) {
  return {
    /** The test that fails because of a mutant, or null. */
    async catcher(mutant) {
      const mutantEnv = { ...env, DURABL_MUTANT: String(mutant.id), RUST_BACKTRACE: '0' }
      for (const tests of chunksOf(reaching(mutant), mutant, catches, budgetMs)) {
        const failed = await failureOf(programs[tests[0].program], tests, mutantEnv)
        if (failed === null) continue
        await cleanUp()
        if (!failed.startsWith('(')) catches.note(failed, mutant)
        return `${tests[0].program} ${failed}`
      }
      return null
    },
  }
}
