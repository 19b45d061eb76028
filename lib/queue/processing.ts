import { shownAs } from '../base/print'
import type { DriverProcessor } from '../driver/driver'
import type { Processor } from '../types'
import { checkConcurrency } from '../validate'

/** A processor as an app has it; documented in the public types. */
export class Processing implements Processor {
  private stopped: Promise<void> | null = null

  /** @param ended called once, when the processor has stopped */
  constructor(
    private readonly inner: DriverProcessor,
    private readonly ended: () => void,
  ) {}

  stop(): Promise<void> {
    this.stopped ??= this.inner.stop().then(this.ended)
    return this.stopped
  }

  setConcurrency(concurrency: number): void {
    const checked = checkConcurrency('setConcurrency', concurrency)
    if (this.stopped === null) this.inner.setConcurrency(checked)
  }

  static {
    shownAs(this, ({ inner, stopped }) => ({
      type: inner.type,
      state: stopped === null ? 'open' : 'stopped',
    }))
  }
}
