/** The queue that an app talks to. */
import type { ReaperStartResult } from './admin.js'
import type { IJobQueueBackend } from './backend.js'
import type { JobHandle, RunClaimedOptions } from './claims.js'
import type { JobControl, ManyControl } from './control.js'
import type { DurablError, EnqueueManyError, LeaseLostError, PayloadError, ShutDownError } from './errors.js'
import type { FleetControl } from './fleet.js'
import type { JobTypes, ManyJobs, MappedJobName, OpenJobName } from './job-types.js'
import type {
  AppendStepOptions,
  AppendStepResult,
  CompleteClaimedResult,
  HeartbeatClaimedResult,
  StepRecord,
} from './journal.js'
import type { Logger, defaultLogger } from './logging.js'
import type { JournalTooLarge, NonSerializableStepResult } from './orchestration-errors.js'
import type {
  EnqueueDetailedResult,
  EnqueueManyDetailedOptions,
  EnqueueManyJob,
  EnqueueManyOptions,
  EnqueueManyResult,
  EnqueueOptions,
} from './produce.js'
import type { JobLooks, QueueStats } from './query.js'
import type {
  ApplySchedulesResult,
  NamedSchedule,
  PauseScheduleResult,
  PreviewOptions,
  ResumeScheduleResult,
  ScheduledJob,
  ScheduledJobs,
  ScheduleInfo,
  ScheduleResult,
  ScheduleSpec,
  SkipScheduleResult,
  TriggerScheduleResult,
  UnscheduleResult,
  previewSchedule,
} from './schedules.js'
import type { JobQueueOptions } from './queue-options.js'
import type { JobHandler, Processor, ProcessorConfig } from './work.js'

/** Calls of a {@link JobQueue} that look at jobs, those that change them, and those about all workers. */
export interface JobQueue<Jobs extends object = JobTypes>
  extends JobLooks, JobControl, ManyControl, FleetControl {}

/** Options of {@link JobQueue.installSignalHandlers}. */
export interface SignalHandlerOptions {
  /** Which signals shut the queue down. Default `['SIGTERM', 'SIGINT']`. */
  signals?: NodeJS.Signals[] | undefined
  /**
   * The grace for running jobs, as for {@link JobQueue.shutdown}. Default 25000: less than the 30 seconds after which the common platforms
   * kill a process.
   */
  timeoutMs?: number | undefined
  /**
   * Called when the shutdown is over. The place to close what the handlers used, such as the app's own client. An error that it throws or rejects
   * with is logged.
   */
  onDrained?: ((signal: NodeJS.Signals) => unknown) | undefined
}

/**
 * The queue: enqueues jobs, runs handlers, renews leases, settles.
 *
 * ```ts
 * const backend = new MongoJobQueue({ db })
 * await backend.startup()
 * const queue = new JobQueue(backend)
 * queue.process<{ userId: string }>('welcome-email', async (job) => send(job.data.userId), { concurrency: 4 })
 * await queue.enqueue('welcome-email', { userId: 'u_123' }, { dedupeKey: 'welcome-email:u_123' })
 * ```
 *
 * With a map of job types ({@link JobTypes} or the type argument) names and payloads are checked at both ends. A function that
 * takes any queue, with whatever map, takes a `JobQueue<any>`: a plain `JobQueue` could be asked for types that the map lacks.
 *
 * After `shutdown` every call that needs the queue is refused with a {@link ShutDownError}.
 */
export class JobQueue<Jobs extends object = JobTypes> implements AsyncDisposable {
  /**
   * @param backend where the jobs are stored
   * @param logger default {@link defaultLogger}
   * @throws TypeError, RangeError if an argument is malformed
   */
  constructor(backend: IJobQueueBackend, logger?: Logger, options?: JobQueueOptions)

  /** The backend given to the constructor. */
  readonly backend: IJobQueueBackend

  /** The life of a lease that is not renewed, in milliseconds; see {@link JobQueueOptions.visibilityTimeoutMs}. */
  readonly visibilityTimeoutMs: number

  /** The shutdown, from its beginning on, also when it has ended; null before. */
  readonly draining: Promise<void> | null

