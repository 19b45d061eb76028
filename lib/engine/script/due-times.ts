import { after } from '../../base/timers'
import type { Cancel } from '../../base/timers'

/** The most timers at once; beyond that the poll has to do. */
const MAX_TIMERS = 1000
/** A timer may fire a little before the backend's clock has come so far: look once more. */
const SECOND_LOOK_MS = 5

/** Wakes a processor when jobs that were enqueued here with a delay fall due. */
export class DueTimes {
  private readonly timers = new Set<Cancel>()

  constructor(private readonly wake: () => void) {}

  add(delayMs: number): void {
    this.arm(delayMs)
    this.arm(delayMs + SECOND_LOOK_MS)
  }

  clear(): void {
    for (const cancel of this.timers) cancel()
    this.timers.clear()
  }

  private arm(delayMs: number): void {
    if (this.timers.size >= MAX_TIMERS) return
    const cancel = after(delayMs, () => {
      this.timers.delete(cancel)
      this.wake()
    })
    this.timers.add(cancel)
  }
}
