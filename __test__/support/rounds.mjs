/** Rounds of a test at random, each with a seed of its own: DURABL_FUZZ_SEED names the first, DURABL_FUZZ_SECONDS goes on for so long. */

const SEED = Number(process.env.DURABL_FUZZ_SEED ?? 1)
const SECONDS = Number(process.env.DURABL_FUZZ_SECONDS ?? 0)

/** How many there are where nobody asks for more. */
export const ROUNDS = 400

/**
 * The seeds, one after the other.
 *
 * @param share of the seconds, which all tests of a file have together: the time that a file may take is reckoned by them
 */
export function* seeds(share) {
  const end = performance.now() + 1000 * SECONDS * share
  for (let seed = SEED; seed < SEED + ROUNDS || performance.now() < end; seed += 1) yield seed
}

/** How to have a round again. */
export const again = (seed) => `again: DURABL_FUZZ_SEED=${seed}`
