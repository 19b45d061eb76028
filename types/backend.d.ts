/** The contract of a backend. */
import type { CompleteResult, FailFatalResult, FailResult, HeartbeatResult, ReleaseResult } from './claims.js'
import type { Job, JobRecord } from './job.js'
import type { EnqueueManyJob, EnqueueManyOptions, EnqueueManyResult, EnqueueOptions } from './produce.js'
import type { BackendStats, JobQuery } from './query.js'
import type { JobQueue } from './queue.js'
import type { BackendTransactions, CompleteOptions } from './transact.js'
import type { JobAvailableListener, JobHandler } from './work.js'

/**
 * What a backend may say of a write: what became of it; or, as those of the first releases do, nothing or `true` if it applied, and
 * `false` if the job was no longer the caller's. A {@link JobQueue} makes a result of it.
 */
export type BackendReply<Result> = Result | boolean | void

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
