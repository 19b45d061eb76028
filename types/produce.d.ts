/** Adding jobs. */
import type { IJobQueueBackend } from './backend.js'
import type { JobQueueOptions } from './queue-options.js'
import type { DriverSession } from './driver.js'
import type { EnqueueManyError } from './errors.js'
import type { Backoff, DedupeScope } from './job.js'
import type { DummyBackend, ImmediateBackend } from './memory.js'
import type { JobQueue } from './queue.js'
import type { JobTrace } from './telemetry.js'

/** Options of a job. Anything malformed is refused with a `TypeError` or `RangeError` before any round trip. */
export interface EnqueueOptions {
  /**
   * The job's own id, such as that of a webhook: at most 4,096 characters, and not beginning with `durabl:`. While a job of this id
   * is stored, whatever has become of it, the id is taken: `enqueue` and `claimOrEnqueue` resolve to null and make nothing, and
   * {@link JobQueue.enqueueDetailed} to `duplicate`, also if the `dedupeKey` is held as well. Retention and `remove` free an id. Not
   * with `coalesce`. Default: a new, time-ordered UUID.
   *
   * ```ts
   * await queue.enqueue('stripe-event', event, { id: `stripe:${event.id}` })
   * ```
   */
  id?: string | undefined
  /** Lower runs first; any safe integer. Default 0. */
  priority?: number | undefined
  /** Milliseconds before the job may be claimed. Default 0. */
  delay?: number | undefined
  /**
   * The moment from which on the job may be claimed, instead of a `delay`; no later than the year 9999. One that has passed, by the
   * server's clock, means now.
   */
  runAt?: Date | undefined
  /** The number of times that the job may be started before a failure is final; at least 1. Default 3. */
  maxAttempts?: number | undefined
  /**
   * At most one job of this key is outstanding, across all types; how strictly, `dedupeScope` says. When the key is held,
   * `enqueue` resolves to null and makes nothing. At most 4,096 characters.
   */
  dedupeKey?: string | undefined
  /** No effect without a `dedupeKey`. Default `'pending+active'`. */
  dedupeScope?: DedupeScope | undefined
  /**
   * Milliseconds for which the `dedupeKey` stays held, from the enqueue on, also when the job has ended: for idempotency, or to do
   * something at most once in a while. It holds up only those that pass it too, and only while the job is stored: retention waits for it,
   * `remove` frees the key. Needs a `dedupeKey`; not with `dedupeScope: 'pending'`. Default: the key is held until the job has ended.
   *
   * ```ts
   * await queue.enqueue('digest', { userId }, { dedupeKey: `digest:${userId}`, dedupeForMs: 3_600_000 })
   * ```
   */
  dedupeForMs?: number | undefined
  /**
   * `'latest'`: when a pending job holds the key, its payload is replaced by this one (an active job's never is).
   * Needs a `dedupeKey` and `dedupeScope: 'pending'`. Default: the first payload stays.
   */
  coalesce?: 'latest' | undefined
  /** A run that takes longer is aborted and fails, in milliseconds; wins over the processor's. Default: the processor's. */
  timeoutMs?: number | undefined
  /**
   * The time for which the job is worth starting, in milliseconds from the moment at which it is first due. One that has not been started by then ends
   * as `failed`, its `ending` is `expired`. It counts only before the first start: a retry does not expire. Default: for ever.
   */
  expiresInMs?: number | undefined
  /**
   * `'exponential'`: the longest wait before a retry doubles with each attempt; the wait is drawn between `backoffDelay` and it.
   * `'fixed'`: `backoffDelay` each time, plus up to a tenth so that retries spread. Default `'exponential'`.
   */
  backoff?: Backoff | undefined
  /** The shortest wait before a retry, in milliseconds. Default 1000. */
  backoffDelay?: number | undefined
  /**
   * The longest wait before a retry, in milliseconds; no effect below `backoffDelay`, where up to a tenth of that comes on top, so that
   * retries spread. Default: the larger of 60000 and 60 times `backoffDelay`.
   */
  backoffMaxDelay?: number | undefined
  /**
   * The context that the job is made in, such as the headers of the request that asks for it; stored with the job. Default: that of the
   * queue's {@link JobQueueOptions.telemetry}, or none.
   */
  trace?: JobTrace | undefined
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
  session?: DriverSession | undefined
}

