/** Looking up jobs without changing them. */
import type { IJobQueueBackend } from './backend.js'
import type { DedupeScope, Job, JobEnding, JobLogEntry, JobRecord, JobStatus } from './job.js'
import type { DurablError, ShutDownError } from './errors.js'
import type { JobQueue } from './queue.js'

/**
 * The fields that a job must have; all of them must be equal. `id` and `_id` mean the same. Fields of the payload are named by their path:
 * `{ type: 'welcome-email', 'data.userId': 'u_123' }`. Operators are refused.
 */
export interface JobQuery {
  /** The job's id. */
  id?: string | undefined
  /** The job's id; the same as `id`. */
  _id?: string | undefined
  /** The kind of work. */
  type?: string | undefined
  /** The job's status. */
  status?: JobStatus | undefined
  /** The job's dedupe key. */
  dedupeKey?: string | undefined
  /** The scope of the job's dedupe key. */
  dedupeScope?: DedupeScope | undefined
  /** The job's priority. */
  priority?: number | undefined
  /** The number of times that the job has been claimed. */
  attempt?: number | undefined
  /** The number of attempts after which a failure is final. */
  maxAttempts?: number | undefined
  /** A field of the payload, to be equal to a string, number, boolean, null, `Date` or BSON value. */
  [path: `data.${string}`]: unknown
}

/** Numbers of jobs by status, and the lag of the queue. */
export interface QueueStats {
  /** Pending jobs, including those enqueued for later. */
  pending: number
  /** Active jobs. */
  active: number
  /** Completed jobs that are still stored. */
  completed: number
  /** Failed jobs that are still stored. */
  failed: number
  /** Superseded jobs that are still stored. */
  superseded: number
  /** The `runAt` of the oldest due job that is not claimed; null if none is due. */
  oldestPendingRunAt: Date | null
  /** The time for which that job has been due, in milliseconds; 0 if none is due. Jobs enqueued for later do not count as lag. */
  oldestPendingLagMs: number
}

/** The counts that a backend must return. A {@link JobQueue} fills in the rest of {@link QueueStats} with 0 or null. */
export type BackendStats = Pick<QueueStats, 'pending' | 'active' | 'completed' | 'failed'> &
  Partial<QueueStats>

/** One failed attempt of a job. */
export interface JobError {
  /** The number of the attempt; 1 for the first. */
  attempt: number
  /** When the attempt failed, by the server's clock. */
  at: Date
  /** The message of the thrown error; cut after 4 kB. */
  reason: string
  /** The stack of the thrown error, if it had one; cut after 8 kB. */
  stack?: string
  /** The id of the worker that ran the attempt, if it has one. */
  worker?: string
}

/** A job as lists show it: all fields but the payload. */
export interface JobSummary extends Omit<Job, 'data' | 'claimToken'> {
  /** The ending of the job; absent until it has ended. */
  ending?: JobEnding
  /** The id of the worker that holds or ended the job. Absent for claims by hand and jobs of earlier versions. */
  worker?: string
  /** When the cancellation of the running job was requested; see {@link JobControl.cancel}. */
  cancelRequestedAt?: Date
  /** The moment after which the job is not started any more. */
  expiresAt?: Date
}

/** A stored job with all its details, as {@link JobQueue.getJob} returns it. A snapshot, which is never updated. */
export interface JobDetail<T = unknown> extends JobSummary {
  /** The payload, as enqueued. */
  data: T
  /** The newest log entries, oldest first. */
  logs: JobLogEntry[]
  /** The newest ten failed attempts, oldest first. Retries keep them. */
  errors: JobError[]
  /** The newest value that the handler passed to `ctx.progress`; absent if there is none. */
  progress?: unknown
  /** The value that the handler returned, if its processor keeps results; absent otherwise. */
  result?: unknown
  /** The time limit of each attempt, in milliseconds. */
  timeoutMs?: number
  /** The reason for the cancellation. */
  cancelReason?: string
}

/** The selection and the page of {@link JobQueue.listJobs}. */
export interface ListJobsOptions {
  /** The status of the jobs. */
  status: JobStatus
  /**
   * The type of the jobs, or several types. Default: all types that have jobs of this status. To find them costs one index key for each type;
   * if there are more than 1,000, the call rejects and asks for a type.
   */
  type?: string | readonly string[] | undefined
  /** The dedupe key of the jobs. For pending and active jobs it is looked up in an index; for ended ones it is searched for, as `where` is. */
  dedupeKey?: string | undefined
  /**
   * Fields of the payload by path, all of which must be equal to a string, number, bigint, boolean, null, `Date` or BSON value. Operators are
   * refused.
   *
   * The call looks at jobs in the order of the list until it has found `limit`, has looked at 20,000, or two seconds have passed. It uses
   * an index of your own on one of the fields, if there is one.
   */
  where?: { readonly [path: `data.${string}`]: unknown } | undefined
  /** The largest number of jobs on a page: 1 to 2,000. Default 50. */
  limit?: number | undefined
  /** The `next` of the previous page. Default: the first page. */
  after?: string | undefined
}

