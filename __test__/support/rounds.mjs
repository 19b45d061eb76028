/**
 * The frame of tests at random: rounds, each with a seed of its own, which a failure tells. `engine/tests/suite/support/rounds.rs` is
 * the same for Rust. DURABL_FUZZ_SEED names the first seed. DURABL_FUZZ_SECONDS goes on for so long, with other seeds each time.
 */
import { randomInt } from 'node:crypto'
import { drawing } from './random.mjs'

const { DURABL_FUZZ_SEED: NAMED, DURABL_FUZZ_SECONDS: SECONDS = 0 } = process.env

/** The number of rounds where no other is asked for. */
export const ROUNDS = 400

/** A seed that nothing has drawn before; or the one that was asked for. */
export const newSeed = () => Number(NAMED ?? randomInt(2 ** 31))

/**
 * The seeds, one after the other.
 *
 * @param options.rounds how many there are at least
 * @param options.first the first of them, where none is asked for
 * @param options.share of the seconds, which all tests of a file have together: the time that a file may take is reckoned by them
 */
function* seeds({ rounds = ROUNDS, first = 1, share = 1 }) {
  const end = performance.now() + 1000 * Number(SECONDS) * share
  const from = Number(NAMED ?? first)
  for (let seed = from; seed < from + rounds; seed += 1) yield seed
  const later = NAMED === undefined ? newSeed() : from + rounds
  for (let seed = later; performance.now() < end; seed += 1) yield seed
}

/**
 * Runs a round for each seed. One that fails says how to have it again, and with what.
 *
 * @param t the test's context
 * @param options see {@link seeds}
 * @param round is given `draw`, to draw from; the `seed`; and `show`, to be called with a function that says what was drawn
 */
export async function atRandom(t, options, round) {
  for (const seed of seeds(options)) {
    let drawn = () => ''
    try {
      await round({ draw: drawing(seed), seed, show: (describe) => (drawn = describe) })
    } catch (error) {
      t.diagnostic(`again: DURABL_FUZZ_SEED=${seed}\n${drawn()}`)
      throw error
    }
  }
}