  /**
   * Adds a job.
   *
   * `data` is stored as the app's own driver stores it in a document: dates, ids and decimals stay what they are, and objects
   * without fields of their own, such as a `Set` or an `Error`, become `{}`. Functions, symbols, promises and cycles are refused.
   *
   * @param type the kind of work; at most 4,096 characters, here and wherever a type, a dedupe key or a job's id is given
   * @returns the job's id once the write is acknowledged; null if `dedupeKey` is held, or the `id` taken
   * @throws TypeError, RangeError if an argument is malformed; {@link PayloadError} if `data` can't be stored;
   * {@link DurablError} otherwise
   */
  enqueue<K extends MappedJobName<Jobs>>(
    type: K,
    data: NoInfer<Jobs[K]>,
    options?: EnqueueOptions,
  ): Promise<string | null>
  enqueue<T = unknown>(type: OpenJobName<Jobs>, data: T, options?: EnqueueOptions): Promise<string | null>
  // Inside code that is generic over the map, where the compiler can't tell yet whether it is open; here and below.
  enqueue<K extends keyof Jobs & string>(
    type: K,
    data: NoInfer<Jobs[K]>,
    options?: EnqueueOptions,
  ): Promise<string | null>

  /**
   * Adds a job as `enqueue` does, and says which job is in the way where it makes none.
   *
   * ```ts
   * const made = await queue.enqueueDetailed('import', file, { dedupeKey: `import:${file.id}` })
   * if (made.status === 'duplicate') console.log(`already under way as ${made.id}`)
   * ```
   *
   * @returns `created` with the new job's id; `duplicate` if the key is held or the id taken, or `coalesced` if a pending job was given
   * this payload, with the id of that job, or null if it is gone meanwhile. Costs a look where no job is made
   * @throws as `enqueue`; DurablError `ERR_DURABL_UNSUPPORTED` on a backend without `enqueueDetailed()`
   */
  enqueueDetailed<K extends MappedJobName<Jobs>>(
    type: K,
    data: NoInfer<Jobs[K]>,
    options?: EnqueueOptions,
  ): Promise<EnqueueDetailedResult>
  enqueueDetailed<T = unknown>(
    type: OpenJobName<Jobs>,
    data: T,
    options?: EnqueueOptions,
  ): Promise<EnqueueDetailedResult>
  enqueueDetailed<K extends keyof Jobs & string>(
    type: K,
    data: NoInfer<Jobs[K]>,
    options?: EnqueueOptions,
  ): Promise<EnqueueDetailedResult>

  /**
   * Adds many jobs at once: any number, in few round trips. They are created in the order given, so of two with the same key
   * the first one is. All are checked before the first is sent; a malformed one fails the call, and nothing is created.
   *
   * ```ts
   * const results = await queue.enqueueMany(users.map((user) => ({ type: 'sync', data: { userId: user.id } })))
   * ```
   *
   * The jobs are not created together, unless by `{ session }`: when the server fails halfway, those before stay. Then the call rejects with an
   * {@link EnqueueManyError}, whose `results` say of each job what became of it. Very large imports are better
   * called for in parts of some ten thousand jobs, since all payloads of a call are held in memory.
   *
   * @returns what became of each job, in the order given, once all writes are acknowledged; with `{ detailed: true }` as
   * `enqueueDetailed` says it
   * @throws TypeError, RangeError if an argument is malformed, by its place (`jobs[3]`); {@link PayloadError} if a `data`
   * can't be stored; {@link EnqueueManyError} if some were not created; {@link DurablError} otherwise
   */
  enqueueMany(
    jobs: readonly ManyJobs<Jobs>[],
    options: EnqueueManyDetailedOptions,
  ): Promise<EnqueueDetailedResult[]>
  enqueueMany(jobs: readonly ManyJobs<Jobs>[], options?: EnqueueManyOptions): Promise<EnqueueManyResult[]>
  enqueueMany<K extends keyof Jobs & string>(
    jobs: readonly { [P in K]: EnqueueManyJob<Jobs[P]> & { type: P } }[K][],
    options: EnqueueManyDetailedOptions,
  ): Promise<EnqueueDetailedResult[]>
  enqueueMany<K extends keyof Jobs & string>(
    jobs: readonly { [P in K]: EnqueueManyJob<Jobs[P]> & { type: P } }[K][],
    options?: EnqueueManyOptions,
  ): Promise<EnqueueManyResult[]>

