/** The clocks of backends whose jobs are in this process. All others have a server, whose clock claims tell. */
import type { IJobQueueBackend } from '../types'

const CLOCKS = new WeakMap<object, () => number>()

/** @param now milliseconds since the epoch */
export function hasOwnClock(backend: object, now: () => number): void {
  CLOCKS.set(backend, now)
}

/** Null for a backend without one. */
export function ownClockOf(backend: IJobQueueBackend): (() => number) | null {
  return CLOCKS.get(backend) ?? null
}
