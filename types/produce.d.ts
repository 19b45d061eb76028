/** Adding jobs. */
import type { IJobQueueBackend } from './backend.js'
import type { JobQueueOptions } from './queue-options.js'
import type { DriverSession } from './driver.js'
import type { EnqueueManyError } from './errors.js'
import type { Backoff, DedupeScope } from './job.js'
import type { DummyBackend, ImmediateBackend } from './memory.js'
import type { JobQueue } from './queue.js'
import type { JobTrace } from './telemetry.js'

/** Options of a job. A malformed value is refused with a `TypeError` or `RangeError` before any round trip. */
export interface EnqueueOptions {
  /**
   * An id of your own for the job, such as that of a webhook. At most 4,096 characters; it must not begin with `durabl:`. Can't be combined
   * with `coalesce`. Default: a new, time-ordered UUID.
   *
   * The id is taken while a job of this id is stored, whatever its status; retention and `remove` free it. Then `enqueue` and
   * `claimOrEnqueue` resolve to null and make nothing, and {@link JobQueue.enqueueDetailed} answers `duplicate`. A taken id counts before a
   * held `dedupeKey`.
   *
   * ```ts
   * await queue.enqueue('stripe-event', event, { id: `stripe:${event.id}` })
   * ```
   */
  id?: string | undefined
  /** The job's priority: any safe integer. Jobs with lower numbers run first. Default 0. */
  priority?: number | undefined
  /** Milliseconds before the job may be claimed. Default 0. */
  delay?: number | undefined
  /**
   * The moment from which the job may be claimed, instead of `delay`; no later than the year 9999. A moment in the past, by the server's clock,
   * means now.
   */
  runAt?: Date | undefined
  /** The number of starts after which a failure is final; at least 1. Default 3. */
  maxAttempts?: number | undefined
  /**
   * A key under which at most one job is outstanding, across all types; `dedupeScope` sets how strictly. While the key is held, `enqueue`
   * resolves to null and makes nothing. At most 4,096 characters.
   */
  dedupeKey?: string | undefined
  /** The scope of `dedupeKey`; no effect without one. Default `'pending+active'`. */
  dedupeScope?: DedupeScope | undefined
  /**
   * Milliseconds from the enqueue for which `dedupeKey` stays held, even after the job has ended. Use it for idempotency, or to do something
   * at most once in a while. Default: the key is held until the job has ended.
   *
   * The hold affects only enqueues that also pass `dedupeForMs`, and only while the job is stored. Retention waits until the hold is over;
   * `remove` frees the key. Needs a `dedupeKey`; can't be combined with `dedupeScope: 'pending'`.
   *
   * ```ts
   * await queue.enqueue('digest', { userId }, { dedupeKey: `digest:${userId}`, dedupeForMs: 3_600_000 })
   * ```
   */
  dedupeForMs?: number | undefined
  /**
   * `'latest'`: if a pending job holds the key, this payload replaces that job's. The payload of an active job never changes.
   * Needs a `dedupeKey` and `dedupeScope: 'pending'`. Default: the first payload stays.
   */
  coalesce?: 'latest' | undefined
  /** The time limit of each attempt, in milliseconds. A longer run is aborted and fails. Default: the limit of the processor. */
  timeoutMs?: number | undefined
  /**
   * Milliseconds for which the job is worth starting, counted from the moment at which it is first due. If the job has not started by then, it
   * ends as `failed` with ending `expired`. Only the first start counts: a retry does not expire. Default: no limit.
   */
  expiresInMs?: number | undefined
  /**
   * The growth of the wait before a retry. `'exponential'`: the upper bound of the wait doubles with each attempt; the wait is random between
   * `backoffDelay` and that bound. `'fixed'`: `backoffDelay` each time, plus up to a tenth, to spread retries. Default `'exponential'`.
   */
  backoff?: Backoff | undefined
  /** The shortest wait before a retry, in milliseconds. Default 1000. */
  backoffDelay?: number | undefined
  /**
   * The longest wait before a retry, in milliseconds. No effect below `backoffDelay`; the wait is then that delay plus up to a tenth, to spread
   * retries. Default: the larger of 60000 and 60 times `backoffDelay`.
   */
  backoffMaxDelay?: number | undefined
  /**
   * The trace context in which the job is made, such as the headers of an HTTP request; stored with the job. Default: the context of the
   * queue's {@link JobQueueOptions.telemetry}, or none.
   */
  trace?: JobTrace | undefined
  /**
   * A session with a transaction in progress, of the client behind the backend's `db`. The job is made in that transaction: once, if the
   * transaction commits, and never if it aborts.
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
   * - The returned id belongs to a job that exists once the transaction has committed. `await` the call within the transaction, like every
   *   operation of it.
   * - `delay` counts from the call, not from the commit.
   * - Errors of the driver are rethrown unchanged, with their labels, so that `withTransaction` starts again where it should. That happens if
   *   two transactions meet on one `dedupeKey`, for example.
   * - With `dedupeScope: 'pending'`, null promises that the pending job which holds the key starts after the commit. So that job sees what the
   *   transaction wrote. It can't be claimed while the transaction is open, so keep the transaction short.
   *
   * {@link DummyBackend} and {@link ImmediateBackend} note the session on the job, and make the job at once.
   *
   * A call rejects with a `TypeError` or `RangeError` if the value is not a session. It does the same if the session belongs to another
   * client, has ended, or has no transaction in progress. {@link JobQueue.claimOrEnqueue} refuses every session, as a claim can't be rolled
   * back. On a standalone server, which has no transactions, calls reject with `ERR_DURABL_NOT_A_REPLICA_SET`. They reject with
   * `ERR_DURABL_UNSUPPORTED` on a backend without transactions, and on a `MongoJobQueue` made with `{ uri }`, whose client is not the app's.
   */
  session?: DriverSession | undefined
}

