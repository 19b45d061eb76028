/** The backend that keeps jobs in MongoDB. */
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
import type { ParkedJob } from './journal.js'
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

/** Options of {@link MongoJobQueue} for either kind of connection. */
export interface MongoJobQueueCommonOptions {
  /** The collection that holds the jobs. Default `'jobs'`. */
  collectionName?: string | undefined
  /**
   * Learn of new jobs by a change stream instead of waiting for a poll. Needs a replica set or a sharded cluster; on a standalone
   * server `startup()` throws. Each client and collection has one stream, with a connection of its own in addition to `maxPoolSize`.
   * Default false.
   */
  useChangeStreams?: boolean | undefined
  /**
   * Create a job as already claimed if a processor of this backend is idle and would claim it next. Its handler then starts when the write is
   * acknowledged, which saves one write and one round trip. Nothing else changes: `enqueue` still resolves before the handler starts.
   *
   * A job waits as usual if it is delayed or in a transaction, or has scope `pending`, an `id` or `dedupeForMs`. It also waits while its type is
   * paused, or while another due job is known. Default true.
   */
  handOff?: boolean | undefined
  /** The logger of the backend. Default {@link defaultLogger}. */
  logger?: Logger | undefined
  /** The number of newest log entries that a job keeps; at least 1. Default 1000. */
  maxLogEntries?: number | undefined
  /** The largest size of a log message, in bytes of UTF-8; longer ones are cut and end with `[truncated]`. At least 16. Default 4000. */
  maxLogMessageBytes?: number | undefined
  /** The largest size of an orchestration's journal, in bytes. A document holds 16 MB, payload included. Default 8000000. */
  journalSoftLimitBytes?: number | undefined
  /** The longest time that the JavaScript thread may hang, in milliseconds; after it the engine stops renewing leases. Default 300000. */
  maxBlockMs?: number | undefined
  /**
   * The periods for which ended jobs are kept. A process that has processors removes older jobs of the named types and statuses, a few at a time. If
   * processes on one collection set different periods, the longest wins. A job stays while its dedupe key is held beyond its end
   * (`dedupeForMs`). A job of a schedule stays until the schedule has passed its occurrence. Default: all jobs are kept.
   *
   * ```ts
   * new MongoJobQueue({ db, retention: { completedMs: 86_400_000, types: { audit: { completedMs: 31_536_000_000 } } } })
   * ```
   */
  retention?: RetentionOptions | undefined
}

/** Options of a {@link MongoJobQueue} on the server of the app's `Db`. */
export interface MongoJobQueueDbOptions extends MongoJobQueueCommonOptions {
  /** A `Db` of the app's `MongoClient` (package `mongodb`, 6 or 7). The client may connect later, by its first use. */
  db: DriverDb
  /** Can't be combined with `db`; see {@link MongoJobQueueUriOptions}. */
  uri?: undefined
  /** Can't be combined with `db`, which names the database. */
  database?: undefined
}

/** Options of a {@link MongoJobQueue} on a server named by a connection string. */
export interface MongoJobQueueUriOptions extends MongoJobQueueCommonOptions {
  /**
   * A connection string, `mongodb://` or `mongodb+srv://`. Its BSON options (`promoteLongs`, `ignoreUndefined` and so on) have the same effect
   * as for a client of the installed `mongodb`.
   */
  uri: string
  /** The database that holds the jobs. */
  database: string
  /** Can't be combined with `uri`; see {@link MongoJobQueueDbOptions}. */
  db?: undefined
}

/** Options of {@link MongoJobQueue}: its connection, its collection, and how it works. */
export type MongoJobQueueOptions = MongoJobQueueDbOptions | MongoJobQueueUriOptions

/**
 * The way in which wake-ups reach this process.
 *
 * - `off`: by polling; push is not enabled or not started.
 * - `connecting`: by polling, while the first attempt to open the stream goes on.
 * - `streaming`: by the change stream.
 * - `reconnecting`: by polling, after the stream was lost.
 */
export type StreamState = 'off' | 'connecting' | 'streaming' | 'reconnecting'

/**
 * A job as {@link MongoJobQueue} stores it, for your own queries through {@link MongoJobQueue.getCollection}. Only reading is safe; leave
 * writes to the queue. Fields without a value are missing, or `null` in documents of earlier versions.
 */
