/// <reference lib="esnext.disposable" />
/**
 * durabl: a durable job queue on the MongoDB that an app already has.
 *
 * - {@link JobQueue} is what an app talks to: it validates, runs handlers and settles jobs.
 * - A backend ({@link IJobQueueBackend}) stores the jobs: {@link MongoJobQueue} in production,
 *   {@link DummyBackend} and {@link ImmediateBackend} in tests, or one of your own.
 *
 * All times are milliseconds unless a name says otherwise. An absent value is `undefined`, or the property is missing.
 *
 * @packageDocumentation
 */
import type { ClientSession, Collection, Db, TransactionOptions } from 'mongodb'

// ---------------------------------------------------------------------------------------------------------------------
// Jobs
// ---------------------------------------------------------------------------------------------------------------------

/**
 * Where a job is in its life.
 *
 * - `pending`: waits for its `runAt` and for a free worker.
 * - `active`: claimed; somebody holds its lease.
 * - `completed`, `failed`: it has ended.
 * - `superseded`: it has ended because a newer job of the same dedupe key already covers its work; not a failure.
 */
export type JobStatus = 'pending' | 'active' | 'completed' | 'failed' | 'superseded'

/** The statuses that nothing leads out of. */
export type TerminalStatus = 'completed' | 'failed' | 'superseded'

/**
 * How far a dedupe key reaches.
 *
 * - `'pending+active'`: the key is held while a job of it is pending or active: no second one at all.
 * - `'pending'`: one job of the key may run while one more, its follower, is pending: single-flight with coalescing.
 */
export type DedupeScope = 'pending' | 'pending+active'

/** How the wait before a retry grows. See {@link EnqueueOptions.backoff}. */
export type Backoff = 'exponential' | 'fixed'

/** A job as handlers and backends see it: plain data, a snapshot that does not change by itself. */
export interface Job<T = unknown> {
  /** Unique; a time-ordered UUID in MongoDB, `dummy-1`, `immediate-1`, … in memory. */
  id: string
  /** The kind of work, as given to `enqueue` and `process`. */
  type: string
  /** The payload, as enqueued. */
  data: T
  /** Where it is in its life, when this snapshot was taken. */
  status: JobStatus
  /** How many times the job has been claimed: 1 during its first run. */
  attempt: number
  /** After this many attempts a failure is final. */
  maxAttempts: number
  /** Lower runs first. */
  priority: number
  /** The name under which only so many jobs may be outstanding; see {@link EnqueueOptions.dedupeKey}. */
  dedupeKey?: string
  /** Set when `dedupeKey` is. */
  dedupeScope?: DedupeScope
  /** Not claimed before this moment. */
  runAt: Date
  /** When it was enqueued. */
  createdAt: Date
  /** When it was claimed, or its lease last renewed. */
  claimedAt?: Date
  /** When it ended as `completed`. */
  completedAt?: Date
  /** When it ended as `failed` or `superseded`. */
  failedAt?: Date
  /** Why the last run failed; also set while the job waits for a retry. */
  failReason?: string
  /** Proves the ownership of an active job's lease. */
  claimToken?: string
}

/** One line that a handler logged. */
export interface JobLogEntry {
  /** When it was logged, by the server's clock. */
  timestamp: Date
  /** What was logged; cut if it was longer than the backend allows. */
  message: string
}

/** A stored job with its log, as {@link IJobQueueBackend.findOne} returns it. */
export interface JobRecord<T = unknown> extends Job<T> {
  /** The newest entries, oldest first; bounded (1000 entries of at most 4000 bytes by default). */
  logs: JobLogEntry[]
}

// ---------------------------------------------------------------------------------------------------------------------
// Results
// ---------------------------------------------------------------------------------------------------------------------

/**
 * What every settlement can find instead of what it wanted:
 *
 * - `already-terminal`: the job had ended before; nothing was changed.
 * - `lease-lost`: the lease is another's now, or was given back; nothing was changed.
 * - `not-found`: no such job.
 */
export type SettleMiss =
  | {
      /** The job had ended before. */
      status: 'already-terminal'
      /** How it had ended. */
      terminalStatus: TerminalStatus
    }
  | {
      /** Whose the job is not any more, or there is no such job. */
      status: 'lease-lost' | 'not-found'
    }

/** What `complete` did. */
export type CompleteResult =
  | {
      /** The job has ended, and well. */
      status: 'completed'
    }
  | SettleMiss

/**
 * What `fail` did: `retry-scheduled` (pending again, after a back-off), `failed-terminal` (attempts used up), or
 * `superseded` (a follower is pending under the same key and covers the work).
 */
export type FailResult =
  | {
      /** What became of the job. */
      status: 'retry-scheduled' | 'failed-terminal' | 'superseded'
    }
  | SettleMiss

/** What `failFatal` did. */
export type FailFatalResult =
  | {
      /** The job has failed for good. */
      status: 'failed-terminal'
    }
  | SettleMiss

/** What `release` did: `released` (pending again, the attempt given back), or `superseded` (a follower covers it). */
export type ReleaseResult =
  | {
      /** What became of the job. */
      status: 'released' | 'superseded'
    }
  | SettleMiss

/** Any of the results of a settlement. */
export type SettleResult = CompleteResult | FailResult | FailFatalResult | ReleaseResult

/** What `heartbeat` did: `lease-lost` means that the job is no longer yours, so stop. */
export type HeartbeatResult = 'applied' | 'lease-lost'

/** Counts by status, and how late the queue is. */
export interface QueueStats {
  /** Jobs that wait, those for later included. */
  pending: number
  /** Jobs that are claimed. */
  active: number
  /** Jobs that ended well and are still stored. */
  completed: number
  /** Jobs that failed for good and are still stored. */
  failed: number
  /** Jobs whose work a follower covers, and that are still stored. */
  superseded: number
  /** The `runAt` of the oldest job that is due and not claimed; null if none is. */
  oldestPendingRunAt: Date | null
  /** How long that job has been due, in milliseconds; 0 if none is. Jobs scheduled for later are not lag. */
  oldestPendingLagMs: number
}

// ---------------------------------------------------------------------------------------------------------------------
// Enqueue
// ---------------------------------------------------------------------------------------------------------------------

