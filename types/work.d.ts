/** Handlers, and the processors that run them. */
import type { ClientSession, TransactionOptions } from 'mongodb'
import type { IJobQueueBackend } from './backend.js'
import type { CompleteResult, FailFatalResult, FailResult, HeartbeatResult } from './claims.js'
import type { DriverSession } from './driver.js'
import type { DurablError, FatalJobError, LeaseLostError } from './errors.js'
import type { Job } from './job.js'
import type { EnqueueOptions } from './produce.js'
import type { JobQueue } from './queue.js'

/**
 * The second argument of a handler: tools that affect its run, in addition to returning or throwing.
 *
 * Settling by hand is optional: a handler completes the job by returning and fails it by throwing. If it settles by hand, its first
 * settlement counts. Later ones return the same result without a write.
 */
export interface JobContext {
  /**
   * Aborted when the run is no longer wanted: the job was cancelled, the lease was lost, `timeoutMs` has passed, or the queue is shutting down.
   * `signal.reason` is a {@link DurablError} whose `code` tells which.
   *
   * A handler that has read the signal may stop halfway. So if it returns after a shutdown has aborted the signal, its job is released with the
   * attempt given back, and runs again. A handler that has finished its work nevertheless calls `ctx.complete()`. A handler that
   * never reads the signal completes its job by returning.
   */
  readonly signal: AbortSignal
  /**
   * Completes the job. Resolves when the write is durable. With {@link ProcessorConfig.results} `keep`, the job keeps `result`; a value that the
   * handler returns afterwards is ignored.
   */
  complete(options?: { result?: unknown }): Promise<CompleteResult>
  /** Fails this attempt. The job waits for a retry, or ends if its attempts are used up. */
  fail(reason: string): Promise<FailResult>
  /** Fails the job for good, even if attempts are left. */
  failFatal(reason: string): Promise<FailFatalResult>
  /** Extends the lease. Not needed: the queue renews the leases of the handlers that it runs. */
  heartbeat(): Promise<HeartbeatResult>
  /**
   * Adds a line to the job's log. Needs no `await`, because it never rejects. A write that fails is a warning in the queue's log, and never
   * fails a job. Lines keep their order, and are written before the job ends.
   */
  log(message: string): Promise<void>
  /**
   * Reports the handler's progress: any value that a payload may hold, up to 64 kB as BSON. {@link JobQueue.getJob} shows the newest value
   * as `progress`. Needs no `await`: it resolves at once and never rejects.
   *
   * ```ts
   * for (const [index, file] of files.entries()) {
   *   await convert(file)
   *   ctx.progress({ done: index + 1, of: files.length })
   * }
   * ```
   *
   * At most two values a second are written; of further values, only the newest. The last value is written before the job ends; a value from
   * within {@link JobContext.transaction}, after it. If a value can't be written, it is dropped with a warning in the queue's log. Retries
   * keep the value until the handler reports another.
   */
  progress(value: unknown): Promise<void>
  /**
   * Runs a function in a transaction that also completes the job. The function's writes with the session, the jobs that it enqueues with it, and
   * the completion are committed together, or not at all. However often the handler starts, these writes happen exactly once.
   *
   * ```ts
   * queue.process<Transfer>('transfer', async (job, ctx) => {
   *   const { from, to, amount } = job.data
   *   await ctx.transaction(async (session) => {
   *     await accounts.updateOne({ _id: from }, { $inc: { balance: -amount } }, { session })
   *     await accounts.updateOne({ _id: to }, { $inc: { balance: amount } }, { session })
   *     await queue.enqueue('receipt', { transferId: job.id }, { session })
   *   })
   * })
   * ```
   *
   * - The function may be called several times, because `session.withTransaction` starts again after transient errors. Pass the session
   *   to every operation, and await each one.
   * - Return to commit. The job is completed then: nothing that the handler does or throws afterwards changes that, and another
   *   `ctx.transaction` is refused. With {@link ProcessorConfig.results} `keep`, the job keeps the returned value.
   * - Throw to abort. The error is rethrown, the job is unchanged, and its lease is renewed again. The handler may try again, settle
   *   otherwise, or let the error fail this attempt.
   * - Within the function, `ctx.complete()`, `ctx.fail()` and `ctx.failFatal()` are refused. Throw instead, and throw a
   *   {@link FatalJobError} to fail for good.
   * - If another worker has the job when the function returns, the transaction aborts without any effect, and the call rejects with a
   *   {@link LeaseLostError}. The present holder of the lease does the work.
   * - If the reply to the commit is lost, durabl finds out whether the commit has happened, and the promise settles accordingly.
   *
   * While the transaction is open, the lease is not renewed, because a renewal would conflict with the completion. Instead the lease is made as long
   * as the server lets a transaction live. So if a worker dies in mid-transaction, its job waits that long: about 100 seconds by default,
   * in proportion to the server's `transactionLifetimeLimitSeconds` (60).
   *
   * The session is the app's driver's. If that driver is another copy than the installed `mongodb`, as with Mongoose, give its type:
   * `ctx.transaction(async (session: mongoose.ClientSession) => …)`.
   *
   * @param options of the transaction, as for `session.withTransaction`
   * @returns what the function returned
   * @throws DurablError `ERR_DURABL_TRANSACTION` if the run is already settled or in a transaction;
   * `ERR_DURABL_NOT_A_REPLICA_SET` on a standalone server; `ERR_DURABL_UNSUPPORTED` if the backend has no transactions, or
   * `visibilityTimeoutMs` is shorter than the lease that a transaction needs; {@link LeaseLostError} if another worker has the job; what the
   * function threw, and errors of the driver, unchanged
   */
  transaction<R, S extends DriverSession = ClientSession>(
    work: (session: S) => R | PromiseLike<R>,
    options?: TransactionOptions,
  ): Promise<R>
  /**
   * Returns a causally consistent session that begins after the claim. Reads with it, even from a secondary, see everything that was written
   * before the job was enqueued. The session has no transaction and ends with the handler. Every call returns the same one.
   *
   *
   * ```ts
   * const session = await ctx.session()
   * const user = await users.findOne({ _id: job.data.userId }, { session, readPreference: 'secondaryPreferred' })
   * ```
   *
   * Its type adapts to the place where it is used, so it fits Mongoose's methods: `Letter.findOne().session(await ctx.session())`.
   *
   * @throws DurablError `ERR_DURABL_UNSUPPORTED` if the backend has no sessions
   */
  session<S extends DriverSession | null = ClientSession>(): Promise<S>
}

