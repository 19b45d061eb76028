import { TimeoutError } from '../base/errors'
import { settlesWithin } from '../base/timers'

/** Time that a flush goes on without an answer to any line. A backend that gives a line up sooner says so itself. */
const SILENCE_MS = 10_000

/**
 * The log lines of one run, in their order. A line that can't be written is reported once per row of such lines, and dropped: logging never
 * fails a job.
 */
export class RunLog {
  /** Lines without an answer. */
  private unanswered = 0
  private answered = 0
  private tail: Promise<void> | null = null
  private isLosing = false
  /** Lines that wait for {@link release}; null while lines are written as they come. */
  private held: string[] | null = null

  constructor(
    private readonly write: (message: string) => Promise<void>,
    /** True if lines may be handed over before the ones before them are written. */
    private readonly keepsOrder: boolean,
    private readonly onLoss: (err: unknown) => void,
  ) {}

  /** Keeps lines from now on. Such a line resolves at once, as the release may wait for its caller. */
  hold(): void {
    this.held ??= []
  }

  /** Writes the lines that were kept, and all later ones at once. Harmless if nothing is held. */
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
    this.unanswered += 1
    const comesFirst = this.keepsOrder || this.tail === null
    const tail = comesFirst ? this.attempt(message) : this.tail!.then(() => this.attempt(message))
    this.tail = tail
    void tail.then(() => {
      if (this.tail === tail) this.tail = null
    })
    return tail
  }

  /**
   * Null if there is nothing to wait for. Else resolves once the lines so far are written. A backend that answers slowly loses none. One that
   * does not answer at all holds up no verdict for ever, and its unwritten lines are reported as lost.
   *
   * @param limitMs the longest it may take in all
   */
  flushed(limitMs = Infinity): Promise<void> | null {
    return this.tail === null ? null : this.flush(this.tail, limitMs)
  }

  private async flush(tail: Promise<void>, limitMs: number): Promise<void> {
    for (let leftMs = limitMs; leftMs > 0; leftMs -= SILENCE_MS) {
      const { answered } = this
      if (await settlesWithin(tail, Math.min(leftMs, SILENCE_MS))) return
      if (this.answered === answered) break
    }
    this.lost(
      new TimeoutError('ERR_DURABL_TIMEOUT', `lines that were not written in time: ${this.unanswered}`),
    )
  }

  private async attempt(message: string): Promise<void> {
    try {
      await this.write(message)
      this.isLosing = false
    } catch (err) {
      this.lost(err)
    }
    this.unanswered -= 1
    this.answered += 1
  }

  private lost(err: unknown): void {
    if (this.isLosing) return
    this.isLosing = true
    this.onLoss(err)
  }
}
