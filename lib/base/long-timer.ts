import { afterIfAlive, monotonicNow } from './timers'
import type { Cancel } from './timers'

/** The longest delay that timers take. */
const LONGEST_MS = 2 ** 31 - 1

/** As {@link afterIfAlive}, for delays of any length. */
export function afterLong(delayMs: number, callback: () => void): Cancel {
  if (delayMs <= LONGEST_MS) return afterIfAlive(delayMs, callback)
  const end = monotonicNow() + delayMs
  let cancel = afterIfAlive(LONGEST_MS, function again() {
    const left = end - monotonicNow()
    cancel = left > LONGEST_MS ? afterIfAlive(LONGEST_MS, again) : afterIfAlive(Math.max(0, left), callback)
  })
  return () => cancel()
}