/** How a job is to be queued. Anything malformed is refused with a `TypeError` or `RangeError` before any round trip. */
export interface EnqueueOptions {
  /** Lower runs first; any safe integer. Default 0. */
  priority?: number
  /** Milliseconds before the job may be claimed. Default 0. */
  delay?: number
  /** How often the job may be started before a failure is final; at least 1. Default 3. */
  maxAttempts?: number
  /**
   * At most one job of this key is outstanding, across all types; how strictly, `dedupeScope` says. When the key is held,
   * `enqueue` resolves to null and makes nothing.
   */
  dedupeKey?: string
  /** No effect without a `dedupeKey`. Default `'pending+active'`. */
  dedupeScope?: DedupeScope
  /**
   * `'latest'`: when a pending job holds the key, its payload is replaced by this one (an active job's never is).
   * Needs a `dedupeKey` and `dedupeScope: 'pending'`. Default: the first payload stays.
   */
  coalesce?: 'latest'
  /**
   * `'exponential'`: the longest wait before a retry doubles with each attempt; the wait is drawn between `backoffDelay` and it.
   * `'fixed'`: `backoffDelay` each time, plus up to a tenth so that retries spread. Default `'exponential'`.
   */
  backoff?: Backoff
  /** The shortest wait before a retry, in milliseconds. Default 1000. */
  backoffDelay?: number
  /** The longest wait before a retry, in milliseconds; no effect below `backoffDelay`. Default 60000. */
  backoffMaxDelay?: number
  /**
   * Makes the job in the transaction that is in progress on this session, of the client behind the backend's `db`: with the
   * commit the job is there, once; after an abort there has never been one.
   *
   * ```ts
   * await client.withSession((session) =>
   *   session.withTransaction(async () => {
   *     await orders.insertOne(order, { session })
   *     await queue.enqueue('welcome-email', { userId: order.userId }, { session })
   *   }),
   * )
   * ```
   *
   * - The id that comes back belongs to a job that is there once the transaction has committed. `await` the call within the
   *   transaction, as every operation of it.
   * - `delay` counts from the call, not from the commit.
   * - Errors of the driver are rethrown as they are, labels included, so that `withTransaction` begins again where it should: when
   *   two transactions meet on one `dedupeKey`, for one.
   * - With `dedupeScope: 'pending'`, null promises that the pending job which holds the key starts after the commit, and so sees
   *   what the transaction wrote. For that it can't be claimed while the transaction is open: keep it short.
   *
   * Refused with a `TypeError` or `RangeError`: what is no session, one of another client, one that has ended, one without a
   * transaction in progress; and by {@link JobQueue.claimOrEnqueue}, since a claim that may be rolled back is none. With
   * `ERR_DURABL_NOT_A_REPLICA_SET`: a standalone server, which has no transactions. With `ERR_DURABL_UNSUPPORTED`: a backend
   * without transactions, and a `MongoJobQueue` that was made with `{ uri }`, whose client is not the app's.
   *
   * {@link DummyBackend} and {@link ImmediateBackend} note the session on the job, and make it at once.
   */
  session?: ClientSession
}

/** In which transaction a claim is completed. */
export interface CompleteOptions {
  /** A session with a transaction in progress, as {@link EnqueueOptions.session} describes it. */
  session?: ClientSession
}

/** One job of {@link JobQueue.enqueueMany}: what {@link JobQueue.enqueue} takes, as an object. */
export interface EnqueueManyJob<T = unknown> {
  /** The kind of work. */
  type: string
  /** The payload. */
  data: T
  /** How it is to be queued. */
  options?: EnqueueOptions
}

/** How the jobs of {@link JobQueue.enqueueMany} are queued, all of them. */
export interface EnqueueManyOptions {
  /**
   * Makes all of them in the transaction that is in progress on this session, and so together; see {@link EnqueueOptions.session}.
   * The first error ends the call, and is rethrown as it is. A session of a single job is refused.
   */
  session?: ClientSession
}

/** What became of one job of a call that failed as a whole; see {@link EnqueueManyError}. */
export type EnqueueManyOutcome =
  | EnqueueManyResult
  | {
      /** The job was not made, or it is not known whether it was. */
      status: 'failed'
      /** Why. */
      error: Error
    }

/** What became of one job of {@link JobQueue.enqueueMany}: `duplicate` means that its dedupe key is held. */
export type EnqueueManyResult =
  | {
      /** The job was made. */
      status: 'created'
      /** Its id. */
      id: string
    }
  | {
      /** The key is held: nothing was made. */
      status: 'duplicate'
    }

// ---------------------------------------------------------------------------------------------------------------------
// Handlers
// ---------------------------------------------------------------------------------------------------------------------

/**
 * What a handler can do about its run, beside returning or throwing.
 *
 * Settling by hand is optional: returning completes the job, throwing fails it. When a handler does settle, its
 * first settlement counts and the later ones return the same result without a write.
 */
