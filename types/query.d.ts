/** Looking at jobs without changing them. */
import type { IJobQueueBackend } from './backend.js'
import type { DedupeScope, Job, JobEnding, JobLogEntry, JobRecord, JobStatus } from './job.js'
import type { DurablError, ShutDownError } from './errors.js'
import type { JobQueue } from './queue.js'

/**
 * Which job to find: all given fields must be equal. `id` and `_id` are the same. Payload fields are named by path:
 * `{ type: 'welcome-email', 'data.userId': 'u_123' }`. Operators are refused.
 */
export interface JobQuery {
  /** The job's id. */
  id?: string | undefined
  /** The job's id. */
  _id?: string | undefined
  /** The kind of work. */
  type?: string | undefined
  /** Where it is in its life. */
  status?: JobStatus | undefined
  /** Its dedupe key. */
  dedupeKey?: string | undefined
  /** The scope of its key. */
  dedupeScope?: DedupeScope | undefined
  /** Its priority. */
  priority?: number | undefined
  /** The number of times that it has been claimed. */
  attempt?: number | undefined
  /** After how many attempts a failure of it is final. */
  maxAttempts?: number | undefined
  /** A field of its payload: a string, number, boolean, null, `Date` or BSON value to be equal to. */
  [path: `data.${string}`]: unknown
}

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
  /** The time for which that job has been due, in milliseconds; 0 if none is. Jobs scheduled for later are not lag. */
  oldestPendingLagMs: number
}

/** The counts that a backend has to return. A {@link JobQueue} fills in the rest of {@link QueueStats}: 0, or null. */
export type BackendStats = Pick<QueueStats, 'pending' | 'active' | 'completed' | 'failed'> &
  Partial<QueueStats>

/** One failed attempt of a job. */
export interface JobError {
  /** Which attempt: 1 for the first. */
  attempt: number
  /** When it failed, by the server's clock. */
  at: Date
  /** Why: the message of what the handler threw; cut after 4 kB. */
  reason: string
  /** The stack of what the handler threw, if it had one; cut after 8 kB. */
  stack?: string
  /** The id of the worker that ran it, if it has one. */
  worker?: string
}

/** The part of a job that lists show too: all but its payload. */
export interface JobSummary extends Omit<Job, 'data' | 'claimToken'> {
  /** The ending of the job; absent while it has none. */
  ending?: JobEnding
  /** The id of the worker that holds it, or that ended it; absent for jobs of earlier versions and of claims by hand. */
  worker?: string
  /** When the end of a running job was asked for; see `cancel`. */
  cancelRequestedAt?: Date
  /** The moment from which it is not started any more. */
  expiresAt?: Date
}

/** A stored job with everything that is known of it, as {@link JobQueue.getJob} returns it. A snapshot: it does not change by itself. */
export interface JobDetail<T = unknown> extends JobSummary {
  /** The payload, as enqueued. */
  data: T
  /** The newest log entries, oldest first. */
  logs: JobLogEntry[]
  /** The newest ten failed attempts, oldest first; retries keep them. */
  errors: JobError[]
  /** The last progress that the handler told by `ctx.progress`; absent if it told nothing. */
  progress?: unknown
  /** The value that the handler returned, if its processor keeps results; absent otherwise. */
  result?: unknown
  /** The bound on each attempt of this job, in milliseconds. */
  timeoutMs?: number
  /** Why its end was asked for. */
  cancelReason?: string
}

/** Which jobs {@link JobQueue.listJobs} lists, and how many. */
export interface ListJobsOptions {
  /** Where they are in their life. */
  status: JobStatus
  /**
   * Their type, or several. Default: all types that have jobs of this status, which are found at the cost of one index key each; of more
   * than 1,000 the call asks for a name.
   */
  type?: string | readonly string[] | undefined
  /** Their dedupe key. Of pending and active jobs it is looked up; of ended ones it is searched for, as `where` is. */
  dedupeKey?: string | undefined
  /**
   * Fields of the payload by path, all of which must be equal: to a string, number, bigint, boolean, null, `Date` or BSON value.
   * Operators are refused. Jobs are looked at in the order of the list until `limit` are found, 20,000 were looked at, or two seconds have
   * passed. An index of your own on one of the fields is used.
   */
  where?: { readonly [path: `data.${string}`]: unknown } | undefined
  /** Jobs on a page: 1 to 2,000. Default 50. */
  limit?: number | undefined
  /** The `next` of the page before. */
  after?: string | undefined
}