/** One job of {@link JobQueue.enqueueMany}: the arguments of {@link JobQueue.enqueue} as an object. */
export interface EnqueueManyJob<T = unknown> {
  /** The kind of work; at most 4,096 characters. */
  type: string
  /** The payload. */
  data: T
  /** Options of the job. */
  options?: EnqueueOptions | undefined
}

/** Options of {@link JobQueue.enqueueMany} that concern the whole call. */
export interface EnqueueManyOptions {
  /** With true, results name the jobs in the way; see {@link EnqueueManyDetailedOptions}. Default false. */
  detailed?: false | undefined
  /**
   * A session with a transaction in progress, in which all jobs are made together; see {@link EnqueueOptions.session}. The first error ends
   * the call, and is rethrown unchanged. A session in the options of a single job is refused.
   */
  session?: DriverSession | undefined
}

/** Options of an {@link JobQueue.enqueueMany} whose results name the jobs in the way; see {@link EnqueueManyOptions}. */
export interface EnqueueManyDetailedOptions extends Omit<EnqueueManyOptions, 'detailed'> {
  /** Makes the results those of {@link JobQueue.enqueueDetailed}. Costs one more read for jobs that are not made. */
  detailed: true
}

/** Defaults for options that a call leaves out; see {@link JobQueueOptions.defaults}. */
export type EnqueueDefaults = Pick<
  EnqueueOptions,
  'priority' | 'maxAttempts' | 'timeoutMs' | 'backoff' | 'backoffDelay' | 'backoffMaxDelay'
>

/** The result of {@link JobQueue.enqueueDetailed}. */
export type EnqueueDetailedResult =
  | {
      /** The job was made. */
      status: 'created'
      /** Its id. */
      id: string
    }
  | {
      /**
       * No job was made. `duplicate`: the dedupe key is held, or the id is taken. `coalesced`: the pending job that holds the key has
       * this payload now.
       */
      status: 'duplicate' | 'coalesced'
      /** The id of the job in the way; null if that job is gone meanwhile. */
      id: string | null
    }

/** The fate of one job of a call that failed as a whole; see {@link EnqueueManyError}. */
export type EnqueueManyOutcome =
  | EnqueueManyResult
  | {
      /** The job was not made, or it is unknown whether it was. */
      status: 'failed'
      /**
       * The reason. With `ERR_DURABL_WRITE_FAILED`, `ERR_DURABL_TIMEOUT` or `ERR_DURABL_CONNECTION` the job may be stored nevertheless. If
       * it has a `dedupeKey`, a second call makes no second job.
       */
      error: Error
    }

/** The fate of one job of {@link JobQueue.enqueueMany}: `duplicate` means that its dedupe key is held or its id taken. */
export type EnqueueManyResult =
  | {
      /** The job was made. */
      status: 'created'
      /** Its id. */
      id: string
    }
  | {
      /** The key is held or the id taken; no job was made. */
      status: 'duplicate'
    }

/** The part of a backend that adds jobs. See {@link IJobQueueBackend}. */
export interface ProduceBackend {
  /** Stores a job. Returns its id; null if its key is held or its id taken. The backend itself sets times, attempts and statuses. */
  enqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<string | null>
  /** Stores jobs in the order given; see {@link JobQueue.enqueueMany}. Where absent, the queue calls `enqueue` for each in turn. */
  enqueueMany?(jobs: readonly EnqueueManyJob[], options?: EnqueueManyOptions): Promise<EnqueueManyResult[]>
  /** Stores a job, or names the job in the way. Where absent, {@link JobQueue.enqueueDetailed} rejects. */
  enqueueDetailed?<T>(type: string, data: T, options?: EnqueueOptions): Promise<EnqueueDetailedResult>
  /** Stores jobs, or names the jobs in the way. Where absent, the queue calls `enqueueDetailed` for each in turn. */
  enqueueManyDetailed?(
    jobs: readonly EnqueueManyJob[],
    options?: EnqueueManyOptions,
  ): Promise<EnqueueDetailedResult[]>
}