export interface JobContext {
  /**
   * Aborted when the run is no longer wanted: its lease was lost, `timeoutMs` has passed, or the queue shuts down.
   * `signal.reason` is a {@link DurablError} whose `code` says which.
   */
  readonly signal: AbortSignal
  /** Completes the job. Resolves when the write is durable. */
  complete(): Promise<CompleteResult>
  /** Fails this attempt: a retry after a back-off, or the end if attempts are used up. */
  fail(reason: string): Promise<FailResult>
  /** Fails the job for good, whatever attempts are left. */
  failFatal(reason: string): Promise<FailFatalResult>
  /** Extends the lease by hand. Not needed: the queue renews the leases of the handlers that it runs. */
  heartbeat(): Promise<HeartbeatResult>
  /** Adds a line to the job's log. Needs no `await`: it never rejects, and a failing write never fails a job. */
  log(message: string): Promise<void>
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
   * - Return to commit. Then the job is completed: nothing that the handler does or throws afterwards changes that, and another
   *   `ctx.transaction` is refused.
   * - Throw to abort. The error is thrown on, the job is as it was, and its lease is renewed again: the handler may try
   *   again, settle otherwise, or let the error fail this attempt. `ctx.complete()`, `ctx.fail()` and `ctx.failFatal()` are
   *   refused within the function: throw, and a {@link FatalJobError} to fail for good.
   * - If the job is no longer this worker's when the function returns, the transaction is aborted and all of it is gone:
   *   {@link LeaseLostError}. Whoever has the job now does the work.
   * - Whether a commit whose reply was lost has happened is found out, and the promise settles accordingly.
   *
   * While the transaction is open the lease is not renewed (a renewal would make the completion conflict); it is made once as
   * long as the server lets a transaction live. So a worker that dies in mid-transaction holds its job for that long: about 100
   * seconds by default, and in proportion to the server's `transactionLifetimeLimitSeconds` (60).
   *
   * @param options of the transaction, as for `session.withTransaction`
   * @returns what the function returned
   * @throws DurablError `ERR_DURABL_TRANSACTION` if the run is settled, or in a transaction, already;
   * `ERR_DURABL_NOT_A_REPLICA_SET` on a standalone server; `ERR_DURABL_UNSUPPORTED` if the backend has no transactions, or
   * `visibilityTimeoutMs` is shorter than the lease that a transaction needs; {@link LeaseLostError}; what the function threw, and
   * errors of the driver, as they are
   */
  transaction<R>(
    work: (session: ClientSession) => R | PromiseLike<R>,
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
   * @throws DurablError `ERR_DURABL_UNSUPPORTED` if the backend has no sessions
   */
  session(): Promise<ClientSession>
}

/**
 * The work. Return (or resolve) to complete the job, throw an `Error` to fail this attempt, throw a {@link FatalJobError}
 * to fail for good. What it returns is ignored. It may run more than once for a job: after a crash, or a lost lease.
 */
export type JobHandler<T = unknown> = (job: Job<T>, ctx: JobContext) => unknown

/**
 * A claimed job that its owner runs and settles, from {@link JobQueue.claimOrEnqueue}.
 *
 * Its lease lasts `visibilityTimeoutMs`; call `heartbeat` to extend it, or hand it to {@link JobQueue.runClaimed}.
 */
export interface JobHandle<T = unknown> extends Job<T> {
  /** It was, when it was claimed. */
  status: 'active'
  /**
   * Ends the job as completed.
   *
   * With `{ session }` that happens in the transaction which is in progress there, if it commits; make it the last write in it,
   * and claim the job before the transaction begins. Events and wake-ups come after the commit. A job that is not this handle's
   * any more is then no result but a {@link LeaseLostError}, so that the transaction is aborted. Do not call `heartbeat` or `log`
   * while the transaction is open: their writes would meet this one.
   */
  complete(options?: CompleteOptions): Promise<CompleteResult>
  /** Fails this attempt; the job is retried after a back-off while attempts are left. */
  fail(reason: string): Promise<FailResult>
  /** Fails the job for good. */
  failFatal(reason: string): Promise<FailFatalResult>
  /** Extends the lease by the full visibility timeout, from now. */
  heartbeat(): Promise<HeartbeatResult>
  /** Gives the job back, due at once; the attempt does not count. */
  release(): Promise<ReleaseResult>
  /** Adds a line to the job's log. */
  log(message: string): Promise<void>
}

/** How a job type is processed. */
export interface ProcessorConfig {
  /** How many jobs of the type run at once in this process; at least 1. Default 1. */
  concurrency?: number
  /** The longest silence between two looks for work, in milliseconds. Default 5000, or 60000 while push is active. */
  pollInterval?: number
  /**
   * How often leases are renewed, in milliseconds; less than the visibility timeout. On MongoDB a run's lease is four times as
   * long, so this also says how soon a dead worker's jobs start elsewhere. Default there: 5000, or a quarter of the
   * visibility timeout if that is less; on other backends a quarter of the visibility timeout.
   */
  heartbeatIntervalMs?: number
  /** A run that takes longer is aborted and fails, in milliseconds. Default: no limit. */
  timeoutMs?: number
  /**
   * How many jobs to hold claimed beyond the free slots; 0 for none. Default: sized by measurement, at most 2,000 jobs or about 16 MB
   * of them. However many there are to be, one claim takes no more than 8 MB, unless it is a single job.
   */
  prefetch?: number
}

/** How {@link JobQueue.runClaimed} runs. */
export interface RunClaimedOptions {
  /** How many followers at most to run after the handle's own job; 0 for none. Default 10. */
  maxDrains?: number
}

/** What {@link JobQueue.startReaper} did. */
export type ReaperStartResult =
  | {
      /** The first sweep is over, the next ones will follow. */
      status: 'started'
      /** How many jobs the first sweep handled; null if it failed (it is tried again at the next interval). */
      recovered: number | null
    }
  | {
      /** It was started before; nothing has changed. */
      status: 'already-running'
    }

/** How {@link JobQueue.installSignalHandlers} reacts. */
export interface SignalHandlerOptions {
  /** Which signals shut the queue down. Default `['SIGTERM', 'SIGINT']`. */
  signals?: NodeJS.Signals[]
  /** The grace for running jobs, as for {@link JobQueue.shutdown}. Default 30000. */
  timeoutMs?: number
}

// ---------------------------------------------------------------------------------------------------------------------
// Events
// ---------------------------------------------------------------------------------------------------------------------

/** The settlement or renewal that found its lease gone. */
export type LeaseOperation = 'complete' | 'fail' | 'failFatal' | 'release' | 'heartbeat'

/** What all events about a job say. */
export interface JobEventOfJob {
  /** The job's type. */
  type: string
  /** The job's id. */
  jobId: string
}

/** What all events about the end of a run say. */
export interface JobEventOfRun extends JobEventOfJob {
  /** How long the run took, in milliseconds. */
  durationMs: number
}

/** What happened to a job, or to the queue: see {@link JobQueueOptions.onJobEvent}. */
export type JobEvent =
  | (JobEventOfJob & {
      /** A run begins, or a handle was given out. */
      kind: 'claimed'
      /** Which attempt this is; 1 for the first. */
      attempt: number
    })
  | (JobEventOfRun & {
      /** A run has ended well. */
      kind: 'completed'
    })
  | (JobEventOfRun & {
      /** A run has failed. */
      kind: 'failed'
      /** Which attempt it was; 1 for the first. */
      attempt: number
      /** After this many attempts a failure is final. */
      maxAttempts: number
      /** No retry will follow. */
      terminal: boolean
      /** Why, in words. */
      reason: string
    })
  | (JobEventOfRun & {
      /** A run has ended, and a follower of its key covers the work. */
      kind: 'superseded'
      /** Why it could not complete, in words. */
      reason: string
    })
  | (JobEventOfRun & {
      /** A run has failed for good, whatever attempts were left. */
      kind: 'fail-fatal'
      /** Why, in words. */
      reason: string
    })
  | (JobEventOfRun & {
      /** The lease of a run is gone: what it did does not count. */
      kind: 'lease-lost'
      /** What found that out. */
      op: LeaseOperation
    })
  | (JobEventOfJob & {
      /** A claim was given back by the shutdown, with its attempt. */
      kind: 'shutdown-released'
    })
  | {
      /** A sweep has taken jobs from workers that are gone. */
      kind: 'reaper-recovered'
      /** How many. */
      handled: number
      /** It handled as many as it may, so there may be more. */
      saturated: boolean
    }
  | {
      /** A sweep has failed; the next one comes all the same. */
      kind: 'reaper-error'
      /** Whether it was the first one. */
      phase: 'startup' | 'periodic'
      /** Why, in words. */
      message: string
    }

/** Receives events, synchronously. What it throws is ignored. */
export type JobEventListener = (event: JobEvent) => void

// ---------------------------------------------------------------------------------------------------------------------
// JobQueue
// ---------------------------------------------------------------------------------------------------------------------

/** How a {@link JobQueue} behaves. */
export interface JobQueueOptions {
  /** How long a lease lasts without a renewal, in milliseconds. Default 300000 (5 minutes). */
  visibilityTimeoutMs?: number
  /** Told of every claim, settlement and recovery of this queue. */
  onJobEvent?: JobEventListener
  /** While this queue has processors, return jobs of dead workers to `pending`. Default true. */
  autoRecover?: boolean
}

/**
 * Your job types and their payloads, for the whole program, by declaration merging. Left empty, every name and every
 * payload is accepted.
 *
 * ```ts
 * declare module 'durabl' {
 *   interface JobTypes {
 *     'welcome-email': { userId: string }
 *   }
 * }
 * ```
 *
 * For a single queue, pass a map as its type argument instead: `new JobQueue<{ 'welcome-email': { userId: string } }>(…)`.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- made to be merged into
export interface JobTypes {}

/** The names in a map of job types; `never` when the map is open (empty, or indexed by any string). */
export type MappedJobName<Jobs> = [keyof Jobs] extends [never]
  ? never
  : string extends keyof Jobs
    ? never
    : keyof Jobs & string

/** `string` when a map of job types is open, else `never`: then only {@link MappedJobName} will do. */
export type OpenJobName<Jobs> = [MappedJobName<Jobs>] extends [never] ? string : never

/** The jobs that {@link JobQueue.enqueueMany} takes: with a map of job types, each with the payload of its type. */
export type ManyJobs<Jobs> = [MappedJobName<Jobs>] extends [never]
  ? EnqueueManyJob
  : {
      [K in MappedJobName<Jobs>]: EnqueueManyJob<Jobs[K]> & {
        /** The kind of work, one of the map. */
        type: K
      }
    }[MappedJobName<Jobs>]

/**
 * The queue: enqueues jobs, runs handlers, renews leases, settles.
 *
 * ```ts
 * const backend = new MongoJobQueue({ db })
 * await backend.startup()
 * const queue = new JobQueue(backend)
 * queue.process<{ userId: string }>('welcome-email', async (job) => send(job.data.userId), { concurrency: 4 })
 * await queue.enqueue('welcome-email', { userId: 'u_123' }, { dedupeKey: 'welcome-email:u_123' })
 * ```
 *
 * With a map of job types ({@link JobTypes} or the type argument) names and payloads are checked at both ends. A function that
 * takes any queue, with whatever map, takes a `JobQueue<any>`: a plain `JobQueue` could be asked for types that the map lacks.
 *
 * After `shutdown` every call that needs the queue is refused with a {@link ShutDownError}.
 */
export class JobQueue<Jobs extends object = JobTypes> implements AsyncDisposable {
  /**
   * @param backend where the jobs are stored
   * @param logger default {@link defaultLogger}
   * @throws TypeError, RangeError if an argument is malformed
   */
  constructor(backend: IJobQueueBackend, logger?: Logger, options?: JobQueueOptions)

