/** All workers of a queue as one: pauses, who works, how many jobs there are, and what became of them. */
import type { IJobQueueBackend } from './backend.js'
import type { DurablError } from './errors.js'
import type { JobQueue } from './queue.js'

/** Options of {@link FleetControl.pause}. */
export interface PauseOptions {
  /** Why, for people who look at the queue; at most 4,096 characters. */
  reason?: string | undefined
}

/** The answer of {@link FleetControl.pause}. */
export interface PauseResult {
  /** `paused`, or `unchanged` if the type was paused already. */
  status: 'paused' | 'unchanged'
}

/** The answer of {@link FleetControl.resume}. */
export interface ResumeResult {
  /** `resumed`, or `unchanged` if the type was not paused. */
  status: 'resumed' | 'unchanged'
}

/** A number of jobs, and how exact it is. */
export interface JobCount {
  /** The number of jobs. */
  count: number
  /** `exact`: all were counted. `at-least`: the count stopped at 100,000 jobs or at its time limit. `estimate`: computed. */
  precision: 'exact' | 'at-least' | 'estimate'
}

/** The jobs of one type. */
export interface TypeCounts {
  /** The type. */
  type: string
  /** Whether processors start jobs of it. */
  state: 'running' | 'paused'
  /** Jobs that wait, those for later included. */
  pending: JobCount
  /** Of these, jobs whose time has come. */
  due: JobCount
  /** Of these, jobs that a held key keeps from being claimed. */
  blocked: JobCount
  /** Jobs that are claimed. */
  active: JobCount
  /**
   * Jobs that failed for good and are still stored, less those that were cancelled or have expired. Beyond 100,000 the count is `at-least`:
   * 100,000 less those set apart, or 0 if these are as many themselves.
   */
  failed: JobCount
  /** The `runAt` of the oldest job that is due; null if none is, and while the type is paused. */
  oldestDueAt: Date | null
  /** The time for which that job had been due, in milliseconds; 0 if there is none. */
  lagMs: number
}

/** The result of {@link FleetControl.counts}. */
export interface QueueCounts {
  /** When it was counted, by the server's clock. */
  at: Date
  /**
   * Completed jobs of all types that are still stored: an `estimate`, as it is the collection's own number less the others that were counted.
   * Jobs of other statuses beyond 100,000 of a type are counted as completed here.
   */
  completedTotal: JobCount
  /** The types that have jobs, in their order. */
  types: TypeCounts[]
}

/** A type of jobs, as one worker processes it. */
export interface WorkerType {
  /** The type of jobs. */
  type: string
  /** The highest number of jobs that the worker runs at once. */
  concurrency: number
  /** The number of jobs that the worker holds now. */
  active: number
}

/** A process with processors. */
export interface WorkerInfo {
  /** The beginning of its claim tokens. */
  id: string
  /** The name of its machine. */
  host: string
  /** Its process id. */
  pid: number
  /** Versions by what has them: `durabl`, `node`, `tzdata`, and `app` where npm started the process. */
  versions: Record<string, string>
  /** The types that it has processors for. */
  types: WorkerType[]
  /** Its {@link RetentionOptions}; null if it has none. */
  retention: RetentionOptions | null
  /** Since when it has worked. */
  startedAt: Date
  /** When it was last heard of: it tells every 15 seconds. */
  seenAt: Date
}

/** Which part of the history {@link FleetControl.history} returns. */
export interface HistoryQuery {
  /** Only of this type. */
  type?: string | undefined
  /** From this moment on, in milliseconds since the epoch. */
  fromMs: number
  /** Before this moment, in milliseconds since the epoch. At most 72 hours after `fromMs`. */
  toMs: number
}

/** The jobs that ended within one minute. */
export interface HistoryMinute {
  /** The beginning of the minute. */
  at: Date
  /** Jobs that completed. */
  completed: number
  /** Jobs that failed with their attempts used up. */
  exhausted: number
  /** Jobs that failed for good by `FatalJobError` or `failFatal`. */
  fatal: number
  /** Jobs that were cancelled. */
  cancelled: number
  /** Jobs that expired. */
  expired: number
  /** Jobs whose work a follower covers. */
  superseded: number
  /** Attempts that failed, with those that ended their job. */
  failedAttempts: number
}

/** The durations of handlers, and the waits of jobs after they were due, within ten minutes. */
export interface HistoryDurations {
  /** The beginning of the ten minutes. */
  at: Date
  /** Runs by their length: as many as there are `boundsMs`, and those beyond the last bound. */
  run: number[]
  /** Claims by how long after `runAt` they came, in the same way. */
  wait: number[]
}

/** The history of one type. Minutes in which nothing ended are left out. */
export interface TypeHistory {
  /** The type. */
  type: string
  /** In order of time. */
  minutes: HistoryMinute[]
  /** In order of time. */
  durations: HistoryDurations[]
}

/** The result of {@link FleetControl.history}. */
export interface QueueHistory {
  /** Upper bounds of the buckets of {@link HistoryDurations}, in milliseconds: 26 of them, from 0.01 ms to 335 s, each twice the last. */
  boundsMs: number[]
  /** The types of which anything is known, in their order. */
  types: TypeHistory[]
}

