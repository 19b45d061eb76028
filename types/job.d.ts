/** Jobs: their fields and their statuses. */
import type { IJobQueueBackend } from './backend.js'
import type { JobControl } from './control.js'
import type { EnqueueOptions } from './produce.js'
import type { Occurrence } from './schedules.js'
import type { JobTrace } from './telemetry.js'

/**
 * A job's place in its life.
 *
 * - `pending`: the job waits for its `runAt` and for a free worker.
 * - `active`: the job is claimed, and its claim has a lease.
 * - `completed`, `failed`: the job has ended.
 * - `superseded`: the job has ended, because a newer job of the same dedupe key covers its work. This is not a failure.
 */
export type JobStatus = 'pending' | 'active' | 'completed' | 'failed' | 'superseded'

/** The statuses of ended jobs. Only {@link JobControl.retry} leads out of them. */
export type TerminalStatus = 'completed' | 'failed' | 'superseded'

/**
 * The ending of a job.
 *
 * - `completed`, `superseded`: as its status says.
 * - `exhausted`: the job failed, and its attempts were used up.
 * - `fatal`: the job failed in a way that no further attempt would mend.
 * - `cancelled`: the job was cancelled; its status is `failed`.
 * - `expired`: the job was not started in time; its status is `failed`.
 */
export type JobEnding = 'completed' | 'superseded' | 'exhausted' | 'fatal' | 'cancelled' | 'expired'

/**
 * The scope of a dedupe key.
 *
 * - `'pending+active'`: one job holds the key while it is pending or active. There is no second job.
 * - `'pending'`: one job of the key may run while one more, its follower, is pending. That is single-flight with coalescing.
 */
export type DedupeScope = 'pending' | 'pending+active'

/** The growth of the wait before a retry. See {@link EnqueueOptions.backoff}. */
export type Backoff = 'exponential' | 'fixed'

/** A job as handlers and backends see it: a snapshot in plain data, which is never updated. */
export interface Job<T = unknown> {
  /** The job's unique id: a time-ordered UUID in MongoDB; `dummy-1`, `immediate-1`, … in memory. */
  id: string
  /** The kind of work, as given to `enqueue` and `process`. */
  type: string
  /** The payload, as enqueued. */
  data: T
  /** The job's status at the time of this snapshot. */
  status: JobStatus
  /** The number of times that the job has been claimed; 1 during its first run. */
  attempt: number
  /** The number of attempts after which a failure is final. */
  maxAttempts: number
  /** The job's priority. Lower numbers run first. */
  priority: number
  /** A name under which only a limited number of jobs may be outstanding; see {@link EnqueueOptions.dedupeKey}. */
  dedupeKey?: string
  /** The scope of the key; set if `dedupeKey` is. */
  dedupeScope?: DedupeScope
  /** The job is not claimed before this moment. */
  runAt: Date
  /** When the job was enqueued. */
  createdAt: Date
  /** When the job was claimed, or its lease last renewed. */
  claimedAt?: Date
  /** When the job ended as `completed`. */
  completedAt?: Date
  /** When the job ended as `failed` or `superseded`. */
  failedAt?: Date
  /** Why the last run failed. Also set while the job waits for a retry. */
  failReason?: string
  /** The limit of each attempt, in milliseconds, as enqueued. */
  timeoutMs?: number
  /** The moment at which the job expires unless it has been started before. */
  expiresAt?: Date
  /** The proof that its holder has the lease of an active job. */
  claimToken?: string
  /** The occurrence of a schedule that made the job, if any. */
  schedule?: Occurrence
  /** The trace context in which the job was made, if known. */
  trace?: JobTrace
}

/** One line of a job's log. */
export interface JobLogEntry {
  /** When the line was logged, by the server's clock. */
  timestamp: Date
  /** The text; cut if it was longer than the backend allows. */
  message: string
}

/** A stored job with its log and without its `claimToken`, as {@link IJobQueueBackend.findOne} returns it. */
export interface JobRecord<T = unknown> extends Job<T> {
  /** The newest entries, oldest first. By default at most 1000 entries, of at most 4000 bytes each. */
  logs: JobLogEntry[]
}
