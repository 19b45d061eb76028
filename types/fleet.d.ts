/** All workers of a queue as one: pauses, processes, job counts and history. */
import type { IJobQueueBackend } from './backend.js'
import type { DurablError } from './errors.js'
import type { JobQueue } from './queue.js'

/** Options of {@link FleetControl.pause}. */
export interface PauseOptions {
  /** A reason for people who look at the queue; at most 4,096 characters. */
  reason?: string | undefined
}

/** The result of {@link FleetControl.pause}. */
export interface PauseResult {
  /** `paused`, or `unchanged` if the type was paused already. */
  status: 'paused' | 'unchanged'
}

/** The result of {@link FleetControl.resume}. */
export interface ResumeResult {
  /** `resumed`, or `unchanged` if the type was not paused. */
  status: 'resumed' | 'unchanged'
}

/** A number of jobs, with its precision. */
export interface JobCount {
  /** The number of jobs. */
  count: number
  /** `exact`: all jobs were counted. `at-least`: the count stopped at 100,000 jobs or at its time limit. `estimate`: computed from other numbers. */
  precision: 'exact' | 'at-least' | 'estimate'
}

/** The numbers of jobs of one type. */
export interface TypeCounts {
  /** The type. */
  type: string
  /** Whether processors start jobs of the type (`running`) or not (`paused`). */
  state: 'running' | 'paused'
  /** Pending jobs, including those enqueued for later. */
  pending: JobCount
  /** Pending jobs whose time has come. */
  due: JobCount
  /** Pending jobs that are due, but can't be claimed because another job holds their key. */
  blocked: JobCount
  /** Active jobs. */
  active: JobCount
  /**
   * Jobs that failed for good and are still stored, without those that were cancelled or have expired. Beyond 100,000 failed jobs the number
   * is `at-least`: 100,000 less the cancelled and expired ones, or 0 if these reach 100,000 themselves.
   */
  failed: JobCount
  /** The `runAt` of the oldest due job; null if none is due or the type is paused. */
  oldestDueAt: Date | null
  /** The time for which that job had been due when it was counted, in milliseconds; 0 if there is none. */
  lagMs: number
}

/** The result of {@link FleetControl.counts}. */
export interface QueueCounts {
  /** When the jobs were counted, by the server's clock. */
  at: Date
  /**
   * Completed jobs of all types that are still stored. This is an `estimate`: the number of documents in the collection, less the other jobs that
   * were counted. Jobs of other statuses beyond 100,000 of a type are included here.
   */
  completedTotal: JobCount
  /** The types that have jobs, sorted by name. */
  types: TypeCounts[]
}

/** One type of jobs that a worker processes. */
export interface WorkerType {
  /** The type. */
  type: string
  /** The largest number of jobs that the worker runs at once. */
  concurrency: number
  /** The number of jobs that the worker holds at present. */
  active: number
}

/** A process with processors. */
export interface WorkerInfo {
  /** The worker id: the part of its claim tokens before the dot. */
  id: string
  /** The host name of its machine. */
  host: string
  /** Its process id. */
  pid: number
  /** Versions by component: `durabl`, `node`, `tzdata`, and `app` if npm started the process. */
  versions: Record<string, string>
  /** The types for which the process has processors. */
  types: WorkerType[]
  /** The retention periods that the process applies; null if it has none. */
  retention: RetentionOptions | null
  /** When the worker started. */
  startedAt: Date
  /** When the worker last reported. It reports every 15 seconds. */
  seenAt: Date
}

/** The part of the history that {@link FleetControl.history} returns. */
export interface HistoryQuery {
  /** The only type to return. Default: all types. */
  type?: string | undefined
  /** The beginning of the period, in milliseconds since the epoch. */
  fromMs: number
  /** The end of the period (exclusive), in milliseconds since the epoch. At most 72 hours after `fromMs`. */
  toMs: number
}

/** The jobs that ended within one minute. */
export interface HistoryMinute {
  /** The beginning of the minute. */
  at: Date
  /** Completed jobs. */
  completed: number
  /** Jobs that failed because their attempts were used up. */
  exhausted: number
  /** Jobs that failed for good by `FatalJobError` or `failFatal`. */
  fatal: number
  /** Cancelled jobs. */
  cancelled: number
  /** Expired jobs. */
  expired: number
  /** Superseded jobs. */
  superseded: number
  /** Failed attempts, including those that ended their job. */
  failedAttempts: number
}

/** The durations of handlers, and the waits of jobs after they were due, within ten minutes. */
export interface HistoryDurations {
  /** The beginning of the ten minutes. */
  at: Date
  /** Runs by duration: a number for each bound of `boundsMs`, and one for longer runs. */
  run: number[]
  /** Claims by the time since `runAt`, in the same buckets. */
  wait: number[]
}

/** The history of one type. Minutes in which no job ended are left out. */
export interface TypeHistory {
  /** The type. */
  type: string
  /** The minutes in which jobs ended, in chronological order. */
  minutes: HistoryMinute[]
  /** The durations, in chronological order. */
  durations: HistoryDurations[]
}

/** The result of {@link FleetControl.history}. */
export interface QueueHistory {
  /** The 26 upper bounds of the buckets of {@link HistoryDurations}, in milliseconds: from 0.01 ms to 335 s, each twice the one before. */
  boundsMs: number[]
  /** The types that have a history, sorted by name. */
  types: TypeHistory[]
}

