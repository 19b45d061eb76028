/** The order of the tests that try a mutant. */

const FIRST_CHUNK = 6

/** Which tests caught mutants, of a function and of its file: they are likely to catch the next ones. */
export class Catches {
  #counts = new Map()

  note(test, mutant) {
    for (const place of [mutant.file, mutant.place]) {
      const key = `${place} ${test}`
      this.#counts.set(key, this.of(test, place) + 1)
    }
  }

  of(test, place) {
    return this.#counts.get(`${place} ${test}`) ?? 0
  }
}

/** A second, so that a test of a millisecond is no thousand times better than one of a second. */
const START_MS = 1_000

/** A test's worth for the mutants of a file: the share of that file in all functions that it reaches, for its time. */
const worth = ({ ms, reachedByFile, reached }, file) =>
  (reachedByFile.get(file) ?? 0) / reached.length / (START_MS + ms)

/**
 * Puts tests into chunks, each for one process; each is larger than the last one. First come those that caught most mutants of this
 * function, then of this file. Next come those that are quick and about this file.
 *
 * @param tests with `name`, `program`, `ms`, the functions that were `reached`, and how many of them by file
 * @param mutant with its `file`, and its function as `place`
 * @param budgetMs leaves out tests once those before take so long together; at least one chunk remains
 */
export function chunksOf(tests, mutant, catches, budgetMs = Infinity) {
  const { file, place } = mutant
  const inOrder = tests.toSorted(
    (one, other) =>
      catches.of(other.name, place) - catches.of(one.name, place) ||
      catches.of(other.name, file) - catches.of(one.name, file) ||
      worth(other, file) - worth(one, file),
  )
  const chunks = []
  let spentMs = 0
  for (let from = 0, size = FIRST_CHUNK; from < inOrder.length && spentMs < budgetMs; from += size / 2) {
    const tried = inOrder.slice(from, from + size)
    for (const program of new Set(tried.map((test) => test.program)))
      chunks.push(tried.filter((test) => test.program === program))
    spentMs += tried.reduce((sum, { ms }) => sum + ms, 0)
    size *= 2
  }
  return chunks
}