  /** The backend given to the constructor. */
  readonly backend: IJobQueueBackend

  /** The shutdown, from its beginning on, also when it has ended; null before. */
  readonly draining: Promise<void> | null

  /**
   * Adds a job.
   *
   * `data` is stored as the app's own driver stores it in a document: dates, ids and decimals stay what they are, and objects
   * without fields of their own, such as a `Set` or an `Error`, become `{}`. Functions, symbols, promises and cycles are refused.
   *
   * @returns the job's id once the write is acknowledged; null if `dedupeKey` is held
   * @throws TypeError, RangeError if an argument is malformed; {@link PayloadError} if `data` can't be stored;
   * {@link DurablError} otherwise
   */
  enqueue<K extends MappedJobName<Jobs>>(
    type: K,
    data: NoInfer<Jobs[K]>,
    options?: EnqueueOptions,
  ): Promise<string | null>
  enqueue<T = unknown>(type: OpenJobName<Jobs>, data: T, options?: EnqueueOptions): Promise<string | null>

  /**
   * Adds many jobs at once: any number, in few round trips. They are created in the order given, so of two with the same key
   * the first one is. All are checked before the first is sent; a malformed one fails the call, and nothing is created.
   *
   * ```ts
   * const results = await queue.enqueueMany(users.map((user) => ({ type: 'sync', data: { userId: user.id } })))
   * ```
   *
   * The jobs are not created together, unless by `{ session }`: when the server fails halfway, those before stay. Then the call rejects with an
   * {@link EnqueueManyError}, whose `results` say of each job what became of it. Very large imports are better
   * called for in parts of some ten thousand jobs, since all payloads of a call are held in memory.
   *
   * @returns what became of each job, in the order given, once all writes are acknowledged
   * @throws TypeError, RangeError if an argument is malformed, by its place (`jobs[3]`); {@link PayloadError} if a `data`
   * can't be stored; {@link EnqueueManyError} if some were not created; {@link DurablError} otherwise
   */
  enqueueMany(jobs: readonly ManyJobs<Jobs>[], options?: EnqueueManyOptions): Promise<EnqueueManyResult[]>

  /**
   * Adds a job and claims it in the same step, so that the caller can run it at once. With `dedupeScope: 'pending'` this is
   * single-flight: one caller runs, at most one more job waits behind it.
   *
   * ```ts
   * const handle = await queue.claimOrEnqueue('sync', { userId }, { dedupeKey: `sync:${userId}`, dedupeScope: 'pending' })
   * if (handle) await queue.runClaimed(handle, async (job) => sync(job.data.userId))
   * ```
   *
   * @returns the handle, on attempt 1; null if the key is held. Then, in scope `pending`, a follower is pending (made now,
   * or before); in scope `pending+active` nothing was made
   */
  claimOrEnqueue<K extends MappedJobName<Jobs>>(
    type: K,
    data: NoInfer<Jobs[K]>,
    options?: EnqueueOptions,
  ): Promise<JobHandle<Jobs[K]> | null>
  claimOrEnqueue<T = unknown>(
    type: OpenJobName<Jobs>,
    data: T,
    options?: EnqueueOptions,
  ): Promise<JobHandle<T> | null>

  /**
   * Runs a claimed job as `process` would: renews its lease, aborts `ctx.signal` if the lease is lost, settles by the outcome.
   * After success, or supersession, it goes on with followers of the same type and key, at most `maxDrains` of them.
   *
   * @throws the first error that the handler threw, after newer work ran; {@link LeaseLostError} if the lease was lost, and
   * {@link ShutDownError} if a shutdown took the job away; both, as an `AggregateError`, if the handler failed and so did
   * recording it
   */
  runClaimed<T>(handle: JobHandle<T>, handler: JobHandler<T>, options?: RunClaimedOptions): Promise<void>

  /**
   * Runs a handler for every job of a type. The first claim happens at once.
   *
   * @throws DurablError `ERR_DURABL_DUPLICATE_PROCESSOR` if the type has a processor in this queue already
   */
  process<K extends MappedJobName<Jobs>>(
    type: K,
    handler: JobHandler<Jobs[K]>,
    config?: ProcessorConfig,
  ): void
  process<T = unknown>(type: OpenJobName<Jobs>, handler: JobHandler<T>, config?: ProcessorConfig): void

  /** Whether a job of this type and dedupe key is pending or active. */
  hasOutstanding(type: string, dedupeKey: string): Promise<boolean>

  /** Counts by status, of one type or of all. */
  getStats(type?: string): Promise<QueueStats>

  /** Starts the backend, which for MongoDB creates the indexes, without which no dedupe key is held. Idempotent. */
  startup(): Promise<void>

  /**
   * Sweeps now, and then at every interval, for jobs whose lease has expired. Seldom needed: see
   * {@link JobQueueOptions.autoRecover}.
   *
   * @param intervalMs default 60000
   */
  startReaper(intervalMs?: number): Promise<ReaperStartResult>

  /** Ends what `startReaper` started. Harmless if nothing runs. */
  stopReaper(): void

  /**
   * Stops claiming, gives running jobs their time, then aborts their signals and releases what is unfinished (the attempt is
   * given back), and shuts the backend down. Resolves within `timeoutMs` plus a second. Twice is harmless. A call that the
   * server has not answered by then rejects with a {@link ShutDownError}: what it asked for may have happened or not.
   *
   * @param timeoutMs default 30000
   */
  shutdown(timeoutMs?: number): Promise<void>

  /**
   * Shuts the queue down on signals. Never ends the process by itself: once nothing else is alive, Node does.
   *
   * @returns removes the handlers again
   */
  installSignalHandlers(options?: SignalHandlerOptions): () => void

