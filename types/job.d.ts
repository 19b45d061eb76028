/** The jobs themselves: what one is made of, and where it is in its life. */
import type { IJobQueueBackend } from './backend.js'
import type { JobControl } from './control.js'
import type { EnqueueOptions } from './produce.js'
import type { Occurrence } from './schedules.js'
import type { JobTrace } from './telemetry.js'

/**
 * Where a job is in its life.
 *
 * - `pending`: waits for its `runAt` and for a free worker.
 * - `active`: claimed; somebody holds its lease.
 * - `completed`, `failed`: it has ended.
 * - `superseded`: it has ended because a newer job of the same dedupe key already covers its work; not a failure.
 */
export type JobStatus = 'pending' | 'active' | 'completed' | 'failed' | 'superseded'

/** The statuses of jobs that have ended: only {@link JobControl.retry} leads out of them. */
export type TerminalStatus = 'completed' | 'failed' | 'superseded'

/**
 * The ending of a job.
 *
 * - `completed`, `superseded`: as its status says.
 * - `exhausted`: it failed, and its attempts were used up.
 * - `fatal`: it failed in a way that no attempt more would mend.
 * - `cancelled`: it was cancelled; its status is `failed`.
 * - `expired`: it was not started in time; its status is `failed`.
 */
export type JobEnding = 'completed' | 'superseded' | 'exhausted' | 'fatal' | 'cancelled' | 'expired'

/**
 * The scope of a dedupe key.
 *
 * - `'pending+active'`: the key is held while a job of it is pending or active: no second one at all.
 * - `'pending'`: one job of the key may run while one more, its follower, is pending: single-flight with coalescing.
 */
export type DedupeScope = 'pending' | 'pending+active'

/** The growth of the wait before a retry. See {@link EnqueueOptions.backoff}. */
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
  /** The number of times that the job has been claimed: 1 during its first run. */
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
  /** The longest that its handler may take, in milliseconds; as enqueued. */
  timeoutMs?: number
  /** The moment from which it is not worth its first start any more. */
  expiresAt?: Date
  /** Proves the ownership of an active job's lease. */
  claimToken?: string
  /** The occurrence of a schedule that made the job, if one did. */
  schedule?: Occurrence
  /** The context in which it was made, if that was known. */
  trace?: JobTrace
}

/** One line that a handler logged. */
export interface JobLogEntry {
  /** When it was logged, by the server's clock. */
  timestamp: Date
  /** The line that was logged; cut if it was longer than the backend allows. */
  message: string
}

/** A stored job with its log, but without its `claimToken`, as {@link IJobQueueBackend.findOne} returns it. */
export interface JobRecord<T = unknown> extends Job<T> {
  /** The newest entries, oldest first; bounded (1000 entries of at most 4000 bytes by default). */
  logs: JobLogEntry[]
}