/** An operator's action, to be recorded. */
export interface ActionRequest {
  /** The person who acted: a user name, for example. */
  by?: string | undefined
  /** The name of the action: `retry`, for example. */
  action: string
  /** The object of the action: the id of a job, or a type. */
  target?: string | undefined
  /** A note for people to read. */
  note?: string | undefined
}

/** A recorded action of an operator. Records are kept for 90 days. */
export interface ActionRecord {
  /** The id of the record. */
  id: string
  /** When the action was recorded, by the server's clock. */
  at: Date
  /** The person who acted; null if not given. */
  by: string | null
  /** The name of the action. */
  action: string
  /** The object of the action; null if not given. */
  target: string | null
  /** A note for people to read; null if not given. */
  note: string | null
}

/** The part of the records that {@link FleetControl.listActions} returns. */
export interface ActionQuery {
  /** The largest number of records: 1 to 1,000. Default 50. */
  limit?: number | undefined
  /** The id of the last record of the previous page. Default: the newest records. */
  before?: string | undefined
}

/** The periods for which ended jobs are kept, in milliseconds. Jobs without a period are kept for good. */
export interface RetentionPeriods {
  /** The period after completion. */
  completedMs?: number | undefined
  /** The period after a job has failed for good. */
  failedMs?: number | undefined
  /** The period after a job was superseded. */
  supersededMs?: number | undefined
}

/** {@link RetentionPeriods} for all types, and for single types. */
export interface RetentionOptions extends RetentionPeriods {
  /** Periods of single types, which replace those for all types. */
  types?: Record<string, RetentionPeriods> | undefined
}

/** Calls that concern all workers of a {@link JobQueue}. */
export interface FleetControl {
  /**
   * Stops processors from starting jobs of a type until the type is resumed: in this process at once, in others within 5 seconds. The pause is
   * stored, and outlasts all processes.
   *
   * Running jobs go on. Jobs that are claimed but not started are given back. Claims by hand get no jobs of the type: `claimOrEnqueue` enqueues
   * and returns null, and `runClaimed` drains no followers.
   *
   * ```ts
   * await queue.pause('welcome-email', { reason: 'the mail server is down' })
   * ```
   *
   * @throws TypeError, RangeError if an argument is malformed; {@link DurablError} `ERR_DURABL_UNSUPPORTED` if the backend has no such method
   */
  pause(type: string, options?: PauseOptions): Promise<PauseResult>

  /** Ends a pause: in this process at once, in others within 5 seconds. Throws as {@link FleetControl.pause} does. */
  resume(type: string): Promise<ResumeResult>

  /**
   * Returns the numbers of jobs by type. Any number of callers cost little: one process counts for all, and counts again only after a while. So the
   * numbers may be 15 seconds old, or as old as 50 times the duration of a count if that is longer. It counts no more than 100,000 jobs of
   * a type and status.
   *
   * `getStats` counts exactly and at once, whatever the cost.
   *
   * @throws as {@link FleetControl.pause}
   */
  counts(options?: { type?: string | undefined }): Promise<QueueCounts>

  /** Returns the processes that have processors, as they report themselves every 15 seconds. Throws as {@link FleetControl.pause} does. */
  listWorkers(): Promise<WorkerInfo[]>

  /**
   * Returns the jobs that ended in each minute, the durations of handlers, and the waits of jobs, of the last 72 hours. Each process writes its
   * counts every 15 seconds, so the newest minute is incomplete. The history includes jobs that were removed since.
   *
   * ```ts
   * const { types } = await queue.history({ type: 'welcome-email', fromMs: Date.now() - 3_600_000, toMs: Date.now() })
   * ```
   *
   * @throws as {@link FleetControl.pause}
   */
  history(query: HistoryQuery): Promise<QueueHistory>

  /** Records an operator's action, for {@link FleetControl.listActions}. Throws as {@link FleetControl.pause} does. */
  recordAction(action: ActionRequest): Promise<RecordResult>

  /** Returns the actions of the last 90 days, newest first, a page at a time. Throws as {@link FleetControl.pause} does. */
  listActions(query?: ActionQuery): Promise<ActionRecord[]>
}

/** The result of {@link FleetControl.recordAction}. */
export interface RecordResult {
  /** Always `recorded`. */
  status: 'recorded'
  /** The id of the record. */
  id: string
}

/** The part of a backend that concerns all its workers. See {@link IJobQueueBackend}. */
export interface FleetBackend {
  /** Stops processors of all processes from starting jobs of a type. */
  pause?(type: string, options?: PauseOptions): Promise<PauseResult>
  /** Ends a pause. */
  resume?(type: string): Promise<ResumeResult>
  /** Returns the numbers of jobs, by type. */
  counts?(options?: { type?: string | undefined }): Promise<QueueCounts>
  /** Returns the processes that have processors. */
  listWorkers?(): Promise<WorkerInfo[]>
  /** Returns the jobs that ended, by minute. */
  history?(query: HistoryQuery): Promise<QueueHistory>
  /** Records an operator's action. Returns the id of the record. */
  recordAction?(action: ActionRequest): Promise<RecordResult>
  /** Returns the actions of operators, newest first. */
  listActions?(query?: ActionQuery): Promise<ActionRecord[]>
}
