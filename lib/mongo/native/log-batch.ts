/**
 * The log lines of each claim cross over to the engine together. Lines added while a write is on its way travel in the next one. So they keep
 * their order, and a line costs no round trip of its own.
 */
import { afterMicrotasks, monotonicNow } from '../../base/timers'
import type { NativeFailure } from './addon'

/** Lines of one claim, oldest first, and the age of each. */
export interface LogLines {
  readonly messages: string[]
  readonly agesMs: Float64Array
}

/** Writes lines of one claim; null once they are written, or the reason that they are not. */
export type WriteLog = (
  jobId: string,
  claimToken: string | null,
  lines: LogLines,
) => Promise<NativeFailure | null>

/** Lines that travel together. */
class Batch {
  readonly written: Promise<NativeFailure | null>
  settle!: (written: Promise<NativeFailure | null>) => void
  private messages: string[] = []
  private addedAt: number[] = []

  constructor(private readonly most: number) {
    this.written = new Promise((resolve) => (this.settle = resolve))
  }

  add(message: string): void {
    this.messages.push(message)
    this.addedAt.push(monotonicNow())
    // Not one by one: each removal moves all that stay.
    if (this.messages.length >= 2 * this.most) this.keepNewest()
  }

  lines(): LogLines {
    this.keepNewest()
    const now = monotonicNow()
    return { messages: this.messages, agesMs: Float64Array.from(this.addedAt, (at) => now - at) }
  }

  /** Older ones would be pushed out of the job's log by the very write that brings them. */
  private keepNewest(): void {
    this.messages = this.messages.slice(-this.most)
    this.addedAt = this.addedAt.slice(-this.most)
  }
}

export class LogBatches {
  /** By claim, the batch that waits for the write that is on its way. */
  private readonly waiting = new Map<string, Batch | null>()

  /** @param most lines that a job keeps */
  constructor(
    private readonly write: WriteLog,
    private readonly most: number,
  ) {}

  /** Null once the line is written, or has given way to newer ones; else the reason that it is not written. */
  add(jobId: string, claimToken: string | null, message: string): Promise<NativeFailure | null> {
    const claim = JSON.stringify([jobId, claimToken])
    let batch = this.waiting.get(claim)
    if (batch == null) {
      const isFirst = batch === undefined
      batch = new Batch(this.most)
      this.waiting.set(claim, batch)
      // By then all callers of this turn have added their lines.
      if (isFirst) afterMicrotasks(() => void this.writeAll(claim, jobId, claimToken))
    }
    batch.add(message)
    return batch.written
  }

  private async writeAll(claim: string, jobId: string, claimToken: string | null): Promise<void> {
    for (let batch = this.waiting.get(claim); batch != null; batch = this.waiting.get(claim)) {
      this.waiting.set(claim, null)
      batch.settle(this.write(jobId, claimToken, batch.lines()))
      await batch.written.catch(() => {})
    }
    this.waiting.delete(claim)
  }
}
