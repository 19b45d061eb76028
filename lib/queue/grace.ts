/** The time that a shutdown gives to running handlers. A later call may make it shorter, never longer. */
import { after, monotonicNow } from '../base/timers'
import type { Cancel } from '../base/timers'

export class Grace {
  private endsAt: number
  private readonly waits = new Set<() => void>()

  constructor(ms: number) {
    this.endsAt = monotonicNow() + ms
  }

  /** Ends in `ms` from now, unless it ends earlier anyway. */
  shorten(ms: number): void {
    const endsAt = monotonicNow() + ms
    if (endsAt >= this.endsAt) return
    this.endsAt = endsAt
    for (const rearm of [...this.waits]) rearm()
  }

  /** Whole milliseconds until it ends, and `overtimeMs` more. */
  left(overtimeMs = 0): number {
    return Math.max(0, Math.ceil(this.endsAt + overtimeMs - monotonicNow()))
  }

  /** Waits for a promise until the grace has ended, and `overtimeMs` more. True if it settled in time. */
  covers(promise: PromiseLike<unknown>, overtimeMs = 0): Promise<boolean> {
    return new Promise((resolve) => {
      let cancel: Cancel
      const end = (inTime: boolean) => {
        cancel()
        this.waits.delete(rearm)
        resolve(inTime)
      }
      const arm = () => after(this.left(overtimeMs), () => end(false))
      const rearm = () => {
        cancel()
        cancel = arm()
      }
      cancel = arm()
      this.waits.add(rearm)
      const settled = () => end(true)
      promise.then(settled, settled)
    })
  }
}
