import { settlesWithin } from './timers'

/**
 * The log lines of one run, written one after the other so that they keep their order. A line that can't be written is
 * dropped: logging never fails a job.
 */
export class RunLog {
  private tail: Promise<void> | null = null

  constructor(
    private readonly write: (message: string) => Promise<void>,
    private readonly onDropped: (err: unknown) => void,
  ) {}

  /** Resolves when the line was written or dropped. */
  add(message: string): Promise<void> {
    const tail = this.tail === null ? this.attempt(message) : this.tail.then(() => this.attempt(message))
    this.tail = tail
    void tail.then(() => {
      if (this.tail === tail) this.tail = null
    })
    return tail
  }

  /** Null if there is nothing to wait for. Else resolves when all lines are written, after `limitMs` at the latest. */
  flushed(limitMs: number): Promise<unknown> | null {
    return this.tail === null ? null : settlesWithin(this.tail, limitMs)
  }

  private async attempt(message: string): Promise<void> {
    try {
      await this.write(message)
    } catch (err) {
      this.onDropped(err)
    }
  }
}
