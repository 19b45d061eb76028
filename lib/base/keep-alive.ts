import { clearInterval, setInterval } from 'node:timers'

/** Longer than any process waits; the handle's callback has nothing to do. */
const FOREVER_MS = 2 ** 31 - 1

/**
 * Keeps the process alive while there is a reason to: a registered processor, or a managed run whose verdict is on its
 * way. The engine's own callback is weak, so without this a worker would end as soon as its queue runs dry.
 *
 * The timer functions are those of `node:timers`, taken when this module loads: fake timers neither fire nor count them.
 */
export class KeepAlive {
  private reasons = 0
  private handle: ReturnType<typeof setInterval> | null = null

  /** One more reason. Every `hold` is matched by one `release`. */
  hold(): void {
    this.reasons += 1
    this.handle ??= setInterval(() => {}, FOREVER_MS)
  }

  /** One reason less; after the last one nothing here holds the process. */
  release(): void {
    this.reasons -= 1
    if (this.reasons <= 0) this.drop()
  }

  /** Drops all reasons, held or not. */
  drop(): void {
    this.reasons = 0
    if (this.handle === null) return
    clearInterval(this.handle)
    this.handle = null
  }
}
