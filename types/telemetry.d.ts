/** Following jobs from the calls that make them to the ends of their runs. */
import type { EnqueueOptions } from './produce.js'
import type { Job } from './job.js'
import type { JobQueueOptions } from './queue-options.js'

/**
 * The context in which a job was made, as the headers of W3C Trace Context carry it. With a job it is stored, so that its runs can be
 * linked to its maker. See {@link EnqueueOptions.trace}.
 */
export interface JobTrace {
  /** Version, trace id, span id and flags, as `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`. */
  traceparent: string
  /** Entries of vendors, at most 512 characters. */
  tracestate?: string | undefined
}

/** A call that makes jobs, as {@link Telemetry.making} is told of it. It has been checked already. */
export interface MakingCall {
  /** The method that was called. */
  operation: 'enqueue' | 'enqueueDetailed' | 'enqueueMany' | 'claimOrEnqueue'
  /** The type of all of its jobs; null if they have several. */
  type: string | null
  /** The number of jobs that it asks for. */
  count: number
}

/** The end of a call that makes jobs. */
export interface MakingEnd {
  /** The ids of the jobs that it made; those in whose way a held key or a taken id was are not among them. */
  ids: readonly string[]
  /** Why the call failed; absent if it did not. */
  error?: unknown
  /** The duration, in milliseconds. */
  durationMs: number
}

/** Follows one call that makes jobs. */
export interface MakingObserver {
  /** To be stored with each job of the call that has no `trace` of its own. Absent: nothing is. */
  trace?: JobTrace | undefined
  /** Has to call `call` once, at once, and to return what it does: the place to make a context the current one. */
  run<R>(call: () => R): R
  /**
   * The call is over. Called once, or never: a call in a transaction is over when that has committed, and one whose transaction was
   * aborted has made nothing.
   */
  ended(end: MakingEnd): void
}

/** The end of a run. */
export interface RunEnd {
  /**
   * The fate of the job: `completed`; `retry-scheduled`; `failed-terminal`; `superseded`; `cancelled`; `released`, as it was put off or
   * the queue shut down; `lease-lost`, `already-terminal` or `not-found`, as this run had nothing to decide any more; `not-written`, as the
   * server could not be told, so that the job runs again when its lease has expired.
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
  /** The reason of a failure; absent without one. */
  reason?: string | undefined
  /** The duration of the handler, in milliseconds. */
  durationMs: number
}

/** Follows one run of a handler: one attempt of a job. */
export interface RunObserver {
  /** Has to call `handler` once, at once, and to return what it does: the place to make a context the current one. */
  run<R>(handler: () => R): R
  /** The handler has ended, or is not waited for any longer, and the verdict is written. Called once. */
  ended(end: RunEnd): void
}

/**
 * Follows what a queue does; see {@link JobQueueOptions.telemetry}. It is a plain object, so one of your own needs no package:
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
 * It is called for each job, so it should be quick. An error that it throws is logged once, and harms no job.
 */
export interface Telemetry {
  /** A call is about to make jobs. Null: it is not followed. */
  making(call: MakingCall): MakingObserver | null
  /** A handler is about to start: for a job that was claimed ahead, when its turn has come. Null: the run is not followed. */
  running(job: Job<any>): RunObserver | null
}