/** An action of an operator, to be recorded. */
export interface ActionRequest {
  /** By whom: a user's name, say. */
  by?: string | undefined
  /** The action: `retry`, for example. */
  action: string
  /** To what: the id of a job, a type. */
  target?: string | undefined
  /** More about it, for people. */
  note?: string | undefined
}

/** An action of an operator. Kept for 90 days. */
export interface ActionRecord {
  /** Its own id. */
  id: string
  /** When, by the server's clock. */
  at: Date
  /** By whom; null if it was not given. */
  by: string | null
  /** The action. */
  action: string
  /** To what; null if it was not given. */
  target: string | null
  /** More about it; null if it was not given. */
  note: string | null
}

/** Which actions {@link FleetControl.listActions} returns. */
export interface ActionQuery {
  /** The largest number: 1 to 1,000. Default 50. */
  limit?: number | undefined
  /** Only those before the action of this id: the last one of the page before. */
  before?: string | undefined
}

/** The time for which ended jobs are kept, in milliseconds. Jobs without a period are kept for good. */
export interface RetentionPeriods {
  /** After completion. */
  completedMs?: number | undefined
  /** After a job has failed for good. */
  failedMs?: number | undefined
  /** After a follower took over. */
  supersededMs?: number | undefined
}

/** {@link RetentionPeriods} of all types, and of single ones. */
export interface RetentionOptions extends RetentionPeriods {
  /** By type, instead of those of all types. */
  types?: Record<string, RetentionPeriods> | undefined
}

/** Calls of a {@link JobQueue} about all its workers as one. */
export interface FleetControl {
  /**
   * Has processors start nothing of a type until it is resumed: those of this process at once, all others within 5 seconds. Jobs that run
   * go on; jobs that are claimed and have not started are given back. Claims by hand get nothing of the type: `claimOrEnqueue` enqueues and
   * returns null, and `runClaimed` drains no followers. The pause is stored, and outlasts all processes.
   *
   * ```ts
   * await queue.pause('welcome-email', { reason: 'the mail server is down' })
   * ```
   *
   * @throws TypeError, RangeError if an argument is malformed; {@link DurablError} `ERR_DURABL_UNSUPPORTED` if the backend can't
   */
  pause(type: string, options?: PauseOptions): Promise<PauseResult>

  /** Ends a pause: in this process at once, elsewhere within 5 seconds. Throws as {@link FleetControl.pause} does. */
  resume(type: string): Promise<ResumeResult>

  /**
   * The number of jobs, by type. One process counts for all, and no sooner than 15 seconds, and 50 times of what it took, after the
   * last time: so the numbers may be as old as that, and any number of callers cost little. No more than 100,000 jobs of a type and status
   * are counted. `getStats` counts exactly, and at once, whatever it costs.
   *
   * @throws as {@link FleetControl.pause}
   */
  counts(options?: { type?: string | undefined }): Promise<QueueCounts>

  /** The processes that have processors, with what they tell of themselves every 15 seconds. Throws as {@link FleetControl.pause} does. */
  listWorkers(): Promise<WorkerInfo[]>

  /**
   * The jobs that ended in each minute, how long handlers ran, and how long jobs waited, of the last 72 hours. Each process writes down what it has
   * counted every 15 seconds, so the newest minute is not complete. Jobs that are removed stay in it.
   *
   * ```ts
   * const { types } = await queue.history({ type: 'welcome-email', fromMs: Date.now() - 3_600_000, toMs: Date.now() })
   * ```
   *
   * @throws as {@link FleetControl.pause}
   */
  history(query: HistoryQuery): Promise<QueueHistory>

  /** Writes down what an operator did, for {@link FleetControl.listActions}. Throws as {@link FleetControl.pause} does. */
  recordAction(action: ActionRequest): Promise<RecordResult>

  /** The actions of operators within 90 days, newest first, a page at a time. Throws as {@link FleetControl.pause} does. */
  listActions(query?: ActionQuery): Promise<ActionRecord[]>
}

/** The answer of {@link FleetControl.recordAction}. */
export interface RecordResult {
  /** Always `recorded`. */
  status: 'recorded'
  /** The id of the record. */
  id: string
}

/** A backend, as far as its workers are seen and steered as one. See {@link IJobQueueBackend}. */
export interface FleetBackend {
  /** Has processors of all processes start nothing of a type. */
  pause?(type: string, options?: PauseOptions): Promise<PauseResult>
  /** Ends that. */
  resume?(type: string): Promise<ResumeResult>
  /** The number of jobs, of all types. */
  counts?(options?: { type?: string | undefined }): Promise<QueueCounts>
  /** The processes that have processors. */
  listWorkers?(): Promise<WorkerInfo[]>
  /** The jobs that ended, by minute. */
  history?(query: HistoryQuery): Promise<QueueHistory>
  /** Writes down what an operator did. Returns the id. */
  recordAction?(action: ActionRequest): Promise<RecordResult>
  /** The actions of operators, newest first. */
  listActions?(query?: ActionQuery): Promise<ActionRecord[]>
}