/**
 * A handler: the function that does the work of a job. It returns, or resolves, to complete the job. It throws an `Error` to fail this attempt, or a
 * {@link FatalJobError} to fail the job for good. Its return value is ignored, unless the processor keeps results.
 *
 * It may run more than once for a job: after a crash, or after a lost lease.
 */
export type JobHandler<T = unknown> = (job: Job<T>, ctx: JobContext) => unknown

/**
 * Decides how long a failed job waits for its retry, instead of its back-off. Returns milliseconds, or null to fail the job for good.
 *
 * It is called after a handler has thrown or has run too long, but not after a settlement by hand or a {@link FatalJobError}. If it throws,
 * or returns anything else, the job's own back-off applies and a warning is logged.
 *
 * ```ts
 * queue.process('sync', sync, { retryDelay: ({ error }) => (error instanceof NotFound ? null : 5_000) })
 * ```
 */
export type RetryDelay = (failure: {
  /** The number of the attempt that has failed; 1 for the first. */
  attempt: number
  /** The value that was thrown. */
  error: unknown
  /** The job. */
  job: Job<any>
}) => number | null

/** Options of a processor. */
export interface ProcessorConfig {
  /** The largest number of jobs of the type that run at once in this process; 0 for none until {@link Processor.setConcurrency}. Default 1. */
  concurrency?: number | undefined
  /** The longest time between two looks for work, in milliseconds. Default 5000, or 60000 while push is active. */
  pollInterval?: number | undefined
  /**
   * The interval between two renewals of a lease, in milliseconds; less than the visibility timeout. On MongoDB a run's lease lasts four
   * intervals, so this option also sets how soon the jobs of a dead worker start elsewhere. Default on MongoDB: 5000, or a quarter of the
   * visibility timeout if that is less. Default on other backends: a quarter of the visibility timeout.
   */
  heartbeatIntervalMs?: number | undefined
  /** The time limit of a run, in milliseconds; a longer run is aborted and fails. {@link EnqueueOptions.timeoutMs} of a job wins. Default: none. */
  timeoutMs?: number | undefined
  /** Decides the wait of a failed job before its retry. Default: the job's back-off. */
  retryDelay?: RetryDelay | undefined
  /**
   * Whether completed jobs keep what the handler returned, for {@link JobQueue.getJob} and {@link JobQueue.waitFor}. Default `'discard'`.
   *
   * With `'keep'`, a job keeps the value that the handler returned, that `ctx.complete` was called with, or that the function of `ctx.transaction`
   * returned. `undefined` is no result. Results may hold the same values as payloads, up to 64 kB as BSON. Any other value is dropped with
   * a warning in the queue's log, and the job completes without it. A retry removes the result.
   *
   * {@link JobQueue.runClaimed} has the same option, and so has {@link OrchestratorConfig}.
   */
  results?: 'discard' | 'keep' | undefined
  /**
   * The number of jobs to claim ahead, beyond the free slots; 0 for none. Default: sized by measurement, at most 2,000 jobs or about 16 MB
   * of them. In any case one claim takes no more than 8 MB, unless it is a single job.
   */
  prefetch?: number | undefined
}

/** A running processor, as {@link JobQueue.process} returns it. It is not a promise, and you may ignore it. */
export interface Processor {
  /**
   * Stops the processor. It claims no more jobs of the type, and gives back those that no handler has begun. Resolves when the running handlers have
   * ended and the fate of their jobs is written. Then the type may have another processor. A second call waits for the same end.
   *
   * The wait has no bound; {@link JobQueue.shutdown} has one.
   */
  stop(): Promise<void>
  /**
   * Changes the largest number of jobs that run at once; running handlers go on. With 0 nothing is claimed until a later call. No effect after
   * `stop`.
   *
   * @throws TypeError, RangeError if the value is not a whole number from 0 to 100,000
   */
  setConcurrency(concurrency: number): void
}

/** Called when a job of this type may be claimable; with `''`, a job of any type. */
export type JobAvailableListener = (type: string) => void

/** The part of a backend that concerns running handlers. See {@link IJobQueueBackend}. */
export interface WorkBackend {
  /** Subscribes to wake-ups. Returns a function that unsubscribes. Where absent, or null, there are no wake-ups, and the queue polls. */
  onJobAvailable?(listener: JobAvailableListener): (() => void) | null
  /** True if `enqueue` runs the handlers itself. `queue.process` then calls `registerHandler` and starts no loop. */
  readonly executesInline?: boolean | undefined
  /** Sets the handler of a type. Required with `executesInline`. */
  registerHandler?<T>(type: string, handler: JobHandler<T>): void
}
