/** Observers of jobs, from the call that makes a job to the end of its runs. */
import type { EnqueueOptions } from './produce.js'
import type { Job } from './job.js'
import type { JobQueueOptions } from './queue-options.js'

/**
 * The trace context in which a job was made, in the form of the W3C Trace Context headers. It is stored with the job, so that the job's runs can
 * be linked to the call that made it. See {@link EnqueueOptions.trace}.
 */
export interface JobTrace {
  /** Version, trace id, span id and flags: `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`, for example. */
  traceparent: string
  /** Entries of tracing vendors; at most 512 characters. */
  tracestate?: string | undefined
}

/** A call that makes jobs, as {@link Telemetry.making} receives it. Its arguments have been checked. */
export interface MakingCall {
  /** The name of the called method. */
  operation: 'enqueue' | 'enqueueDetailed' | 'enqueueMany' | 'claimOrEnqueue'
  /** The type of the jobs; null if they have several. */
  type: string | null
  /** The number of jobs that the call asks for. */
  count: number
}

/** The end of a call that makes jobs. */
export interface MakingEnd {
  /** The ids of the jobs that the call made. Jobs whose key was held or whose id was taken are missing. */
  ids: readonly string[]
  /** The reason of a failure; absent if the call succeeded. */
  error?: unknown
  /** The duration of the call, in milliseconds. */
  durationMs: number
}

/** Observes one call that makes jobs. */
export interface MakingObserver {
  /** The context to store with each job of the call that has no `trace` of its own. Absent: none is stored. */
  trace?: JobTrace | undefined
  /** Must call `call` exactly once, synchronously, and return its result. Make a tracing context current here. */
  run<R>(call: () => R): R
  /**
   * Called when the call is over; once or never. A call in a transaction is over when the transaction has committed. If the transaction aborts, the
   * call has made nothing, and `ended` is not called.
   */
  ended(end: MakingEnd): void
}

/** The end of a run. */
export interface RunEnd {
  /**
   * The fate of the job. `released`: the job was deferred, or the queue shut down. `lease-lost`, `already-terminal` and `not-found`: the run
   * no longer had the job. `not-written`: the server did not receive the verdict, so the job runs again when its lease has expired.
   */
  status:
    | 'completed'
    | 'retry-scheduled'
    | 'failed-terminal'
    | 'superseded'
    | 'cancelled'
    | 'released'
    | 'lease-lost'
    | 'already-terminal'
    | 'not-found'
    | 'not-written'
  /** The value that the handler threw, or the error that cut it short; absent if there is none. */
  error?: unknown
  /** The reason of a failure; absent if there was none. */
  reason?: string | undefined
  /** The duration of the handler, in milliseconds. */
  durationMs: number
}

/** Observes one run of a handler, which is one attempt of a job. */
export interface RunObserver {
  /** Must call `handler` exactly once, synchronously, and return its result. Make a tracing context current here. */
  run<R>(handler: () => R): R
  /** Called once, when the verdict is written and the handler has ended or is no longer waited for. */
  ended(end: RunEnd): void
}

/**
 * Observes a queue; see {@link JobQueueOptions.telemetry}. It is a plain object, so you can write your own without any package:
 *
 * ```ts
 * const slowRuns: Telemetry = {
 *   making: () => null,
 *   running: (job) => ({
 *     run: (handler) => handler(),
 *     ended: ({ durationMs }) => {
 *       if (durationMs > 10_000) console.warn(`${job.type} ${job.id} took ${durationMs} ms`)
 *     },
 *   }),
 * }
 * ```
 *
 * The queue calls it for each job, so it should be quick. An error that it throws is logged once and affects no job.
 */
export interface Telemetry {
  /** Called before a call makes jobs. Return null to observe nothing of the call. */
  making(call: MakingCall): MakingObserver | null
  /** Called before a handler starts, even if its job was claimed earlier. Return null to observe nothing of the run. */
  running(job: Job<any>): RunObserver | null
}