/** One job of {@link JobQueue.enqueueMany}: what {@link JobQueue.enqueue} takes, as an object. */
export interface EnqueueManyJob<T = unknown> {
  /** The kind of work; at most 4,096 characters. */
  type: string
  /** The payload. */
  data: T
  /** Its options. */
  options?: EnqueueOptions | undefined
}

/** Options of all jobs of {@link JobQueue.enqueueMany}. */
export interface EnqueueManyOptions {
  /** True: with the ids of the jobs in the way; see {@link EnqueueManyDetailedOptions}. Default false. */
  detailed?: false | undefined
  /**
   * Makes all of them in the transaction that is in progress on this session, and so together; see {@link EnqueueOptions.session}.
   * The first error ends the call, and is rethrown as it is. A session of a single job is refused.
   */
  session?: DriverSession | undefined
}

/** As {@link EnqueueManyOptions}, for a call that asks which jobs are in the way of those that are not made. */
export interface EnqueueManyDetailedOptions extends Omit<EnqueueManyOptions, 'detailed'> {
  /** Results are those of {@link JobQueue.enqueueDetailed}. Costs a look where a job is not made. */
  detailed: true
}

/** Options of jobs where their calls don't say; see {@link JobQueueOptions.defaults}. */
export type EnqueueDefaults = Pick<
  EnqueueOptions,
  'priority' | 'maxAttempts' | 'timeoutMs' | 'backoff' | 'backoffDelay' | 'backoffMaxDelay'
>

/** The fate of a job of {@link JobQueue.enqueueDetailed}. */
export type EnqueueDetailedResult =
  | {
      /** The job was made. */
      status: 'created'
      /** Its id. */
      id: string
    }
  | {
      /**
       * Nothing was made. `duplicate`: the dedupe key is held, or the id is taken. `coalesced`: a pending job holds the key, and has
       * this payload now.
       */
      status: 'duplicate' | 'coalesced'
      /** The id of the job in the way; null if it is gone meanwhile. */
      id: string | null
    }

/** The fate of one job of a call that failed as a whole; see {@link EnqueueManyError}. */
export type EnqueueManyOutcome =
  | EnqueueManyResult
  | {
      /** The job was not made, or it is not known whether it was. */
      status: 'failed'
      /**
       * Why. With `ERR_DURABL_WRITE_FAILED`, `ERR_DURABL_TIMEOUT` or `ERR_DURABL_CONNECTION` the job may be stored all the
       * same: a `dedupeKey` keeps a second try from a second job.
       */
      error: Error
    }

/** The fate of one job of {@link JobQueue.enqueueMany}: `duplicate` means that its dedupe key is held. */
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

/** A backend, as far as it takes new jobs. See {@link IJobQueueBackend}. */
export interface ProduceBackend {
  /** Stores a job. Null if its key is held, or its id taken. Times, attempts and statuses are the backend's to keep. */
  enqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<string | null>
  /** Stores jobs, in their order; see {@link JobQueue.enqueueMany}. Absent: the queue calls `enqueue` for one after the other. */
  enqueueMany?(jobs: readonly EnqueueManyJob[], options?: EnqueueManyOptions): Promise<EnqueueManyResult[]>
  /** As `enqueue`, and says which job is in the way. Absent: {@link JobQueue.enqueueDetailed} rejects. */
  enqueueDetailed?<T>(type: string, data: T, options?: EnqueueOptions): Promise<EnqueueDetailedResult>
  /** As `enqueueMany`, and says which jobs are in the way. Absent: the queue calls `enqueueDetailed` for one after the other. */
  enqueueManyDetailed?(
    jobs: readonly EnqueueManyJob[],
    options?: EnqueueManyOptions,
  ): Promise<EnqueueDetailedResult[]>
}
