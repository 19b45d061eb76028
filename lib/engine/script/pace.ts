/**
 * The wait before the next look for work. Pure: the random number is an argument.
 *
 * Looks grow rarer while there is nothing to do, up to the poll interval, which is the longest silence: jitter only
 * shortens a wait. They also grow rarer while the backend fails, but never by more than a few seconds, so that work goes
 * on soon after an outage.
 */

const FIRST_IDLE_MS = 250
const FIRST_ERROR_MS = 100
const LONGEST_ERROR_MS = 5000
/** Doubling beyond this exponent is past every bound, and would lose precision. */
const MAX_DOUBLINGS = 24

/** @param emptyLooks the number of looks in a row that found nothing; at least 1 */
export function idleWait(emptyLooks: number, pollInterval: number, random: number): number {
  const ceiling = Math.min(pollInterval, FIRST_IDLE_MS * 2 ** Math.min(emptyLooks - 1, MAX_DOUBLINGS))
  return ceiling * (0.8 + 0.2 * random)
}

/** @param failures the number of looks in a row that failed; at least 1 */
export function errorWait(failures: number, random: number): number {
  const ceiling = Math.min(LONGEST_ERROR_MS, FIRST_ERROR_MS * 2 ** Math.min(failures - 1, MAX_DOUBLINGS))
  return ceiling * (0.5 + 0.5 * random)
}
