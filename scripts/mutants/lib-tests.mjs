/** The JavaScript tests on one mutant of `lib/`, until the first one fails. */
import { Host } from './host.mjs'

/** A test that takes this many times as long as without a mutant, and this on top, never ends. */
const PATIENCE = 8
const LEAST_PATIENCE_MS = 3_000
/** Tests that run before it is asked whether one failed: few at first, as most mutants fall soon. */
const CHUNKS = [1, 3, 10, 30, 100, 300, 1000]

/** Tests that a survivor meets once more, in a new process. */
const MOST_AGAIN = 40
/** The compiler is asked of a mutant that outlives so many of them: that takes longer than they do, and less long than the rest. */
const TURNS_BEFORE_COMPILER = 3
const COMPILER = { failed: 'tsc', wasAsked: true, isBadEnd: false }

const limitOf = ({ ms }) => LEAST_PATIENCE_MS + PATIENCE * ms

const byFile = (tests) => {
  const groups = new Map()
  for (const test of tests) groups.set(test.file, [...(groups.get(test.file) ?? []), test])
  return groups
}

function* chunksOf(tests) {
  let from = 0
  for (let turn = 0; from < tests.length; turn += 1) {
    const size = CHUNKS[Math.min(turn, CHUNKS.length - 1)]
    yield tests.slice(from, from + size)
    from += size
  }
}

/**
 * Somewhere to try mutants, one at a time.
 *
 * @param directory a copy of the package, with all mutants in it
 * @param reaching the tests that reach a mutant
 * @param isOfFile whether a mutant's code runs while its file is loaded, and never again
 * @param budgetMs the time for one mutant's tests, as they take without it
 * @param isTyped whether the compiler takes a mutant
 */
export function libBench({ directory, env, reaching, isOfFile, isTyped, budgetMs }) {
  /** By source file, how often each test has caught a mutant: those are run first. */
  const catches = new Map()
  let host = null

  function chosen(mutant) {
    const caught = catches.get(mutant.file) ?? new Map()
    // A test of this file alone shows more than one that passes through it.
    const worth = (test) =>
      ((0.02 + (caught.get(test) ?? 0)) * (0.05 + (test.shares.get(mutant.file) ?? 0))) / (5 + test.ms)
    const tests = reaching(mutant).toSorted((one, other) => worth(other) - worth(one))
    let total = 0
    return tests.filter(({ ms }) => (total += ms) === ms || total <= budgetMs)
  }

  async function restart(mutant = 0) {
    await host?.stop()
    host = await Host.start({ directory, env, mutant })
  }

  /** Runs these tests of one file. */
  async function failing(file, tests, mutant) {
    const answer = await host.order({
      order: 'run',
      file,
      mutant,
      tests: tests.map(({ index }) => index),
      limits: tests.map(limitOf),
    })
    const failed = answer.failed && tests.find(({ index }) => index === answer.failed.index)
    const isBadEnd = Boolean(answer.broken || answer.hangs || answer.died || answer.failed?.isSlow)
    return { failed: failed ?? (isBadEnd ? tests[0] : null), isBadEnd, wasAsked: answer.wasAsked ?? true }
  }

  /** The test that fails with this mutant; null for none. `wasAsked` tells whether any of them got to it. */
  async function firstFailure(mutant, tests) {
    let wasAsked = false
    for (const [turn, chunk] of [...chunksOf(tests)].entries()) {
      if (turn === TURNS_BEFORE_COMPILER && !isTyped(mutant)) return COMPILER
      for (const [file, own] of byFile(chunk)) {
        const result = await failing(file, own, mutant.id)
        wasAsked ||= result.wasAsked
        if (result.failed !== null) return { ...result, wasAsked }
      }
    }
    return { failed: null, wasAsked, isBadEnd: false }
  }

  /** As above, in a new process that has had the mutant from its start. */
  async function inNewProcess(mutant, tests) {
    await restart(mutant.id)
    const result = await firstFailure(mutant, tests)
    await host.stop()
    return result.failed
  }

  async function caught(mutant) {
    const tests = chosen(mutant)
    if (tests.length === 0) return null
    const repeatable = tests.filter(({ isUnrepeatable }) => !isUnrepeatable)
    const others = tests.filter(({ isUnrepeatable }) => isUnrepeatable).slice(0, 20)
    if (isOfFile(mutant)) return inNewProcess(mutant, tests)
    if (!host?.isAlive) await restart()
    const { failed, isBadEnd, wasAsked } = await firstFailure(mutant, repeatable)
    if (failed === 'tsc') return failed
    if (failed !== null) {
      // The next mutant must not meet traces of this one. So the test has to pass without it.
      if (isBadEnd) await host.stop()
      else if ((await failing(failed.file, [failed], 0)).failed !== null)
        return inNewProcess(mutant, [failed, ...repeatable.filter((test) => test !== failed)])
      return failed
    }
    if (!wasAsked) return inNewProcess(mutant, tests)
    // A process that has run the code before may answer from what it has kept.
    return inNewProcess(mutant, [...others, ...repeatable.slice(0, MOST_AGAIN)])
  }

  return {
    /** The compiler or the test that catches a mutant; null if it survives. */
    async catcher(mutant) {
      const failed = await caught(mutant)
      if (failed === 'tsc' || (failed === null && !isTyped(mutant))) return 'tsc'
      if (failed === null) return null
      const counts = catches.get(mutant.file) ?? new Map()
      catches.set(mutant.file, counts.set(failed, (counts.get(failed) ?? 0) + 1))
      return `${failed.file} ${failed.name}`
    },
    stop: async () => host?.stop(),
  }
}
