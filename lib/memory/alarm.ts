import { afterIfAlive } from '../base/timers'
import type { Cancel } from '../base/timers'

/** One timer, for the soonest of many moments, in milliseconds since the epoch. Keeps no process alive. */
export class Alarm {
  private armed: { readonly moment: number; readonly cancel: Cancel } | null = null

  /**
   * @param soonest the next moment; null for none. Costs a look at everything, so it is asked seldom
   * @param now by the same clock
   * @param ring called at a moment that was set, or a little later; perhaps even at one that has lost its meaning
   */
  constructor(
    private readonly soonest: () => number | null,
    private readonly now: () => number,
    private readonly ring: () => void,
  ) {}

  /** Rings at this moment too. */
  add(moment: number): void {
    if (this.armed !== null && this.armed.moment <= moment) return
    this.stop()
    // Never 0: a clock that stands still would make it ring without end.
    const cancel = afterIfAlive(Math.max(1, moment - this.now()), () => {
      this.armed = null
      this.ring()
      this.start()
    })
    this.armed = { moment, cancel }
  }

  /** Rings at the soonest moment there is. */
  start(): void {
    const moment = this.soonest()
    if (moment !== null) this.add(moment)
  }

  stop(): void {
    this.armed?.cancel()
    this.armed = null
  }
}