  /**
   * Adds a job and claims it in the same step, so that the caller can run it at once. With `dedupeScope: 'pending'` this is
   * single-flight: one caller runs, at most one more job waits behind it.
   *
   * ```ts
   * const handle = await queue.claimOrEnqueue('sync', { userId }, { dedupeKey: `sync:${userId}`, dedupeScope: 'pending' })
   * if (handle) await queue.runClaimed(handle, async (job) => sync(job.data.userId))
   * ```
   *
   * @returns the handle, on attempt 1; null if the key is held. Then, in scope `pending`, a follower is pending (made now,
   * or before); in scope `pending+active` nothing was made
   */
  claimOrEnqueue<K extends MappedJobName<Jobs>>(
    type: K,
    data: NoInfer<Jobs[K]>,
    options?: EnqueueOptions,
  ): Promise<JobHandle<Jobs[K]> | null>
  claimOrEnqueue<T = unknown>(
    type: OpenJobName<Jobs>,
    data: T,
    options?: EnqueueOptions,
  ): Promise<JobHandle<T> | null>
  claimOrEnqueue<K extends keyof Jobs & string>(
    type: K,
    data: NoInfer<Jobs[K]>,
    options?: EnqueueOptions,
  ): Promise<JobHandle<Jobs[K]> | null>

  /**
   * Runs a claimed job as `process` would: renews its lease, aborts `ctx.signal` if the lease is lost, settles by the outcome.
   * A handle of any origin (your own backend's, a test double) is renewed and settled through its own methods.
   * After success, or supersession, it goes on with followers of the same type and key, at most `maxDrains` of them.
   *
   * @throws the first error that the handler threw, after newer work ran; {@link LeaseLostError} if the lease was lost,
   * {@link ShutDownError} if a shutdown took the job away, and {@link DurablError} `ERR_DURABL_CANCELLED` if the job was cancelled; both, as an `AggregateError`, if the handler failed and so did
   * recording it
   */
  runClaimed<T>(handle: JobHandle<T>, handler: JobHandler<T>, options?: RunClaimedOptions): Promise<void>

  /**
   * Runs a handler for every job of a type. The first claim happens at once.
   *
   * @returns how to end it, or to run more or fewer jobs at once
   * @throws DurablError `ERR_DURABL_DUPLICATE_PROCESSOR` if the type has a processor in this queue already
   */
  process<K extends MappedJobName<Jobs>>(
    type: K,
    handler: JobHandler<Jobs[K]>,
    config?: ProcessorConfig,
  ): Processor
  process<T = unknown>(type: OpenJobName<Jobs>, handler: JobHandler<T>, config?: ProcessorConfig): Processor
  process<K extends keyof Jobs & string>(
    type: K,
    handler: JobHandler<Jobs[K]>,
    config?: ProcessorConfig,
  ): Processor

  /** Whether a job of this type and dedupe key is pending or active. */
  hasOutstanding(type: string, dedupeKey: string): Promise<boolean>

  /** Counts by status, of one type or of all. */
  getStats(type?: string): Promise<QueueStats>

  /**
   * Makes a schedule, or changes the one of this id: from now on each of its occurrences makes a job. It is stored with the jobs, so it goes
   * on whichever process ends; any process that has a processor makes the jobs, whatever their type.
   *
   * ```ts
   * await queue.schedule('nightly-report', { cron: '0 2 * * *', timezone: 'Europe/Berlin' }, { type: 'report', data: { kind: 'daily' } })
   * ```
   *
   * Each occurrence makes at most one job. Its id is `durabl:schedule:`, the schedule's id, and the moment in milliseconds; handlers
   * find the occurrence in `job.schedule`. A change of the times counts from now; one of the rules or the job counts from the next
   * occurrence. A paused schedule stays paused. Other processes see the change within 5 seconds.
   *
   * @param id at most 1,000 characters
   * @throws TypeError, RangeError if an argument is malformed; {@link PayloadError} if `data` can't be stored; {@link DurablError}
   * `ERR_DURABL_SCHEDULE_OWNED` if the schedule belongs to an owner; `ERR_DURABL_UNSUPPORTED` if the backend keeps no schedules
   */
  schedule(id: string, spec: ScheduleSpec, job: ScheduledJobs<Jobs>): Promise<ScheduleResult>
  schedule<K extends keyof Jobs & string>(
    id: string,
    spec: ScheduleSpec,
    job: ScheduledJob<Jobs[K]> & { type: K },
  ): Promise<ScheduleResult>