export interface JobDoc<T = any> {
  /** The job's id. */
  _id: string
  /** The kind of work. */
  type: string
  /** The payload. */
  data: T
  /** The job's status. */
  status: JobStatus
  /** The job's priority. Lower numbers run first. */
  priority: number
  /** The number of times that the job has been claimed. */
  attempt: number
  /** The number of attempts after which a failure is final. */
  maxAttempts: number
  /** A name under which only a limited number of jobs may be outstanding. */
  dedupeKey?: string
  /** The scope of the key. */
  dedupeScope?: DedupeScope
  /** The moment until which other enqueues with `dedupeForMs` find the key held; present only if the option was used. */
  dedupeUntil?: Date
  /** The growth of the wait before a retry. */
  backoff?: Backoff
  /** The shortest wait before a retry, in milliseconds. */
  backoffDelay?: number
  /** The longest wait before a retry, in milliseconds. */
  backoffMaxDelay?: number
  /** The job is not claimed before this moment. */
  runAt: Date
  /** When the job was enqueued. */
  createdAt: Date
  /** When the job was claimed, or its lease last renewed. */
  claimedAt?: Date
  /** The proof that its holder has the lease of an active job. */
  claimToken?: string
  /** When the job ended as `completed`. */
  completedAt?: Date
  /** When the job ended as `failed` or `superseded`. */
  failedAt?: Date
  /** Why the last run failed. */
  failReason?: string
  /** The occurrence of a schedule that made the job. */
  schedule?: Occurrence
  /** The trace context in which the job was made. */
  trace?: JobTrace
  /** The ending of a failed job; absent on other jobs, and on those of versions before 0.4. */
  ending?: JobEnding
  /** The newest failed attempts, oldest first; at most 10. */
  errors?: JobError[]
  /** When the job's cancellation was requested while it ran. */
  cancelRequestedAt?: Date
  /** The reason for the cancellation, if one was given. */
  cancelReason?: string
  /** The step records of the job's orchestration, in the order of their appends. */
  steps?: StepRecord[]
  /** The size of the step records, in bytes. */
  journalBytes?: number
  /** The newest sleep of the job's orchestration. The job is parked while it is pending and `runAt` is the end of that sleep. */
  parked?: ParkedJob
  /** The newest log entries, oldest first. */
  logs: JobLogEntry[]
}

/** Calls that change single jobs. */
export interface MongoJobQueue extends JobControl {}

/**
 * A backend that keeps jobs in a MongoDB collection (server 6.0 or newer).
 *
 * The engine opens its own connection, with the options of the client behind `db`. If it can't honour an option, the constructor throws an error
 * that names the option; then connect with `{ uri, database }`.
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
   * `ERR_DURABL_DRIVER_MISSING` if that part of the installation is missing
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
  /** Counts jobs by status, of one type or of all. Follows the read preference of the client. */
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
   * Retries those of the given jobs that can be retried, in steps. Returns how many it retried. With a `status`, it changes only jobs that have
   * that status at the moment of the write. `promoteEach` and `removeEach` work alike.
   */
  retryEach(ids: readonly string[], status?: JobStatus): Promise<number>
  promoteEach(ids: readonly string[]): Promise<number>
  removeEach(ids: readonly string[], status?: JobStatus): Promise<number>
  /** Cancels those of the given jobs that have not ended. Returns the effect on each job, in order. */
  cancelEach(ids: readonly string[], status?: JobStatus): Promise<CancelledEach[]>
  /**
   * Checks the server and creates the indexes. Safe to call again, and in many processes at once.
   *
   * While the server is away, it tries again for the client's `serverSelectionTimeoutMS` (30 s by default). The unique indexes forbid two jobs
   * under one key, which older versions allow. So it waits equally long for such jobs to end, and logs a warning.
   *
   * @throws ServerUnsupportedError if the server is older than 6.0, or standalone while `useChangeStreams` is on;
   * ServerError `ERR_DURABL_INDEX_CONFLICT`, naming the index, or the keys and jobs, in the way; UnsupportedOptionError if the
   * collection has a default collation, which would confuse types and keys; ConnectionError, AuthenticationError or PermissionError if
   * the server can't be reached or refuses the user
   */
  startup(): Promise<void>
  /** Closes the engine's connection and stream within `timeoutMs`. Default 30000. The app's own client stays open. */
  shutdown(timeoutMs?: number): Promise<void>
  resetStorage(): Promise<void>
  /**
   * @param visibilityTimeoutMs default 300000. 0 recovers every active job that is not renewed meanwhile, managed runs included
   * @param maxPerSweep the largest number of jobs to handle. Default 1000
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
   * Returns the collection, through the app's own driver. Throws if the backend was made with `{ uri }`. If that driver is another copy than the
   * installed `mongodb`, as with Mongoose, give its type: `getCollection<mongoose.mongo.Collection>()`.
   */
  getCollection<C extends DriverCollection = Collection<JobDoc>>(): C
  /** Whether a change stream delivers wake-ups at present: `streamState === 'streaming'`. */
  isChangeStreamsActive(): boolean
  /** The way in which wake-ups reach this process at present. `off` after `shutdown`. */
  readonly streamState: StreamState
  /** Calls the listener at each change of `streamState`. Returns a function that unsubscribes it. */
  onStreamState(listener: (state: StreamState) => void): () => void
  /**
   * Removes jobs that ended longer ago than this.
   *
   * @param maxAgeMs default 604800000 (7 days)
   * @returns the number of removed jobs
   */
  cleanupOldJobs(maxAgeMs?: number): Promise<number>
  readonly transactions: BackendTransactions
  /** Extends the leases of several active jobs by one write. Returns how many of the jobs were active. */
  batchHeartbeat(jobIds: string[]): Promise<number>
  /** Calls `shutdown()` at the end of an `await using` scope. */
  [Symbol.asyncDispose](): Promise<void>
}
