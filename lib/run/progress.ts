import { TimeoutError } from '../base/errors'
import { afterIfAlive, settlesWithin } from '../base/timers'
import type { Cancel } from '../base/timers'

/** The shortest time between the beginnings of two writes. */
const PAUSE_MS = 500
/** Time that a settlement waits for the last value. */
const PATIENCE_MS = 2000

/**
 * The progress of one run. Of values that come faster than they are written only the newest counts. A value that can't be written is reported
 * once per row of such values, and dropped: progress never fails a job.
 */
export class RunProgress {
  /** The newest value, while it is not being written. */
  private next: { readonly value: unknown } | null = null
  private writing: Promise<void> | null = null
  private cancelPause: Cancel | null = null
  private isHeld = false
  private isLosing = false

  constructor(
    private readonly write: (value: unknown) => Promise<void>,
    private readonly onLoss: (err: unknown) => void,
  ) {}

  set(value: unknown): void {
    this.next = { value }
    this.writeIfDue()
  }

  /** Holds writes back from now on: a transaction is about to write to the job. */
  hold(): void {
    this.isHeld = true
  }

  /** Harmless if nothing is held. */
  release(): void {
    this.isHeld = false
    this.writeIfDue()
  }

  /** Null if there is nothing to wait for. Else the newest value is written at once; resolves when it is, or when the time is up. */
  flushed(limitMs = PATIENCE_MS): Promise<void> | null {
    if (this.next === null && this.writing === null) return null
    return this.flush(Math.min(limitMs, PATIENCE_MS))
  }

  /** The handler has ended: nothing is written any more, but by {@link flushed}. */
  end(): void {
    this.cancelPause?.()
  }

  private async flush(limitMs: number): Promise<void> {
    const toTheLast = async () => {
      // A write that is on its way could arrive after the one that follows.
      await this.writing
      if (!this.isHeld) this.writeNow()
      await this.writing
    }
    if (await settlesWithin(toTheLast(), limitMs)) return
    this.lost(new TimeoutError('ERR_DURABL_TIMEOUT', 'ctx.progress: the last value was not written in time'))
  }

  private writeIfDue(): void {
    if (!this.isHeld && this.writing === null && this.cancelPause === null) this.writeNow()
  }

  private writeNow(): void {
    const { next } = this
    if (next === null) return
    this.next = null
    this.cancelPause?.()
    this.cancelPause = afterIfAlive(PAUSE_MS, () => {
      this.cancelPause = null
      this.writeIfDue()
    })
    this.writing = this.attempt(next.value)
  }

  private async attempt(value: unknown): Promise<void> {
    try {
      await this.write(value)
      this.isLosing = false
    } catch (err) {
      this.lost(err)
    }
    this.writing = null
    this.writeIfDue()
  }

  private lost(err: unknown): void {
    if (this.isLosing) return
    this.isLosing = true
    this.onLoss(err)
  }
}