/** A page of a list of jobs. */
export interface JobPage {
  /** The jobs, without their payloads. */
  jobs: JobSummary[]
  /** The value to pass as `after` for the next page; null after the last one. */
  next: string | null
  /** The number of jobs that the call looked at. */
  looked: number
  /**
   * - `complete`: the page is full, or the list has ended.
   * - `stopped`: a search by payload has looked at as many jobs as it may, and `next` goes on from there; or there are more active jobs than
   *   `limit`, and the rest can't be listed.
   */
  status: 'complete' | 'stopped'
}

/** The bounds of the wait of {@link JobQueue.waitFor}. */
export interface WaitForOptions {
  /** At most so long, in milliseconds. Default: until the job has ended. */
  timeoutMs?: number | undefined
  /** Ends the wait: it rejects with the signal's reason. */
  signal?: AbortSignal | undefined
}

/** The result of {@link JobQueue.waitFor}. */
export type WaitForResult =
  | {
      /** The job ended well. */
      status: 'completed'
      /** The value that its handler returned, if its processor keeps results; else undefined. */
      result: unknown
    }
  | {
      /** The job failed for good. */
      status: 'failed'
      /** Its ending. */
      ending: Extract<JobEnding, 'exhausted' | 'fatal' | 'cancelled' | 'expired'>
      /** Why. */
      failReason: string
    }
  | {
      /**
       * - `superseded`: the job ended as a newer one of its key covers its work.
       * - `timed-out`: it has not ended in time.
       * - `not-found`: there is no such job, or it was removed while it was waited for.
       */
      status: 'superseded' | 'timed-out' | 'not-found'
    }

/** A job as one who waits for its end needs it; see {@link QueryBackend.ends}. */
export interface JobEnd {
  /** The job's id. */
  id: string
  /** Where it is in its life. */
  status: JobStatus
  /** Its ending; absent while it has none. */
  ending?: JobEnding
  /** Why it failed. */
  failReason?: string
  /** The value that its handler returned, if that is kept. */
  result?: unknown
}

/** The calls of a {@link JobQueue} that look at jobs and change none. */
export interface JobLooks {
  /**
   * A job with everything that is known of it: payload, log, failed attempts, how it ended. Reads one document by its id.
   *
   * @returns null if there is no such job, or if it was removed
   * @throws {@link DurablError} `ERR_DURABL_UNSUPPORTED` on a backend of your own that has no `getJob`; the same holds for the calls below
   */
  getJob<T = unknown>(id: string): Promise<JobDetail<T> | null>

  /**
   * A page of jobs of one status, without their payloads: pending ones in the order in which they are claimed (by priority, then by
   * `runAt`), active ones by their claim times, ended ones newest first.
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
   * A page costs as many index keys as it has jobs, however many there are. Pages of pending and ended jobs join exactly, also where a
   * thousand jobs ended in one moment and more end meanwhile: each job that stays where it is comes once. Active ones move with each renewal,
   * so they come as one page, without a `next`.
   *
   * @throws TypeError, RangeError if an option is malformed, or `after` is a cursor of another query
   */
  listJobs(options: ListJobsOptions): Promise<JobPage>

  /**
   * Waits until a job has ended, wherever it runs. All calls of a queue share their looks, which come every 50 ms at first and every second
   * later; a job that this queue itself ends is seen at once.
   *
   * ```ts
   * const id = await queue.enqueue('report', { userId })
   * const ended = id === null ? null : await queue.waitFor(id, { timeoutMs: 30_000 })
   * if (ended?.status === 'completed') console.log(ended.result)
   * ```
   *
   * @returns how it ended, also if that was before the call. A job that failed is a result, too
   * @throws the reason of `signal`, once it is aborted; {@link ShutDownError} if the queue is shut down meanwhile
   */
  waitFor(id: string, options?: WaitForOptions): Promise<WaitForResult>
}

/** A backend, as far as jobs are looked up and counted. See {@link IJobQueueBackend}. */
export interface QueryBackend {
  /** Whether a job of this type and key is pending or active. */
  hasOutstanding?(type: string, dedupeKey: string): Promise<boolean>
  /** The first job, by creation, that fits; null if none does. */
  findOne<T>(query: JobQuery): Promise<JobRecord<T> | Job<T> | null>
  /** Counts by status, of one type or of all. */
  getStats(type?: string): Promise<BackendStats>
  /** A job by its id; see {@link JobQueue.getJob}. */
  getJob?<T = unknown>(id: string): Promise<JobDetail<T> | null>
  /** A page of jobs; see {@link JobQueue.listJobs}. */
  listJobs?(options: ListJobsOptions): Promise<JobPage>
  /** Those of the jobs with these ids that are stored, in any order. At most 1,000 ids a call. */
  ends?(ids: readonly string[]): Promise<JobEnd[]>
}
