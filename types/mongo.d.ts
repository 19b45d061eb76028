/** Jobs in MongoDB. */
import type { Collection } from 'mongodb'
import type { IJobQueueBackend } from './backend.js'
import type {
  CompleteResult,
  FailFatalResult,
  FailResult,
  HeartbeatResult,
  JobHandle,
  ReleaseResult,
} from './claims.js'
import type { CancelRequest, CancelledEach, JobControl } from './control.js'
import type {
  ActionQuery,
  ActionRecord,
  ActionRequest,
  HistoryQuery,
  PauseOptions,
  PauseResult,
  QueueCounts,
  QueueHistory,
  RecordResult,
  ResumeResult,
  RetentionOptions,
  WorkerInfo,
} from './fleet.js'
import type { DriverCollection, DriverDb } from './driver.js'
import type { ConnectionError, DurablError, UnsupportedOptionError } from './errors.js'
import type { Backoff, DedupeScope, Job, JobEnding, JobLogEntry, JobRecord, JobStatus } from './job.js'
import type {
  AppendStepOptions,
  AppendStepResult,
  CompleteClaimedResult,
  HeartbeatClaimedResult,
  StepRecord,
} from './journal.js'
import type { Logger, defaultLogger } from './logging.js'
import type {
  EnqueueDetailedResult,
  EnqueueManyJob,
  EnqueueManyOptions,
  EnqueueManyResult,
  EnqueueOptions,
} from './produce.js'
import type { JobError, JobDetail, JobEnd, JobPage, JobQuery, ListJobsOptions, QueueStats } from './query.js'
import type {
  ApplySchedulesResult,
  NamedSchedule,
  Occurrence,
  PauseScheduleResult,
  ResumeScheduleResult,
  ScheduledJob,
  ScheduleInfo,
  ScheduleResult,
  ScheduleSpec,
  SkipScheduleResult,
  TriggerScheduleResult,
  UnscheduleResult,
} from './schedules.js'
import type { JobTrace } from './telemetry.js'
import type { BackendTransactions, CompleteOptions } from './transact.js'
import type { JobAvailableListener } from './work.js'

/** Options of {@link MongoJobQueue}, however it connects. */
export interface MongoJobQueueCommonOptions {
  /** Default `'jobs'`. */
  collectionName?: string | undefined
  /**
   * Learn of new jobs by a change stream instead of waiting for a poll. Needs a replica set or a sharded cluster: on a
   * standalone server `startup()` throws. Each stream, one per client and collection, has a connection of its own beside
   * `maxPoolSize`. Default false.
   */
  useChangeStreams?: boolean | undefined
  /**
   * Make a job as claimed already where a processor of this backend is idle and would claim it next: its handler starts when the write
   * is acknowledged, one write and one round trip sooner. Nothing else changes: `enqueue` resolves before the handler starts. A job waits
   * as usual if it is delayed, in a transaction, of scope `pending`, or has an `id` or `dedupeForMs`; if its type is paused; and while
   * another one is known that is due. Default true.
   */
  handOff?: boolean | undefined
  /** Default {@link defaultLogger}. */
  logger?: Logger | undefined
  /** The number of log entries that a job keeps, the newest ones; at least 1. Default 1000. */
  maxLogEntries?: number | undefined
  /** Longer log messages are cut, in bytes of UTF-8, and end with `[truncated]`; at least 16. Default 4000. */
  maxLogMessageBytes?: number | undefined
  /** The most bytes that the journal of an orchestration may take. A job holds 16 MB, its payload included. Default 8000000. */
  journalSoftLimitBytes?: number | undefined
  /** Stop renewing leases once this process's JavaScript thread has hung for so long, in milliseconds. Default 300000. */
  maxBlockMs?: number | undefined
  /**
   * The time for which ended jobs are kept. A process that has processors removes older ones, a few at a time, of the types and
   * statuses that are named here; where processes of one collection name different periods, the longest wins. Jobs stay while their dedupe
   * key is held beyond their end (`dedupeForMs`), and jobs of a schedule until it is past their occurrence. Default: all are kept.
   *
   * ```ts
   * new MongoJobQueue({ db, retention: { completedMs: 86_400_000, types: { audit: { completedMs: 31_536_000_000 } } } })
   * ```
   */
  retention?: RetentionOptions | undefined
}

