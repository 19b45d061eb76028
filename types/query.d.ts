/** Looking at jobs without changing them. */
import type { IJobQueueBackend } from './backend.js'
import type { DedupeScope, Job, JobRecord, JobStatus } from './job.js'
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
  /** How far its key reaches. */
  dedupeScope?: DedupeScope | undefined
  /** Its priority. */
  priority?: number | undefined
  /** How many times it has been claimed. */
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
  /** How long that job has been due, in milliseconds; 0 if none is. Jobs scheduled for later are not lag. */
  oldestPendingLagMs: number
}

/** What a backend has to count. What it leaves out of the rest of {@link QueueStats}, a {@link JobQueue} fills in: 0, or null. */
export type BackendStats = Pick<QueueStats, 'pending' | 'active' | 'completed' | 'failed'> &
  Partial<QueueStats>

/** A backend, as far as jobs are looked up and counted. See {@link IJobQueueBackend}. */
export interface QueryBackend {
  /** Whether a job of this type and key is pending or active. */
  hasOutstanding?(type: string, dedupeKey: string): Promise<boolean>
  /** The first job, by creation, that fits; null if none does. */
  findOne<T>(query: JobQuery): Promise<JobRecord<T> | Job<T> | null>
  /** Counts by status, of one type or of all. */
  getStats(type?: string): Promise<BackendStats>
}
