import { Deferred } from '../base/deferred'
import type { DurablError } from '../base/errors'
import type { ManagedRun } from '../run/run'
import type { Run } from '../run/settler'

/** The runs of one driver that are not at their end, by number. */
export class RunSet {
  private readonly runs = new Map<number, ManagedRun>()
  /** Claims on their way, each of which may bring a run. */
  private expected = 0
  private whenIdle: Deferred<void> | null = null

  add(run: ManagedRun): void {
    this.runs.set(run.id, run)
  }

  get(id: number): ManagedRun | undefined {
    return this.runs.get(id)
  }

  remove(run: Run): void {
    this.runs.delete(run.id)
    this.tellIfIdle()
  }

  /** Counts a claim as on its way until this has resolved. By then its run, if it brings one, must have been added. */
  async whileExpecting<T>(claim: () => Promise<T>): Promise<T> {
    this.expected += 1
    try {
      return await claim()
    } finally {
      this.expected -= 1
      this.tellIfIdle()
    }
  }

  /** A copy: runs go while a caller goes through them. */
  all(): ManagedRun[] {
    return [...this.runs.values()]
  }

  /** Resolves when there is no run, and no claim on its way. */
  idle(): Promise<void> {
    if (this.isIdle) return Promise.resolve()
    this.whenIdle ??= new Deferred()
    return this.whenIdle.promise
  }

  private get isIdle(): boolean {
    return this.runs.size === 0 && this.expected === 0
  }

  private tellIfIdle(): void {
    if (this.whenIdle === null || !this.isIdle) return
    this.whenIdle.resolve()
    this.whenIdle = null
  }

  /** Gives back the jobs of one type or of all that no handler has started on. */
  releaseWaiting(type?: string): void {
    for (const run of this.all()) {
      if (run.isWaiting && (type === undefined || run.job.type === type)) run.release()
    }
  }

  abortAll(reason: DurablError): void {
    for (const run of this.all()) run.abort(reason)
  }

  releaseAll(): void {
    for (const run of this.all()) run.release()
  }
}