  /** `shutdown()` at the end of an `await using` scope. */
  [Symbol.asyncDispose](): Promise<void>
}

// ---------------------------------------------------------------------------------------------------------------------
// Backends
// ---------------------------------------------------------------------------------------------------------------------

/**
 * Which job to find: all given fields must be equal. `id` and `_id` are the same. Payload fields are named by path:
 * `{ type: 'welcome-email', 'data.userId': 'u_123' }`. Operators are refused.
 */
export interface JobQuery {
  /** The job's id. */
  id?: string
  /** The job's id. */
  _id?: string
  /** The kind of work. */
  type?: string
  /** Where it is in its life. */
  status?: JobStatus
  /** Its dedupe key. */
  dedupeKey?: string
  /** How far its key reaches. */
  dedupeScope?: DedupeScope
  /** Its priority. */
  priority?: number
  /** How many times it has been claimed. */
  attempt?: number
  /** After how many attempts a failure of it is final. */
  maxAttempts?: number
  /** A field of its payload: a string, number, boolean, null, `Date` or BSON value to be equal to. */
  [path: `data.${string}`]: unknown
}

/** Told that a job of this type may be claimable; `''` for any type. */
export type JobAvailableListener = (type: string) => void

/**
 * What a backend may say of a write: what became of it; or, as those of the first releases do, nothing or `true` if it applied, and
 * `false` if the job was no longer the caller's. A {@link JobQueue} makes a result of it.
 */
export type BackendReply<Result> = Result | boolean | void

/** What a backend has to count. What it leaves out of the rest of {@link QueueStats}, a {@link JobQueue} fills in: 0, or null. */
export type BackendStats = Pick<QueueStats, 'pending' | 'active' | 'completed' | 'failed'> &
  Partial<QueueStats>

/**
 * What stores jobs. Implement it to bring a store of your own.
 *
 * Settlements with a `claimToken` must apply only while the job is active under that token; without one they apply to a
 * pending or active job. Neither may overwrite a terminal status. Backends of any era fulfil it, so who calls one by this
 * type meets replies of any era: {@link JobQueue}, its handles and contexts, and the classes below answer in full.
 */
export interface IJobQueueBackend {
  /** Stores a job. Null if its key is held. Times, attempts and statuses are the backend's to keep. */
  enqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<string | null>
  /** Stores jobs, in their order; see {@link JobQueue.enqueueMany}. Absent: the queue calls `enqueue` for one after the other. */
  enqueueMany?(jobs: readonly EnqueueManyJob[], options?: EnqueueManyOptions): Promise<EnqueueManyResult[]>
  /** Stores a job and claims it at once; see {@link JobQueue.claimOrEnqueue}. */
  claimOrEnqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<Job<T> | null>
  /** Claims the first due pending job of a type (by priority, then `runAt`), atomically. Counts an attempt. */
  claimNext<T>(type: string): Promise<Job<T> | null>
  /** Claims the due pending job of a type and dedupe key. Absent: `runClaimed` drains no followers. */
  claimNextByKey?<T>(type: string, dedupeKey: string): Promise<Job<T> | null>
  /** Ends a job as completed. With `options.session`, which only a backend with {@link transactions} is given, in that transaction. */
  complete(
    jobId: string,
    claimToken?: string,
    options?: CompleteOptions,
  ): Promise<BackendReply<CompleteResult>>
  /** Fails an attempt: a retry after a back-off, or the end if attempts are used up. */
  fail(jobId: string, reason: string, claimToken?: string): Promise<BackendReply<FailResult>>
  /** Fails a job for good, whatever attempts are left. */
  failFatal(jobId: string, reason: string, claimToken?: string): Promise<BackendReply<FailFatalResult>>
  /** Makes an active job pending again and gives its attempt back. Absent: the queue lets the lease expire instead. */
  release?(jobId: string, claimToken?: string): Promise<BackendReply<ReleaseResult>>
  /** Extends the lease of an active job. */
  heartbeat(jobId: string, claimToken?: string): Promise<BackendReply<HeartbeatResult>>
  /** Adds a line to a job's log. */
  log(jobId: string, message: string, claimToken?: string): Promise<void>
  /** Whether a job of this type and key is pending or active. */
  hasOutstanding?(type: string, dedupeKey: string): Promise<boolean>
  /** The first job, by creation, that fits; null if none does. */
  findOne<T>(query: JobQuery): Promise<JobRecord<T> | Job<T> | null>
  /** Counts by status, of one type or of all. */
  getStats(type?: string): Promise<BackendStats>
  /** Makes the store ready. Called more than once. */
  startup(): Promise<void>
  /** Lets go of the store, within `timeoutMs`. Called more than once. */
  shutdown(timeoutMs?: number): Promise<void>
  /** Removes all jobs. For tests. */
  resetStorage(): Promise<void>
  /**
   * Returns active jobs whose lease is older than the timeout to `pending`; those without attempts left become `failed`,
   * or `superseded` if a follower covers them. Returns how many it handled. Absent: nothing is recovered.
   */
  recoverStuckJobs?(visibilityTimeoutMs?: number, maxPerSweep?: number): Promise<number | void>
  /** Subscribes to wake-ups; returns how to unsubscribe. Absent, or null: there are none, poll. */
  onJobAvailable?(listener: JobAvailableListener): (() => void) | null
  /** True if `enqueue` runs the handlers itself. Then `queue.process` calls `registerHandler` and starts no loop. */
  readonly executesInline?: boolean
  /** Needed with `executesInline`: the handler to run for a type. */
  registerHandler?<T>(type: string, handler: JobHandler<T>): void
  /** Present if `enqueue`, `enqueueMany` and `complete` heed `session`. Absent: every call with a session is refused. */
  readonly transactions?: BackendTransactions
}

/** What a backend offers to those who write in transactions. */
export interface BackendTransactions {
  /** A session for the handler of this job: causally consistent, and after the claim. Whoever asked for it ends it. */
  startSession(jobId: string): Promise<ClientSession>
  /** How long a transaction can live, in milliseconds; a lease must outlast it. 0 where nothing needs to. */
  longestMs(): Promise<number>
  /** What became of a claim that a transaction may have completed, now that the transaction is over. */
  readBack(jobId: string, claimToken?: string): Promise<CompleteResult>
}

/** What {@link MongoJobQueue} takes, however it connects. */
export interface MongoJobQueueCommonOptions {
  /** Default `'jobs'`. */
  collectionName?: string
  /**
   * Learn of new jobs by a change stream instead of waiting for a poll. Needs a replica set or a sharded cluster: on a
   * standalone server `startup()` throws. Default false.
   */
  useChangeStreams?: boolean
  /** Default {@link defaultLogger}. */
  logger?: Logger
  /** How many log entries a job keeps, the newest ones; at least 1. Default 1000. */
  maxLogEntries?: number
  /** Longer log messages are cut, in bytes of UTF-8; at least 16. Default 4000. */
  maxLogMessageBytes?: number
  /** Stop renewing leases once this process's JavaScript thread has hung for so long, in milliseconds. Default 300000. */
  maxBlockMs?: number
}

/** {@link MongoJobQueue} on the server of the app's `Db`. */
export interface MongoJobQueueDbOptions extends MongoJobQueueCommonOptions {
  /** A `Db` of the app's `MongoClient` (package `mongodb`, 6 or 7), connected or to be connected by its first use. */
  db: Db
  /** Instead of `db`: see {@link MongoJobQueueUriOptions}. */
  uri?: undefined
  /** The database is that of `db`. */
  database?: undefined
}

/** {@link MongoJobQueue} on a server named by a connection string. */
export interface MongoJobQueueUriOptions extends MongoJobQueueCommonOptions {
  /**
   * A connection string, `mongodb://` or `mongodb+srv://`. Its options for BSON (`promoteLongs`, `ignoreUndefined` and so on) count as
   * they do for a client of the installed `mongodb`.
   */
  uri: string
  /** The database that holds the jobs. */
  database: string
  /** Instead of `uri`: see {@link MongoJobQueueDbOptions}. */
  db?: undefined
}

/** Where {@link MongoJobQueue} stores jobs and how. */
export type MongoJobQueueOptions = MongoJobQueueDbOptions | MongoJobQueueUriOptions

/**
 * How wake-ups reach this process: `off` (not asked for, or not started: polling), `connecting` (first attempt; polling
 * meanwhile), `streaming`, `reconnecting` (the stream was lost; polling meanwhile).
 */
export type StreamState = 'off' | 'connecting' | 'streaming' | 'reconnecting'

/**
 * Jobs in a MongoDB collection (server 6.0 or newer).
 *
 * The engine opens a connection of its own, made from the options of the client behind `db`. An option that it can't honour is
 * refused by the constructor, by name; then connect with `{ uri, database }`.
 *
 * ```ts
 * const backend = new MongoJobQueue({ db, useChangeStreams: true })
 * await backend.startup()
 * ```
 */
export class MongoJobQueue implements IJobQueueBackend, AsyncDisposable {
  /**
   * @throws TypeError, RangeError if an option is malformed; {@link UnsupportedOptionError} if the client's connection can't
   * be carried over; {@link ConnectionError} if the client was closed; {@link DurablError} `ERR_DURABL_ADDON_MISSING` or
   * `ERR_DURABL_DRIVER_MISSING` if a part of the installation is
   */
  constructor(options: MongoJobQueueOptions)
  enqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<string | null>
  enqueueMany(jobs: readonly EnqueueManyJob[], options?: EnqueueManyOptions): Promise<EnqueueManyResult[]>
  claimOrEnqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<Job<T> | null>
  claimNext<T>(type: string): Promise<Job<T> | null>
  claimNextByKey<T>(type: string, dedupeKey: string): Promise<Job<T> | null>
  complete(jobId: string, claimToken?: string, options?: CompleteOptions): Promise<CompleteResult>
  fail(jobId: string, reason: string, claimToken?: string): Promise<FailResult>
  failFatal(jobId: string, reason: string, claimToken?: string): Promise<FailFatalResult>
  release(jobId: string, claimToken?: string): Promise<ReleaseResult>
  heartbeat(jobId: string, claimToken?: string): Promise<HeartbeatResult>
  log(jobId: string, message: string, claimToken?: string): Promise<void>
  hasOutstanding(type: string, dedupeKey: string): Promise<boolean>
  findOne<T>(query: JobQuery): Promise<JobRecord<T> | null>
  /** Counts by status, of one type or of all; they are read from where the client's read preference says. */
  getStats(type?: string): Promise<QueueStats>
  /**
   * Checks the server and creates the indexes. Idempotent, and safe in many processes at once. Tries again while the server is
   * away, for as long as the client's `serverSelectionTimeoutMS` (30 s by default); it waits as long for jobs that an older version
   * lets run twice under one key, since the unique indexes forbid that, and says so by a warning.
   *
   * @throws ServerUnsupportedError if the server is older than 6.0, or standalone while `useChangeStreams` is on;
   * ServerError `ERR_DURABL_INDEX_CONFLICT` naming the index, or the keys and jobs, in the way; ConnectionError,
   * AuthenticationError, PermissionError as the case may be
   */
  startup(): Promise<void>
  /** Ends the engine's connection and stream, within `timeoutMs`. Default 30000. The app's own client stays open. */
  shutdown(timeoutMs?: number): Promise<void>
  resetStorage(): Promise<void>
  /**
   * @param visibilityTimeoutMs default 300000
   * @param maxPerSweep how many jobs to handle at most. Default 1000
   */
  recoverStuckJobs(visibilityTimeoutMs?: number, maxPerSweep?: number): Promise<number>
  onJobAvailable(listener: JobAvailableListener): (() => void) | null
  /** The collection, by the app's own driver. Needs `{ db }`; with `{ uri }` it throws. */
  getCollection(): Collection
  /** Whether a change stream delivers wake-ups right now: `streamState === 'streaming'`. */
  isChangeStreamsActive(): boolean
  /** How wake-ups reach this process right now. `off` after `shutdown`. */
  readonly streamState: StreamState
  /** Told of every change of `streamState`. Returns how to unsubscribe. */
  onStreamState(listener: (state: StreamState) => void): () => void
  /**
   * Removes jobs that ended longer ago than this.
   *
   * @param maxAgeMs default 604800000 (7 days)
   * @returns how many were removed
   */
  cleanupOldJobs(maxAgeMs?: number): Promise<number>
  readonly transactions: BackendTransactions
  /** Extends the leases of several active jobs by one write. Returns how many were active. */
  batchHeartbeat(jobIds: string[]): Promise<number>
  /** `shutdown()` at the end of an `await using` scope. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Watches a collection for claimable jobs, by a change stream of the app's own driver. {@link MongoJobQueue} needs none. */
export class MongoChangeStreamWatcher {
  constructor(collection: Collection, db: Db, logger?: Logger)
  /** Listeners added before `start` count. */
  addListener(listener: JobAvailableListener): void
  /** Tells a listener no more. */
  removeListener(listener: JobAvailableListener): void
  /**
   * Opens the stream, and keeps it open until `stop`. Resolves when the server has accepted it.
   *
   * @throws ServerUnsupportedError if the server has no change streams; ConnectionError if it can't be reached; ShutDownError if
   * it was stopped meanwhile
   */
  start(): Promise<void>
  /** Closes the stream, also one that `start` is about to open. Harmless if there is none. */
  stop(): Promise<void>
}

/** A job that an in-memory backend holds: live, so it shows what has happened since. */
export interface RecordedJob<T = any> extends Job<T> {
  /** The messages that were logged, oldest first. */
  logs: string[]
  /** As enqueued. */
  backoff?: Backoff
  /** As enqueued, in milliseconds. */
  backoffDelay?: number
  /** As enqueued, in milliseconds. */
  backoffMaxDelay?: number
  /** The session that it was enqueued with. */
  session?: ClientSession
  /** The session that it was completed with. */
  completedInSession?: ClientSession
}

/** What the in-memory backends take. */
export interface MemoryBackendOptions {
  /** Milliseconds since the epoch. Default `Date.now`, looked up at each call, so that fake timers work. */
  clock?: () => number
  /** Between 0 (inclusive) and 1 (exclusive); spreads retries. Default `Math.random`. */
  random?: () => number
  /**
   * Where the sessions of `ctx.transaction` and `ctx.session` come from: `() => client.startSession()`, where handlers use
   * them on collections of a real client. Default: stand-ins, which have the methods of a session and do nothing.
   */
  startSession?: () => ClientSession
}

/**
 * Jobs in memory, for unit tests: records what was enqueued and runs nothing by itself. With a processor it behaves as the
 * real one does: order, delays, dedupe, retries with back-off, leases.
 *
 * Payloads are kept by reference: a job's `data` is what was passed to `enqueue`. Jobs that are enqueued or completed with a
 * session are so at once, whatever becomes of its transaction.
 *
 * ```ts
 * const backend = new DummyBackend()
 * const queue = new JobQueue(backend)
 * await myService.doThing()
 * expect(backend.jobs).toHaveLength(1)
 * expect(backend.jobs[0].dedupeKey).toBe('thing:42')
 * ```
 */
export class DummyBackend implements IJobQueueBackend {
  constructor(options?: MemoryBackendOptions)
  /** All jobs, in the order of creation: one live array, to be read. What empties it is `reset()`; cleared by hand, its jobs would go on holding their keys. */
  readonly jobs: RecordedJob[]
  /** Forgets all jobs; ids start again at `dummy-1`. */
  reset(): void
  /** The jobs of a type, in the order of creation. */
  getJobsByType<T = any>(type: string): RecordedJob<T>[]
  /** The jobs that are in a status now, in the order of creation. */
  getJobsByStatus<T = any>(status: JobStatus): RecordedJob<T>[]
  enqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<string | null>
  enqueueMany(jobs: readonly EnqueueManyJob[], options?: EnqueueManyOptions): Promise<EnqueueManyResult[]>
  claimOrEnqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<Job<T> | null>
  claimNext<T>(type: string): Promise<Job<T> | null>
  claimNextByKey<T>(type: string, dedupeKey: string): Promise<Job<T> | null>
  complete(jobId: string, claimToken?: string, options?: CompleteOptions): Promise<CompleteResult>
  fail(jobId: string, reason: string, claimToken?: string): Promise<FailResult>
  failFatal(jobId: string, reason: string, claimToken?: string): Promise<FailFatalResult>
  release(jobId: string, claimToken?: string): Promise<ReleaseResult>
  heartbeat(jobId: string, claimToken?: string): Promise<HeartbeatResult>
  log(jobId: string, message: string, claimToken?: string): Promise<void>
  hasOutstanding(type: string, dedupeKey: string): Promise<boolean>
  findOne<T>(query: JobQuery): Promise<JobRecord<T> | null>
  getStats(type?: string): Promise<QueueStats>
  startup(): Promise<void>
  shutdown(timeoutMs?: number): Promise<void>
  resetStorage(): Promise<void>
  recoverStuckJobs(visibilityTimeoutMs?: number, maxPerSweep?: number): Promise<number>
  onJobAvailable(listener: JobAvailableListener): () => void
  readonly transactions: BackendTransactions
}

/**
 * Jobs in memory that run inside `enqueue`, which resolves after the handler: for tests that want the side effects.
 *
 * - `delay` is ignored on purpose.
 * - A failing handler does not make `enqueue` reject: the failure is on the job (`failReason`, and `pending` for
 *   its next attempt or `failed`). It is not retried inline.
 * - A job of a type without a handler stays pending until one is registered.
 *
 * ```ts
 * const backend = new ImmediateBackend()
 * const queue = new JobQueue(backend)
 * queue.process('welcome-email', async (job) => outbox.push(job.data))
 * await queue.enqueue('welcome-email', { userId: 'u_123' })
 * expect(outbox).toHaveLength(1)
 * ```
 */
export class ImmediateBackend implements IJobQueueBackend {
  constructor(options?: MemoryBackendOptions)
  readonly executesInline: true
  /** All jobs, in the order of creation: one live array, to be read. What empties it is `reset()`; cleared by hand, its jobs would go on holding their keys. */
  readonly jobs: RecordedJob[]
  /** Runs this handler for jobs of the type from now on; a second call for a type replaces the first. */
  registerHandler<T>(type: string, handler: JobHandler<T>): void
  /** Forgets all handlers. */
  clearHandlers(): void
  /** Forgets all jobs and handlers; ids start again at `immediate-1`. */
  reset(): void
  enqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<string | null>
  enqueueMany(jobs: readonly EnqueueManyJob[], options?: EnqueueManyOptions): Promise<EnqueueManyResult[]>
  claimOrEnqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<Job<T> | null>
  claimNext<T>(type: string): Promise<Job<T> | null>
  claimNextByKey<T>(type: string, dedupeKey: string): Promise<Job<T> | null>
  complete(jobId: string, claimToken?: string, options?: CompleteOptions): Promise<CompleteResult>
  fail(jobId: string, reason: string, claimToken?: string): Promise<FailResult>
  failFatal(jobId: string, reason: string, claimToken?: string): Promise<FailFatalResult>
  release(jobId: string, claimToken?: string): Promise<ReleaseResult>
  heartbeat(jobId: string, claimToken?: string): Promise<HeartbeatResult>
  log(jobId: string, message: string, claimToken?: string): Promise<void>
  hasOutstanding(type: string, dedupeKey: string): Promise<boolean>
  findOne<T>(query: JobQuery): Promise<JobRecord<T> | null>
  getStats(type?: string): Promise<QueueStats>
  startup(): Promise<void>
  shutdown(timeoutMs?: number): Promise<void>
  resetStorage(): Promise<void>
  recoverStuckJobs(visibilityTimeoutMs?: number, maxPerSweep?: number): Promise<number>
  readonly transactions: BackendTransactions
}

// ---------------------------------------------------------------------------------------------------------------------
// The global queue
// ---------------------------------------------------------------------------------------------------------------------

/** How queues on the global backend behave. */
export interface GlobalQueueOptions extends JobQueueOptions {
  /** Default {@link defaultLogger}. */
  logger?: Logger
}

/** Sets the backend, and the options, that {@link getDefaultQueue} and {@link createJobQueue} use. `null` unsets it. */
export function setGlobalBackend(backend: IJobQueueBackend | null, options?: GlobalQueueOptions): void

/** The backend that was set. @throws DurablError `ERR_DURABL_NO_GLOBAL_BACKEND` if none was */
export function getGlobalBackend(): IJobQueueBackend

/** The one shared queue on the global backend; made at the first call, and anew after the backend was changed. */
export function getDefaultQueue<Jobs extends object = JobTypes>(): JobQueue<Jobs>

/** A new queue on this backend, or on the global one; `overrides` go over the global options. */
export function createJobQueue<Jobs extends object = JobTypes>(
  backend?: IJobQueueBackend,
  overrides?: GlobalQueueOptions,
): JobQueue<Jobs>

/**
 * Makes a backend the global one while a callback runs, then restores exactly what was, and shuts down the queue that it made.
 *
 * ```ts
 * await withGlobalQueue(new DummyBackend(), async (queue) => { … })
 * ```
 *
 * For a map of job types of its own, give the callback's parameter its type: `(queue: JobQueue<Jobs>) => …`.
 *
 * @returns what the callback resolves to
 * @throws DurablError `ERR_DURABL_GLOBAL_SCOPE_OVERLAP` if another such scope is open
 */
export function withGlobalQueue<R, Jobs extends object = JobTypes>(
  backend: IJobQueueBackend,
  callback: (queue: JobQueue<Jobs>) => R | PromiseLike<R>,
): Promise<R>
export function withGlobalQueue<R, Jobs extends object = JobTypes>(
  backend: IJobQueueBackend,
  options: GlobalQueueOptions,
  callback: (queue: JobQueue<Jobs>) => R | PromiseLike<R>,
): Promise<R>

// ---------------------------------------------------------------------------------------------------------------------
// Logging
// ---------------------------------------------------------------------------------------------------------------------

/** One call of a {@link Logger}: fields and a message, or a message alone. */
export interface LogFunction {
  (fields: object, message?: string): void
  (message: string): void
}

/** Where durabl logs to: the shape of a pino logger. */
export interface Logger {
  /** For whoever looks into durabl itself. */
  debug: LogFunction
  /** Worth knowing. */
  info: LogFunction
  /** Something failed and will be tried again. */
  warn: LogFunction
  /** Something keeps failing, or nobody will try again. */
  error: LogFunction
  /** A logger that adds these fields to every entry. Absent: the fields are passed with each entry instead. */
  child?(bindings: Record<string, unknown>): Logger
}

/** A logger that writes to the console: warnings and errors to stderr, information to stdout, no debug entries. */
export function consoleLogger(): Logger

/** What is used where no logger is given: the console, warnings and errors only. */
export const defaultLogger: Logger

// ---------------------------------------------------------------------------------------------------------------------
// Errors
// ---------------------------------------------------------------------------------------------------------------------

/**
 * What went wrong, for code to switch on. Codes are stable; messages are not.
 *
 * | code | class | meaning |
 * |---|---|---|
 * | `ERR_DURABL_INVALID_ARGUMENT` | `TypeError`, `RangeError` | malformed argument; nothing was done |
 * | `ERR_DURABL_UNSUPPORTED_OPTION` | {@link UnsupportedOptionError} | a connection option can't be carried over |
 * | `ERR_DURABL_CONNECTION` | {@link ConnectionError} | no server reachable, or the connection broke |
 * | `ERR_DURABL_AUTHENTICATION` | {@link AuthenticationError} | the server refused the credentials |
 * | `ERR_DURABL_PERMISSION_DENIED` | {@link PermissionError} | the user may not do this |
 * | `ERR_DURABL_SERVER_TOO_OLD` | {@link ServerUnsupportedError} | MongoDB 6.0 is the floor |
 * | `ERR_DURABL_NOT_A_REPLICA_SET` | {@link ServerUnsupportedError} | change streams and transactions need a replica set |
 * | `ERR_DURABL_INDEX_CONFLICT` | {@link ServerError} | an index can't be created on the data or indexes there are |
 * | `ERR_DURABL_WRITE_FAILED` | {@link ServerError} | the server refused a write, or could not confirm it |
 * | `ERR_DURABL_SERVER` | {@link ServerError} | any other error of the server |
 * | `ERR_DURABL_TIMEOUT` | {@link TimeoutError} | the server did not answer in time |
 * | `ERR_DURABL_HANDLER_TIMEOUT` | {@link TimeoutError} | a handler ran longer than its `timeoutMs` |
 * | `ERR_DURABL_LEASE_LOST` | {@link LeaseLostError} | a run's lease is gone |
 * | `ERR_DURABL_SHUT_DOWN` | {@link ShutDownError} | used after, or cut short by, `shutdown` |
 * | `ERR_DURABL_PAYLOAD_TOO_LARGE` | {@link PayloadError} | over MongoDB's document limit |
 * | `ERR_DURABL_PAYLOAD_NOT_ENCODABLE` | {@link PayloadError} | not representable in BSON |
 * | `ERR_DURABL_PAYLOAD_NOT_DECODABLE` | {@link PayloadError} | a claimed job that the app's options or JavaScript can't read; its attempt fails |
 * | `ERR_DURABL_ENQUEUE_MANY` | {@link EnqueueManyError} | some jobs of an `enqueueMany` were not created |
 * | `ERR_DURABL_DUPLICATE_PROCESSOR` | {@link DurablError} | a second `process` for one type |
 * | `ERR_DURABL_NO_GLOBAL_BACKEND` | {@link DurablError} | `setGlobalBackend` was not called |
 * | `ERR_DURABL_GLOBAL_SCOPE_OVERLAP` | {@link DurablError} | `withGlobalQueue` within or beside another |
 * | `ERR_DURABL_TRANSACTION` | {@link DurablError} | not while, or after, a transaction settles the job |
 * | `ERR_DURABL_UNSUPPORTED` | {@link DurablError} | this backend can't do that |
 * | `ERR_DURABL_ADDON_MISSING` | {@link DurablError} | the native engine could not be loaded |
 * | `ERR_DURABL_DRIVER_MISSING` | {@link DurablError} | the peer package `mongodb` could not be loaded |
 * | `ERR_DURABL_FATAL_JOB` | {@link FatalJobError} | thrown by a handler to fail for good |
 * | `ERR_DURABL_INTERNAL` | {@link DurablError} | a fault of durabl's own: please report it |
 */
export type ErrorCode =
  | 'ERR_DURABL_INVALID_ARGUMENT'
  | 'ERR_DURABL_UNSUPPORTED_OPTION'
  | 'ERR_DURABL_CONNECTION'
  | 'ERR_DURABL_AUTHENTICATION'
  | 'ERR_DURABL_PERMISSION_DENIED'
  | 'ERR_DURABL_SERVER_TOO_OLD'
  | 'ERR_DURABL_NOT_A_REPLICA_SET'
  | 'ERR_DURABL_INDEX_CONFLICT'
  | 'ERR_DURABL_WRITE_FAILED'
  | 'ERR_DURABL_SERVER'
  | 'ERR_DURABL_TIMEOUT'
  | 'ERR_DURABL_HANDLER_TIMEOUT'
  | 'ERR_DURABL_LEASE_LOST'
  | 'ERR_DURABL_SHUT_DOWN'
  | 'ERR_DURABL_PAYLOAD_TOO_LARGE'
  | 'ERR_DURABL_PAYLOAD_NOT_ENCODABLE'
  | 'ERR_DURABL_PAYLOAD_NOT_DECODABLE'
  | 'ERR_DURABL_ENQUEUE_MANY'
  | 'ERR_DURABL_DUPLICATE_PROCESSOR'
  | 'ERR_DURABL_NO_GLOBAL_BACKEND'
  | 'ERR_DURABL_GLOBAL_SCOPE_OVERLAP'
  | 'ERR_DURABL_TRANSACTION'
  | 'ERR_DURABL_UNSUPPORTED'
  | 'ERR_DURABL_ADDON_MISSING'
  | 'ERR_DURABL_DRIVER_MISSING'
  | 'ERR_DURABL_FATAL_JOB'
  | 'ERR_DURABL_INTERNAL'

/** What a {@link DurablError} is made of, beside code and message. */
export interface DurablErrorOptions {
  /** What went wrong before. */
  cause?: unknown
  /** The server's own error code. */
  serverCode?: number
}

/** The base of all errors of durabl, except for malformed arguments, which are `TypeError` or `RangeError`. */
export class DurablError extends Error {
  constructor(code: ErrorCode, message: string, options?: DurablErrorOptions)
  /** What went wrong, for code to switch on. */
  readonly code: ErrorCode
  /** The server's own error code, where the server said no. */
  readonly serverCode?: number
}

/** A connection option of the app's client can't be carried over. The message names it and the way out. */
export class UnsupportedOptionError extends DurablError {}
/** No server could be reached, or the connection broke before the reply. */
export class ConnectionError extends DurablError {}
/** The server refused the credentials. */
export class AuthenticationError extends DurablError {}
/** The credentials are right, but the user may not do this. */
export class PermissionError extends DurablError {}
/** The server is too old, or of a kind that can't do what was asked. */
export class ServerUnsupportedError extends DurablError {}
/** The server refused an operation; see `serverCode`. */
export class ServerError extends DurablError {}
/** Something took too long: the server, or a handler. */
export class TimeoutError extends DurablError {}
/** The lease of a run is gone, so nothing that it does counts any more. The reason of an aborted `ctx.signal`. */
export class LeaseLostError extends DurablError {}
/** The queue or the backend was shut down. */
export class ShutDownError extends DurablError {}
/** A payload can't be stored, or read. */
export class PayloadError extends DurablError {}
/**
 * Some jobs of an {@link JobQueue.enqueueMany} were not created, or it is not known. What can be tried again: the jobs
 * whose result is `failed`. `cause` is the first of their errors.
 */
export class EnqueueManyError extends DurablError {
  constructor(results: readonly EnqueueManyOutcome[])
  /** What became of each job, in the order of the call. */
  readonly results: readonly EnqueueManyOutcome[]
}

/**
 * Thrown by a handler to fail its job for good, whatever attempts are left.
 *
 * ```ts
 * if (!user) throw new FatalJobError(`no such user: ${job.data.userId}`)
 * ```
 */
export class FatalJobError extends DurablError {
  constructor(message: string, options?: { cause?: unknown })
}
