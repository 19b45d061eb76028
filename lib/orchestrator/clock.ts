import { monotonicNow } from '../base/timers'

/** Time that a reading counts; up to twice as long, as readings are kept by periods. */
const PERIOD_MS = 60_000

/**
 * The server's clock, as the claims of a queue show it. Each claim tells its time when the job was claimed, or its lease renewed. The newest of
 * these times is the nearest to the present.
 */
export class ClaimClock {
  private offset = -Infinity
  private offsetBefore = -Infinity
  private periodEnds = -Infinity

  /** A job was claimed at this moment of the server's clock, and is at hand now. */
  note(claimedAt: Date | undefined): void {
    const moment = claimedAt?.getTime() ?? NaN
    if (Number.isNaN(moment)) return
    const now = monotonicNow()
    if (now > this.periodEnds) {
      this.offsetBefore = now > this.periodEnds + PERIOD_MS ? -Infinity : this.offset
      this.offset = -Infinity
      this.periodEnds = now + PERIOD_MS
    }
    this.offset = Math.max(this.offset, moment - now)
  }

  /** Milliseconds since the epoch. The process's own clock if no claim has shown a time. */
  now(): number {
    const offset = Math.max(this.offset, this.offsetBefore)
    return offset === -Infinity ? Date.now() : Math.round(monotonicNow() + offset)
  }
}