  /**
   * Makes the schedules of an owner be exactly these: to be called when an app starts, or is deployed. Missing ones are made, changed ones
   * change, and those that the list names no more are removed. Schedules of other owners, and those of {@link schedule}, stay.
   *
   * ```ts
   * await queue.applySchedules('billing', [
   *   { id: 'invoices', spec: { cron: '0 6 1 * *' }, job: { type: 'invoices', data: {} } },
   *   { id: 'dunning', spec: { everyMs: 3_600_000 }, job: { type: 'dunning', data: {} } },
   * ])
   * ```
   *
   * All of the list is checked before anything is written. A schedule of {@link schedule} that the list names becomes the owner's.
   *
   * @throws as {@link schedule}, by the place in the list (`schedules[3]`)
   */
  applySchedules(
    owner: string,
    schedules: readonly NamedSchedule<ScheduledJobs<Jobs>>[],
  ): Promise<ApplySchedulesResult>

  /** Removes a schedule. Jobs that it has made stay. */
  unschedule(id: string): Promise<UnscheduleResult>

  /** Has a schedule not come until {@link resumeSchedule}. */
  pauseSchedule(id: string): Promise<PauseScheduleResult>

  /** Has a paused schedule come again. Occurrences of the meantime are not made up for. */
  resumeSchedule(id: string): Promise<ResumeScheduleResult>

  /** Makes a job of a schedule now, also of a paused one. It is no occurrence: `job.schedule` is missing, and the schedule goes on as before. */
  triggerSchedule(id: string): Promise<TriggerScheduleResult>

  /** Leaves one occurrence to come out. */
  skipSchedule(id: string, occurrenceAt: Date): Promise<SkipScheduleResult>

  /** All schedules, by id. */
  listSchedules(): Promise<ScheduleInfo[]>

  /** The same as {@link previewSchedule}. */
  previewSchedule(spec: ScheduleSpec, options?: PreviewOptions): Date[]

  /**
   * The journal of a job, by ascending place; empty if it has none, or there is no such job.
   *
   * @throws OrchestrationUnsupportedError if the backend keeps no journals; here and in the next four
   */
  readSteps(jobId: string): Promise<StepRecord[]>

  /**
   * Adds a step record, while the job is active under this token, and renews its lease. For orchestrations, which do so by themselves.
   *
   * @throws NondeterminismError if the journal has another name at that place; {@link NonSerializableStepResult} or
   * {@link JournalTooLarge} if the result can't be kept
   */
  appendStep(
    jobId: string,
    claimToken: string,
    record: StepRecord,
    options?: AppendStepOptions,
  ): Promise<AppendStepResult>

  /** Completes a job whose orchestration has returned: an active one, or one that a sweep has failed under this token. */
  completeClaimed(jobId: string, claimToken: string): Promise<CompleteClaimedResult>

  /** Renews the lease of an active job under this token. */
  heartbeatClaimed(jobId: string, claimToken: string): Promise<HeartbeatClaimedResult>

  /** Refuses a backend that keeps no journals. @throws OrchestrationUnsupportedError naming the method that it lacks */
  assertJournalCapable(): void

  /** Starts the backend, which for MongoDB creates the indexes, without which no dedupe key is held. Idempotent. */
  startup(): Promise<void>

  /**
   * Sweeps now, and then at every interval, for jobs whose lease has expired. Seldom needed: see
   * {@link JobQueueOptions.autoRecover}.
   *
   * @param intervalMs default 60000
   */
  startReaper(intervalMs?: number): Promise<ReaperStartResult>

  /** Ends what `startReaper` started. Harmless if nothing runs. */
  stopReaper(): void

  /**
   * Stops claiming, gives running jobs their time, then aborts their signals and releases what is unfinished (the attempt is
   * given back), and shuts the backend down, unless another queue works on it: one with a processor, a reaper or a run in progress. The
   * backend ends with the last of these; `backend.shutdown()` ends it for all. Resolves within `timeoutMs` plus a second. Called
   * again, it waits for the same end; of two bounds the one that ends earlier counts. A call that the server has not answered by
   * then rejects with a {@link ShutDownError}: what it asked for may have happened or not.
   *
   * @param timeoutMs default 30000
   */
  shutdown(timeoutMs?: number): Promise<void>

  /**
   * Shuts the queue down on signals. Never ends the process by itself: once nothing else is alive, Node does. Its listener runs before
   * those that the app has added earlier. One of those that closes the app's client has to wait for {@link draining} first, or its work
   * belongs into `onDrained`.
   *
   * @returns removes the handlers again
   */
  installSignalHandlers(options?: SignalHandlerOptions): () => void

  /** `shutdown()` at the end of an `await using` scope. */
  [Symbol.asyncDispose](): Promise<void>
}
