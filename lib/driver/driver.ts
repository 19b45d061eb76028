import type { DurablError } from '../base/errors'
import type { Reporter } from '../run/report'
import type { ManagedRun } from '../run/run'
import type { Job, JobHandler } from '../types'

/** What a driver needs to know of its queue. */
export interface DriverOptions {
  readonly visibilityTimeoutMs: number
  readonly autoRecover: boolean
  readonly report: Reporter
}

/** A processor, every option checked and every default known to be one. */
export interface Processor {
  readonly type: string
  readonly handler: JobHandler<any>
  readonly concurrency: number
  /** Null: the driver's default, which depends on whether wake-ups are pushed. */
  readonly pollInterval: number | null
  /** Null: a quarter of the visibility timeout. */
  readonly heartbeatIntervalMs: number | null
  /** Null: no limit. */
  readonly timeoutMs: number | null
  /** Null: the driver's choice. */
  readonly prefetch: number | null
}

/** A claim made by hand, once it is known whether it holds. */
export interface Adoption {
  /** Resolves when its run is over; null if the lease was lost, and there is no run. */
  readonly ended: Promise<ManagedRun> | null
}

/**
 * Gets jobs claimed, run and settled. Two of them exist: `EngineDriver` for an unmodified `MongoJobQueue`, whose native
 * engine owns the loop, and `JsDriver` for every other backend.
 *
 * The calls come in the order of a queue's life: `process` and `adopt` while it is open; then, when it shuts down,
 * `quiesce`, `abort`, `releaseAll`, `close`, each of which may be repeated.
 */
export interface Driver {
  /** Starts to claim and run jobs of a type. At most once for each type. */
  process(processor: Processor): void
  /** A job of this type was enqueued here; it is due in `delayMs`. */
  wake(type: string, delayMs: number): void
  /** Runs a job that was claimed by hand. Resolves with the run when it is over; null if its lease turned out to be lost. */
  adopt(job: Job<any>, handler: JobHandler<any>): Promise<ManagedRun | null>
  /** The backend has started: whatever it can do only from then on can begin. */
  backendStarted(): void
  /** No claims from now on. What was claimed but not started is given back. */
  quiesce(): void
  /** Resolves when no run is left. */
  idle(): Promise<void>
  /** Tells all handlers to stop. */
  abort(reason: DurablError): void
  /** Takes the jobs of all handlers that are still at work and gives them back. */
  releaseAll(): void
  /** The end: nothing here holds the process from now on. */
  close(): void
}
