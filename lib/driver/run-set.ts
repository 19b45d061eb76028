import { Deferred } from '../deferred'
import type { DurablError } from '../errors'
import type { ManagedRun } from '../managed-run'

/** The runs of one driver that are not at their end, by number. */
export class RunSet {
  private readonly runs = new Map<number, ManagedRun>()
  private whenEmpty: Deferred<void> | null = null

  add(run: ManagedRun): void {
    this.runs.set(run.id, run)
  }

  get(id: number): ManagedRun | undefined {
    return this.runs.get(id)
  }

  remove(run: ManagedRun): void {
    this.runs.delete(run.id)
    if (this.runs.size > 0 || this.whenEmpty === null) return
    this.whenEmpty.resolve()
    this.whenEmpty = null
  }

  idle(): Promise<void> {
    if (this.runs.size === 0) return Promise.resolve()
    this.whenEmpty ??= new Deferred()
    return this.whenEmpty.promise
  }

  /** Gives back what no handler has started on. */
  releaseWaiting(): void {
    for (const run of [...this.runs.values()]) if (run.isWaiting) run.release()
  }

  abortAll(reason: DurablError): void {
    for (const run of [...this.runs.values()]) run.abort(reason)
  }

  releaseAll(): void {
    for (const run of [...this.runs.values()]) run.release()
  }
}