/** {@link MongoJobQueue} on the server of the app's `Db`. */
export interface MongoJobQueueDbOptions extends MongoJobQueueCommonOptions {
  /** A `Db` of the app's `MongoClient` (package `mongodb`, 6 or 7), connected or to be connected by its first use. */
  db: DriverDb
  /** Instead of `db`: see {@link MongoJobQueueUriOptions}. */
  uri?: undefined
  /** The database is that of `db`. */
  database?: undefined
}

/** {@link MongoJobQueue} on a server named by a connection string. */
export interface MongoJobQueueUriOptions extends MongoJobQueueCommonOptions {
  /**
   * A connection string, `mongodb://` or `mongodb+srv://`. Its options for BSON (`promoteLongs`, `ignoreUndefined` and so on) count as
   * they do for a client of the installed `mongodb`.
   */
  uri: string
  /** The database that holds the jobs. */
  database: string
  /** Instead of `uri`: see {@link MongoJobQueueDbOptions}. */
  db?: undefined
}

/** Where {@link MongoJobQueue} stores jobs and how. */
export type MongoJobQueueOptions = MongoJobQueueDbOptions | MongoJobQueueUriOptions

/**
 * The way in which wake-ups reach this process: `off` (not asked for, or not started: polling), `connecting` (first attempt; polling
 * meanwhile), `streaming`, `reconnecting` (the stream was lost; polling meanwhile).
 */
export type StreamState = 'off' | 'connecting' | 'streaming' | 'reconnecting'

/**
 * A job as {@link MongoJobQueue} stores it, for queries of your own by {@link MongoJobQueue.getCollection}. Only reading is safe: every
 * write is the queue's. An absent value is missing; documents of earlier versions may have `null` there.
 */
export interface JobDoc<T = any> {
  /** The job's id. */
  _id: string
  /** The kind of work. */
  type: string
  /** The payload. */
  data: T
  /** Where the job is in its life. */
  status: JobStatus
  /** Lower runs first. */
  priority: number
  /** The number of times that the job has been claimed. */
  attempt: number
  /** After this many attempts a failure is final. */
  maxAttempts: number
  /** The name under which only so many jobs may be outstanding. */
  dedupeKey?: string
  /** The scope of the key. */
  dedupeScope?: DedupeScope
  /** Until when the key stays held for new jobs of `dedupeForMs`; there only if it was used. */
  dedupeUntil?: Date
  /** The growth of the wait before a retry. */
  backoff?: Backoff
  /** The shortest wait before a retry, in milliseconds. */
  backoffDelay?: number
  /** The longest wait before a retry, in milliseconds. */
  backoffMaxDelay?: number
  /** Not claimed before this moment. */
  runAt: Date
  /** When it was enqueued. */
  createdAt: Date
  /** When it was claimed, or its lease last renewed. */
  claimedAt?: Date
  /** Proves the ownership of the lease. */
  claimToken?: string
  /** When it ended as `completed`. */
  completedAt?: Date
  /** When it ended as `failed` or `superseded`. */
  failedAt?: Date
  /** Why the last run failed. */
  failReason?: string
  /** The occurrence of a schedule that made the job. */
  schedule?: Occurrence
  /** The context in which it was made. */
  trace?: JobTrace
  /** Its ending; on failed jobs only, and not on those of versions before 0.4. */
  ending?: JobEnding
  /** Its newest failed attempts, oldest first; at most 10. */
  errors?: JobError[]
  /** When it was asked to be cancelled while it ran. */
  cancelRequestedAt?: Date
  /** Why it was, if anybody has said so. */
  cancelReason?: string
  /** The step records of its orchestration, in the order of their appends. */
  steps?: StepRecord[]
  /** The bytes that they take. */
  journalBytes?: number
  /** The newest log entries, oldest first. */
  logs: JobLogEntry[]
}

