/** Running handlers for jobs. */
import type { ClientSession, TransactionOptions } from 'mongodb'
import type { IJobQueueBackend } from './backend.js'
import type { CompleteResult, FailFatalResult, FailResult, HeartbeatResult } from './claims.js'
import type { DriverSession } from './driver.js'
import type { DurablError, FatalJobError, LeaseLostError } from './errors.js'
import type { Job } from './job.js'
import type { EnqueueOptions } from './produce.js'
import type { JobQueue } from './queue.js'

/**
 * The means of a handler to affect its run, beside returning or throwing.
 *
 * Settling by hand is optional: returning completes the job, throwing fails it. When a handler does settle, its
 * first settlement counts and the later ones return the same result without a write.
 */
export interface JobContext {
  /**
   * Aborted when the run is no longer wanted: its job was cancelled, its lease was lost, `timeoutMs` has passed, or the queue shuts
   * down.
   * `signal.reason` is a {@link DurablError} whose `code` says which.
   *
   * A handler that has read it, and returns after a shutdown has aborted it, has perhaps stopped halfway: its job is released, with the
   * attempt given back, and runs again. One that did finish its work says so by `ctx.complete()`. A handler that never looks at the signal
   * completes its job by returning.
   */
  readonly signal: AbortSignal
  /**
   * Completes the job. Resolves when the write is durable. With {@link ProcessorConfig.results} `keep`, the job keeps `result`; what the
   * handler returns afterwards is then ignored.
   */
  complete(options?: { result?: unknown }): Promise<CompleteResult>
  /** Fails this attempt: a retry after a back-off, or the end if attempts are used up. */
  fail(reason: string): Promise<FailResult>
  /** Fails the job for good, whatever attempts are left. */
  failFatal(reason: string): Promise<FailFatalResult>
  /** Extends the lease by hand. Not needed: the queue renews the leases of the handlers that it runs. */
  heartbeat(): Promise<HeartbeatResult>
  /**
   * Adds a line to the job's log. Needs no `await`: it never rejects, and a failing write never fails a job, but is a warning in
   * the queue's log. Lines keep their order, and are written before the job ends.
   */
  log(message: string): Promise<void>
  /**
   * Tells how far the handler is: any value that a payload may hold, up to 64 kB as BSON. {@link JobQueue.getJob} shows the newest one
   * as `progress`. Needs no `await`: it resolves at once, and never rejects.
   *
   * ```ts
   * for (const [index, file] of files.entries()) {
   *   await convert(file)
   *   ctx.progress({ done: index + 1, of: files.length })
   * }
   * ```
   *
   * At most two values a second are written, and of those in between the newest. The last one is written before the job ends; one
   * of within {@link JobContext.transaction} after it. A value that can't be written is a warning in the queue's log, and is
   * dropped. Retries of the job keep the value until the handler tells another.
   */
  progress(value: unknown): Promise<void>
  /**
   * Runs a function in a transaction that also completes the job: what the function writes with the session, the jobs that
   * it enqueues with it, and the completion are committed together, or not at all. However often the handler is started, what it
   * does here to MongoDB happens exactly once.
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
   * - The function may be called several times: `session.withTransaction` begins again after transient errors. Pass the session
   *   to every operation, and await each one.
   * - Return to commit. With {@link ProcessorConfig.results} `keep`, the job keeps what the function returned. Then the job is completed: nothing that the handler does or throws afterwards changes that, and another
   *   `ctx.transaction` is refused.
   * - Throw to abort. The error is thrown on, the job is as it was, and its lease is renewed again: the handler may try
   *   again, settle otherwise, or let the error fail this attempt. `ctx.complete()`, `ctx.fail()` and `ctx.failFatal()` are
   *   refused within the function: throw, and a {@link FatalJobError} to fail for good.
   * - If the job is no longer this worker's when the function returns, the transaction is aborted and all of it is gone:
   *   {@link LeaseLostError}. The present holder of its lease does the work.
   * - Whether a commit whose reply was lost has happened is found out, and the promise settles accordingly.
   *
   * While the transaction is open the lease is not renewed (a renewal would make the completion conflict); it is made once as
   * long as the server lets a transaction live. So a worker that dies in mid-transaction holds its job for that long: about 100
   * seconds by default, and in proportion to the server's `transactionLifetimeLimitSeconds` (60).
   *
   * The session is the app's driver's. Where that is another copy than the installed `mongodb`, as with Mongoose, say its type:
   * `ctx.transaction(async (session: mongoose.ClientSession) => …)`.
   *
   * @param options of the transaction, as for `session.withTransaction`
   * @returns what the function returned
   * @throws DurablError `ERR_DURABL_TRANSACTION` if the run is settled, or in a transaction, already;
   * `ERR_DURABL_NOT_A_REPLICA_SET` on a standalone server; `ERR_DURABL_UNSUPPORTED` if the backend has no transactions, or
   * `visibilityTimeoutMs` is shorter than the lease that a transaction needs; {@link LeaseLostError}; what the function threw, and
   * errors of the driver, as they are
   */
  transaction<R, S extends DriverSession = ClientSession>(
    work: (session: S) => R | PromiseLike<R>,
    options?: TransactionOptions,
  ): Promise<R>
  /**
   * A causally consistent session that begins after the job was claimed: what is read with it, also from a secondary, includes
   * what had been written before the job was enqueued. It has no transaction, ends with the handler, and is the same one at every
   * call.
   *
   * ```ts
   * const session = await ctx.session()
   * const user = await users.findOne({ _id: job.data.userId }, { session, readPreference: 'secondaryPreferred' })
   * ```
   *
   * Its type is that of the place where it is used, so it fits Mongoose's methods: `Letter.findOne().session(await ctx.session())`.
   *
   * @throws DurablError `ERR_DURABL_UNSUPPORTED` if the backend has no sessions
   */
  session<S extends DriverSession | null = ClientSession>(): Promise<S>
}