/** A page of a list of jobs. */
export interface JobPage {
  /** The jobs, without their payloads. */
  jobs: JobSummary[]
  /** The value to pass as `after` for the next page; null after the last page. */
  next: string | null
  /** The number of jobs that the call looked at. */
  looked: number
  /**
   * - `complete`: the page is full, or the list has ended.
   * - `stopped`: a search by payload has reached its bounds, and `next` continues it. Or there are more active jobs than `limit`, and the
   *   rest can't be listed.
   */
  status: 'complete' | 'stopped'
}

/** Bounds on the wait of {@link JobQueue.waitFor}. */
export interface WaitForOptions {
  /** The longest wait, in milliseconds. Default: until the job has ended. */
  timeoutMs?: number | undefined
  /** Ends the wait: the call rejects with the signal's reason. */
  signal?: AbortSignal | undefined
}

/** The result of {@link JobQueue.waitFor}. */
export type WaitForResult =
  | {
      /** The job has completed. */
      status: 'completed'
      /** The value that its handler returned, if its processor keeps results; otherwise undefined. */
      result: unknown
    }
  | {
      /** The job has failed for good. */
      status: 'failed'
      /** Its ending. */
      ending: Extract<JobEnding, 'exhausted' | 'fatal' | 'cancelled' | 'expired'>
      /** The reason. */
      failReason: string
    }
  | {
      /**
       * - `superseded`: the job has ended, because a newer job of its key covers its work.
       * - `timed-out`: the job has not ended in time.
       * - `not-found`: there is no such job, or it was removed during the wait.
       */
      status: 'superseded' | 'timed-out' | 'not-found'
    }

/** The state of a job, as {@link QueryBackend.ends} returns it for callers that wait for its end. */
export interface JobEnd {
  /** The job's id. */
  id: string
  /** The job's status. */
  status: JobStatus
  /** The ending of the job; absent until it has ended. */
  ending?: JobEnding
  /** The reason of the failure. */
  failReason?: string
  /** The value that the handler returned, if its processor keeps results. */
  result?: unknown
}

/** Calls of a {@link JobQueue} that look at jobs without changing them. */
export interface JobLooks {
  /**
   * Returns a job with all its details: payload, log, failed attempts, ending. Reads one document by its id.
   *
   * @returns null if there is no such job, or if it was removed
   * @throws {@link DurablError} `ERR_DURABL_UNSUPPORTED` on a backend of your own that has no `getJob`. `listJobs` and `waitFor` do the same
   */
  getJob<T = unknown>(id: string): Promise<JobDetail<T> | null>

  /**
   * Returns a page of jobs of one status, without their payloads. Pending jobs come in the order of their claims: by priority,
   * then by `runAt`. Active jobs come by the time of their claim, and ended jobs newest first.
   *
   * ```ts
   * let after: string | undefined
   * do {
   *   const page = await queue.listJobs({ status: 'failed', type: 'welcome-email', after })
   *   for (const job of page.jobs) console.log(job.id, job.failReason)
   *   after = page.next ?? undefined
   * } while (after !== undefined)
   * ```
   *
   * A page costs as many index keys as it has jobs, however many jobs there are. Pages of pending and ended jobs join exactly: each job that
   * keeps its place comes once. That holds even if a thousand jobs ended in one moment and more end meanwhile. Active jobs move with each renewal, so they
   * come as one page without a `next`.
   *
   * @throws TypeError, RangeError if an option is malformed, or `after` is a cursor of another query
   */
  listJobs(options: ListJobsOptions): Promise<JobPage>

  /**
   * Waits until a job has ended, in whatever process it runs. All waits of a queue share their reads, which come every 50 ms at first and every
   * second later. A job that this queue itself ends is seen at once.
   *
   *
   * ```ts
   * const id = await queue.enqueue('report', { userId })
   * const ended = id === null ? null : await queue.waitFor(id, { timeoutMs: 30_000 })
   * if (ended?.status === 'completed') console.log(ended.result)
   * ```
   *
   * @returns how the job ended, even if it ended before the call. A failed job is a result, not an error
   * @throws the reason of `signal`, once it is aborted; {@link ShutDownError} if the queue shuts down meanwhile
   */
  waitFor(id: string, options?: WaitForOptions): Promise<WaitForResult>
}

/** The part of a backend that looks up and counts jobs. See {@link IJobQueueBackend}. */
export interface QueryBackend {
  /** Returns whether a job of this type and key is pending or active. */
  hasOutstanding?(type: string, dedupeKey: string): Promise<boolean>
  /** Returns the first matching job, by creation; null if none matches. */
  findOne<T>(query: JobQuery): Promise<JobRecord<T> | Job<T> | null>
  /** Counts jobs by status, of one type or of all. */
  getStats(type?: string): Promise<BackendStats>
  /** Returns a job by its id; see {@link JobQueue.getJob}. */
  getJob?<T = unknown>(id: string): Promise<JobDetail<T> | null>
  /** Returns a page of jobs; see {@link JobQueue.listJobs}. */
  listJobs?(options: ListJobsOptions): Promise<JobPage>
  /** Returns those of the jobs with these ids that are stored, in any order. A call passes at most 1,000 ids. */
  ends?(ids: readonly string[]): Promise<JobEnd[]>
}
