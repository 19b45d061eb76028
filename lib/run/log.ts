import { settlesWithin } from '../base/timers'

/** How long a verdict or a transaction waits for the log lines that came before it. */
export const LOG_GRACE_MS = 2000

/**
 * The log lines of one run, written one after the other so that they keep their order. A line that can't be written is
 * dropped: logging never fails a job.
 */
export class RunLog {
  private tail: Promise<void> | null = null
  /** Lines that wait for {@link release}; null while lines are written as they come. */
  private held: string[] | null = null

  constructor(
    private readonly write: (message: string) => Promise<void>,
    private readonly onDropped: (err: unknown) => void,
  ) {}

  /** Lines are kept from now on. Nobody waits for one: whoever does may be what the release waits for. */
  hold(): void {
    this.held ??= []
  }

  /** What was kept is written, and what comes from now on. Harmless if nothing is held. */
  release(): void {
    const { held } = this
    this.held = null
    for (const message of held ?? []) void this.add(message)
  }

  /** Resolves when the line was written, dropped or put by. */
  add(message: string): Promise<void> {
    if (this.held !== null) {
      this.held.push(message)
      return Promise.resolve()
    }
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