/**
 * The work. Return (or resolve) to complete the job, throw an `Error` to fail this attempt, throw a {@link FatalJobError}
 * to fail for good. Its return value is ignored, unless the processor keeps results. It may run more than once for a job: after a crash, or a lost lease.
 */
export type JobHandler<T = unknown> = (job: Job<T>, ctx: JobContext) => unknown

/**
 * Decides how long a job waits for its retry, in place of its back-off: milliseconds, or null to fail it for good. Asked when a handler has
 * thrown, or has run too long; not for what is settled by hand, nor for a {@link FatalJobError}. Where it throws, or returns anything else, the
 * job's own back-off holds, and the log has a warning.
 *
 * ```ts
 * queue.process('sync', sync, { retryDelay: ({ error }) => (error instanceof NotFound ? null : 5_000) })
 * ```
 */
export type RetryDelay = (failure: {
  /** Which attempt has failed; 1 for the first. */
  attempt: number
  /** The value that was thrown. */
  error: unknown
  /** The job. */
  job: Job<any>
}) => number | null

/** Options of a processor. */
export interface ProcessorConfig {
  /** The number of jobs of the type that run at once in this process; with 0 none, until {@link Processor.setConcurrency} raises it. Default 1. */
  concurrency?: number | undefined
  /** The longest silence between two looks for work, in milliseconds. Default 5000, or 60000 while push is active. */
  pollInterval?: number | undefined
  /**
   * The interval between two renewals of a lease, in milliseconds; less than the visibility timeout. On MongoDB a run's lease is four times as
   * long, so this also says how soon a dead worker's jobs start elsewhere. Default there: 5000, or a quarter of the
   * visibility timeout if that is less; on other backends a quarter of the visibility timeout.
   */
  heartbeatIntervalMs?: number | undefined
  /** A run that takes longer is aborted and fails, in milliseconds. The job's own {@link EnqueueOptions.timeoutMs} wins. Default: no limit. */
  timeoutMs?: number | undefined
  /** The wait of a failed job before its retry. Default: as its back-off says. */
  retryDelay?: RetryDelay | undefined
  /**
   * Whether completed jobs keep what the handler returned, for {@link JobQueue.getJob} and {@link JobQueue.waitFor}. Default `discard`.
   *
   * With `keep` a job keeps what the handler returned; if it completed its job by itself, the `result` that it passed to `ctx.complete`, or
   * what the function of `ctx.transaction` returned. `undefined` is no result. Values are those that payloads may hold, up to 64 kB as
   * BSON; any other is dropped with a warning in the queue's log, and the job completes without it. A retry of the job forgets it.
   * {@link JobQueue.runClaimed} has the same option; for an orchestration it is one of {@link OrchestratorConfig}.
   */
  results?: 'discard' | 'keep' | undefined
  /**
   * The number of jobs to hold claimed beyond the free slots; 0 for none. Default: sized by measurement, at most 2,000 jobs or about 16 MB
   * of them. However many there are to be, one claim takes no more than 8 MB, unless it is a single job.
   */
  prefetch?: number | undefined
}

/** A processor at work, as {@link JobQueue.process} returns it. It is no promise, and nothing has to be done with it. */
export interface Processor {
  /**
   * Claims no more jobs of the type; those that no handler has begun are given back. Resolves when the running handlers have ended and
   * what became of their jobs is written. Then the type may have another processor. Called again, it waits for the same end. It has no
   * bound: {@link JobQueue.shutdown} has one.
   */
  stop(): Promise<void>
  /**
   * From now on so many jobs run at once; running handlers go on. With 0 nothing is claimed until a later call. No effect once stopped.
   *
   * @throws TypeError, RangeError if it is no whole number from 0 to 100,000
   */
  setConcurrency(concurrency: number): void
}

/** Told that a job of this type may be claimable; `''` for any type. */
export type JobAvailableListener = (type: string) => void

/** A backend, as far as it takes part in running handlers. See {@link IJobQueueBackend}. */
export interface WorkBackend {
  /** Subscribes to wake-ups; returns how to unsubscribe. Absent, or null: there are none, poll. */
  onJobAvailable?(listener: JobAvailableListener): (() => void) | null
  /** True if `enqueue` runs the handlers itself. Then `queue.process` calls `registerHandler` and starts no loop. */
  readonly executesInline?: boolean | undefined
  /** Needed with `executesInline`: the handler to run for a type. */
  registerHandler?<T>(type: string, handler: JobHandler<T>): void
}