/** Calls that change single jobs. */
export interface MongoJobQueue extends JobControl {}

/**
 * Jobs in a MongoDB collection (server 6.0 or newer).
 *
 * The engine opens a connection of its own, made from the options of the client behind `db`. An option that it can't honour is
 * refused by the constructor, by name; then connect with `{ uri, database }`.
 *
 * ```ts
 * const backend = new MongoJobQueue({ db, useChangeStreams: true })
 * await backend.startup()
 * ```
 */
export class MongoJobQueue implements IJobQueueBackend, AsyncDisposable {
  /**
   * @throws TypeError, RangeError if an option is malformed; {@link UnsupportedOptionError} if the client's connection can't
   * be carried over; {@link ConnectionError} if the client was closed; {@link DurablError} `ERR_DURABL_ADDON_MISSING` or
   * `ERR_DURABL_DRIVER_MISSING` if a part of the installation is
   */
  constructor(options: MongoJobQueueOptions)
  enqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<string | null>
  enqueueMany(jobs: readonly EnqueueManyJob[], options?: EnqueueManyOptions): Promise<EnqueueManyResult[]>
  enqueueDetailed<T>(type: string, data: T, options?: EnqueueOptions): Promise<EnqueueDetailedResult>
  enqueueManyDetailed(
    jobs: readonly EnqueueManyJob[],
    options?: EnqueueManyOptions,
  ): Promise<EnqueueDetailedResult[]>
  claimOrEnqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<JobHandle<T> | null>
  claimNext<T>(type: string): Promise<Job<T> | null>
  claimNextByKey<T>(type: string, dedupeKey: string): Promise<JobHandle<T> | null>
  complete(jobId: string, claimToken?: string, options?: CompleteOptions): Promise<CompleteResult>
  fail(jobId: string, reason: string, claimToken?: string): Promise<FailResult>
  failFatal(jobId: string, reason: string, claimToken?: string): Promise<FailFatalResult>
  release(jobId: string, claimToken?: string): Promise<ReleaseResult>
  heartbeat(jobId: string, claimToken?: string): Promise<HeartbeatResult>
  log(jobId: string, message: string, claimToken?: string): Promise<void>
  progress(jobId: string, value: unknown, claimToken?: string): Promise<void>
  cancelRequests(jobIds: readonly string[]): Promise<CancelRequest[]>
  hasOutstanding(type: string, dedupeKey: string): Promise<boolean>
  findOne<T>(query: JobQuery): Promise<JobRecord<T> | null>
  readSteps(jobId: string): Promise<StepRecord[]>
  appendStep(
    jobId: string,
    claimToken: string,
    record: StepRecord,
    options?: AppendStepOptions,
  ): Promise<AppendStepResult>
  completeClaimed(jobId: string, claimToken: string): Promise<CompleteClaimedResult>
  heartbeatClaimed(jobId: string, claimToken: string): Promise<HeartbeatClaimedResult>
  /** Counts by status, of one type or of all; they are read from where the client's read preference says. */
  getStats(type?: string): Promise<QueueStats>
  pause(type: string, options?: PauseOptions): Promise<PauseResult>
  resume(type: string): Promise<ResumeResult>
  getJob<T = unknown>(id: string): Promise<JobDetail<T> | null>
  listJobs(options: ListJobsOptions): Promise<JobPage>
  ends(ids: readonly string[]): Promise<JobEnd[]>
  counts(options?: { type?: string | undefined }): Promise<QueueCounts>
  listWorkers(): Promise<WorkerInfo[]>
  history(query: HistoryQuery): Promise<QueueHistory>
  recordAction(action: ActionRequest): Promise<RecordResult>
  listActions(query?: ActionQuery): Promise<ActionRecord[]>
  /**
   * Changes those of these jobs that can be changed so, in steps, and tells how many that were; here and below. With a `status`: only
   * those that are in this status at the moment of the write.
   */
  retryEach(ids: readonly string[], status?: JobStatus): Promise<number>
  promoteEach(ids: readonly string[]): Promise<number>
  removeEach(ids: readonly string[], status?: JobStatus): Promise<number>
  /** Cancels those of these jobs that have not ended; what it has done to each, in order. */
  cancelEach(ids: readonly string[], status?: JobStatus): Promise<CancelledEach[]>
  /**
   * Checks the server and creates the indexes. Idempotent, and safe in many processes at once. Tries again while the server is
   * away, for as long as the client's `serverSelectionTimeoutMS` (30 s by default); it waits as long for jobs that an older version
   * lets run twice under one key, since the unique indexes forbid that, and says so by a warning.
   *
   * @throws ServerUnsupportedError if the server is older than 6.0, or standalone while `useChangeStreams` is on;
   * ServerError `ERR_DURABL_INDEX_CONFLICT` naming the index, or the keys and jobs, in the way; UnsupportedOptionError if the
   * collection has a default collation, under which types and keys would be confused; ConnectionError,
   * AuthenticationError, PermissionError as the case may be
   */
  startup(): Promise<void>
  /** Ends the engine's connection and stream, within `timeoutMs`. Default 30000. The app's own client stays open. */
  shutdown(timeoutMs?: number): Promise<void>
  resetStorage(): Promise<void>
  /**
   * @param visibilityTimeoutMs default 300000; 0 recovers every active job that is not renewed meanwhile, managed runs included
   * @param maxPerSweep how many jobs to handle at most. Default 1000
   */
  recoverStuckJobs(visibilityTimeoutMs?: number, maxPerSweep?: number): Promise<number>
  onJobAvailable(listener: JobAvailableListener): (() => void) | null
  schedule(id: string, spec: ScheduleSpec, job: ScheduledJob): Promise<ScheduleResult>
  applySchedules(owner: string, schedules: readonly NamedSchedule[]): Promise<ApplySchedulesResult>
  unschedule(id: string): Promise<UnscheduleResult>
  pauseSchedule(id: string): Promise<PauseScheduleResult>
  resumeSchedule(id: string): Promise<ResumeScheduleResult>
  triggerSchedule(id: string): Promise<TriggerScheduleResult>
  skipSchedule(id: string, occurrenceAt: Date): Promise<SkipScheduleResult>
  listSchedules(): Promise<ScheduleInfo[]>
  fireSchedules(): () => void
  /**
   * The collection, by the app's own driver. Needs `{ db }`; with `{ uri }` it throws. Where that driver is another copy than the installed
   * `mongodb`, as with Mongoose, name its type: `getCollection<mongoose.mongo.Collection>()`.
   */
  getCollection<C extends DriverCollection = Collection<JobDoc>>(): C
  /** Whether a change stream delivers wake-ups right now: `streamState === 'streaming'`. */
  isChangeStreamsActive(): boolean
  /** The way in which wake-ups reach this process right now. `off` after `shutdown`. */
  readonly streamState: StreamState
  /** Told of every change of `streamState`. Returns how to unsubscribe. */
  onStreamState(listener: (state: StreamState) => void): () => void
  /**
   * Removes jobs that ended longer ago than this.
   *
   * @param maxAgeMs default 604800000 (7 days)
   * @returns how many were removed
   */
  cleanupOldJobs(maxAgeMs?: number): Promise<number>
  readonly transactions: BackendTransactions
  /** Extends the leases of several active jobs by one write. Returns how many were active. */
  batchHeartbeat(jobIds: string[]): Promise<number>
  /** `shutdown()` at the end of an `await using` scope. */
  [Symbol.asyncDispose](): Promise<void>
}
