/** The queue: the class that an app talks to. */
import type { ReaperStartResult } from './admin.js'
import type { IJobQueueBackend } from './backend.js'
import type { JobHandle, RunClaimedOptions } from './claims.js'
import type { JobControl, ManyControl } from './control.js'
import type { DurablError, EnqueueManyError, LeaseLostError, PayloadError, ShutDownError } from './errors.js'
import type { FleetControl } from './fleet.js'
import type { JobNameWith, JobTypes, ManyJobs, MappedJobName, OpenJobName } from './job-types.js'
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

/** The calls of a {@link JobQueue} that look at jobs, change jobs, or concern all workers. */
export interface JobQueue<Jobs extends object = JobTypes>
  extends JobLooks, JobControl, ManyControl, FleetControl {}

/** Options of {@link JobQueue.installSignalHandlers}. */
export interface SignalHandlerOptions {
  /** The signals that shut the queue down. Default `['SIGTERM', 'SIGINT']`. */
  signals?: NodeJS.Signals[] | undefined
  /**
   * The time that running jobs get to finish, in milliseconds, as for {@link JobQueue.shutdown}. Default 25000: less than the 30 seconds after
   * which common platforms kill a process.
   */
  timeoutMs?: number | undefined
  /**
   * Called when the shutdown is over. Close here what the handlers used, such as the app's own client. If it throws or rejects, the error is
   * logged.
   */
  onDrained?: ((signal: NodeJS.Signals) => unknown) | undefined
}

/**
 * The queue: it enqueues jobs, runs handlers, renews leases and settles jobs.
 *
 * ```ts
 * const backend = new MongoJobQueue({ db })
 * await backend.startup()
 * const queue = new JobQueue(backend)
 * queue.process<{ userId: string }>('welcome-email', async (job) => send(job.data.userId), { concurrency: 4 })
 * await queue.enqueue('welcome-email', { userId: 'u_123' }, { dedupeKey: 'welcome-email:u_123' })
 * ```
 *
 * With a map of job types ({@link JobTypes} or the type argument), the compiler checks names and payloads in both `enqueue` and `process`. If a
 * function accepts queues with any map, declare its parameter as `JobQueue<any>`: a plain `JobQueue` could be asked for types outside the map.
 *
 * After `shutdown`, every call that needs the queue is refused with a {@link ShutDownError}.
 */
export class JobQueue<Jobs extends object = JobTypes> implements AsyncDisposable {
  /**
   * @param backend the store of the jobs
   * @param logger default {@link defaultLogger}
   * @throws TypeError, RangeError if an argument is malformed
   */
  constructor(backend: IJobQueueBackend, logger?: Logger, options?: JobQueueOptions)

  /** The backend given to the constructor. */
  readonly backend: IJobQueueBackend

  /** The duration of a lease that is not renewed, in milliseconds; see {@link JobQueueOptions.visibilityTimeoutMs}. */
  readonly visibilityTimeoutMs: number

  /** The promise of the shutdown, from its beginning on and after its end; null before. */
  readonly draining: Promise<void> | null

  /**
   * Adds a job.
   *
   * `data` is stored as the app's own driver stores it in a document. Dates, ids and decimals keep their types. Objects without fields of their
   * own, such as a `Set` or an `Error`, become `{}`. Functions, symbols, promises and cycles are refused.
   *
   * @param type the kind of work. Types, dedupe keys and job ids have at most 4,096 characters, here and in all other calls
   * @returns the job's id, once the write is acknowledged; null if `dedupeKey` is held or `id` is taken
   * @throws TypeError, RangeError if an argument is malformed; {@link PayloadError} if `data` can't be stored;
   * {@link DurablError} otherwise
   */
  enqueue<K extends MappedJobName<Jobs>>(
    type: K,
    data: NoInfer<Jobs[K]>,
    options?: EnqueueOptions,
  ): Promise<string | null>
  enqueue<T = unknown>(type: OpenJobName<Jobs>, data: T, options?: EnqueueOptions): Promise<string | null>
  // For code that is generic over the map, where the compiler can't tell yet whether the map is open; here and below.
  enqueue<K extends keyof Jobs & string>(
    type: K,
    data: NoInfer<Jobs[K]>,
    options?: EnqueueOptions,
  ): Promise<string | null>

  /**
   * Adds a job as `enqueue` does. If it makes none, the result names the job in the way, at the cost of one more read.
   *
   * ```ts
   * const made = await queue.enqueueDetailed('import', file, { dedupeKey: `import:${file.id}` })
   * if (made.status === 'duplicate') console.log(`already under way as ${made.id}`)
   * ```
   *
   * @returns `created` with the new job's id; `duplicate` if the key is held or the id taken; `coalesced` if a pending job received
   * this payload. The latter two have the id of the job in the way, or null if it is gone meanwhile
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
   * Adds any number of jobs at once, in few round trips. It creates them in the order given, so the first of two jobs with the same key is
   * created. It checks all jobs before it sends the first; if one is malformed, the call fails and creates nothing.
   *
   * ```ts
   * const results = await queue.enqueueMany(users.map((user) => ({ type: 'sync', data: { userId: user.id } })))
   * ```
   *
   * Without `{ session }` the jobs are not created together. If the server fails halfway, the earlier jobs stay, and the call rejects with an
   * {@link EnqueueManyError}, whose `results` tell the fate of each job. Split very large imports into calls of some ten thousand jobs, because
   * a call holds all its payloads in memory.
   *
   * @returns the fate of each job, in the order given, once all writes are acknowledged; with `{ detailed: true }` as from
   * `enqueueDetailed`
   * @throws TypeError, RangeError if an argument is malformed, named by its place (`jobs[3]`); {@link PayloadError} if a `data`
   * can't be stored; {@link EnqueueManyError} if some jobs were not created; {@link DurablError} otherwise
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
   * single-flight: one caller runs, and at most one more job waits behind it.
   *
   * ```ts
   * const handle = await queue.claimOrEnqueue('sync', { userId }, { dedupeKey: `sync:${userId}`, dedupeScope: 'pending' })
   * if (handle) await queue.runClaimed(handle, async (job) => sync(job.data.userId))
   * ```
   *
   * @returns a handle at attempt 1, or null if the key is held. With null, scope `pending` has a pending follower, made now or before; in scope
   * `pending+active` no job was made
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
   * Runs a claimed job as `process` would: it renews the lease, aborts `ctx.signal` if the lease is lost, and settles the job by the outcome.
   * It renews and settles a handle of another origin (your own backend, a test double) through the handle's own methods. If the job
   * completes or is superseded, it goes on with followers of the same type and key, at most `maxDrains` of them.
   *
   * @throws the first error that the handler threw, after newer work ran; {@link LeaseLostError} if the lease was lost; {@link ShutDownError} if
   * a shutdown took the job away; {@link DurablError} `ERR_DURABL_CANCELLED` if the job was cancelled; an `AggregateError` of both errors if
   * the handler failed and the failure could not be recorded
   */
  runClaimed<T>(handle: JobHandle<T>, handler: JobHandler<T>, options?: RunClaimedOptions): Promise<void>

  /**
   * Runs a handler for every job of a type. The first claim happens at once.
   *
   * @returns the processor, to stop it or to change its concurrency
   * @throws DurablError `ERR_DURABL_DUPLICATE_PROCESSOR` if this queue has a processor for the type already
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
  process<T>(type: JobNameWith<Jobs, T>, handler: JobHandler<T>, config?: ProcessorConfig): Processor

  /** Returns whether a job of this type and dedupe key is pending or active. */
  hasOutstanding(type: string, dedupeKey: string): Promise<boolean>

  /** Counts jobs by status, of one type or of all. */
  getStats(type?: string): Promise<QueueStats>

  /**
   * Makes a schedule, or changes the schedule of this id. From now on each of its occurrences makes a job. The schedule is stored with the jobs, so
   * it outlasts every process. Any process that has a processor makes the jobs, whatever their type.
   *
   * ```ts
   * await queue.schedule('nightly-report', { cron: '0 2 * * *', timezone: 'Europe/Berlin' }, { type: 'report', data: { kind: 'daily' } })
   * ```
   *
   * Each occurrence makes at most one job. The job's id is `durabl:schedule:`, the schedule's id, and the moment in milliseconds. Handlers
   * find the occurrence in `job.schedule`.
   *
   * A change of the times applies from now; a change of the rules or the job applies from the next occurrence. A paused schedule stays paused.
   * Other processes see the change within 5 seconds.
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
   * Makes the schedules of an owner match a list. Call it once per deploy, in the release step. During a rolling deploy, an old process
   * that calls it again would put its own list back. Missing schedules are made, changed ones are updated, and those that the list no longer
   * names are removed. Schedules of other owners, and those of {@link schedule}, stay.
   *
   * ```ts
   * await queue.applySchedules('billing', [
   *   { id: 'invoices', spec: { cron: '0 6 1 * *' }, job: { type: 'invoices', data: {} } },
   *   { id: 'dunning', spec: { everyMs: 3_600_000 }, job: { type: 'dunning', data: {} } },
   * ])
   * ```
   *
   * The owner is any name that the app chooses for itself. The backend's logger tells at `info` which ids a list has changed.
   *
   * The whole list is checked before anything is written. If the list names a schedule of {@link schedule}, it becomes the owner's.
   *
   * @throws as {@link schedule}, naming the place in the list (`schedules[3]`)
   */
  applySchedules(
    owner: string,
    schedules: readonly NamedSchedule<ScheduledJobs<Jobs>>[],
  ): Promise<ApplySchedulesResult>

  /** Removes a schedule. Jobs that it has made already stay. */
  unschedule(id: string): Promise<UnscheduleResult>

  /** Pauses a schedule until {@link resumeSchedule}. */
  pauseSchedule(id: string): Promise<PauseScheduleResult>

  /** Resumes a paused schedule. Occurrences during the pause are not made up for. */
  resumeSchedule(id: string): Promise<ResumeScheduleResult>

  /**
   * Makes a job of a schedule now, even if the schedule is paused. The job belongs to no occurrence, so it has no `job.schedule`, and the schedule
   * goes on as before.
   */
  triggerSchedule(id: string): Promise<TriggerScheduleResult>

  /** Skips one future occurrence of a schedule. */
  skipSchedule(id: string, occurrenceAt: Date): Promise<SkipScheduleResult>

  /** Returns all schedules, sorted by id. */
  listSchedules(): Promise<ScheduleInfo[]>

  /** Returns the next occurrences of a schedule; the same as {@link previewSchedule}. */
  previewSchedule(spec: ScheduleSpec, options?: PreviewOptions): Date[]

  /**
   * Returns the journal of a job by ascending place; empty if the job has none or does not exist.
   *
   * @throws OrchestrationUnsupportedError if the backend keeps no journals; the next four methods do the same
   */
  readSteps(jobId: string): Promise<StepRecord[]>

  /**
   * Adds a step record while the job is active under this token, and renews its lease. Orchestrations do so by themselves.
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

  /** Throws if the backend keeps no journals. @throws OrchestrationUnsupportedError naming the missing method */
  assertJournalCapable(): void

  /** Starts the backend. MongoDB creates its indexes then; without them no dedupe key is held. Safe to call again. */
  startup(): Promise<void>

  /**
   * Sweeps now, and then at every interval, for jobs whose lease has expired. Rarely needed, because queues with processors recover by
   * themselves: see {@link JobQueueOptions.autoRecover}.
   *
   * @param intervalMs the interval between two sweeps, in milliseconds. Default 60000
   */
  startReaper(intervalMs?: number): Promise<ReaperStartResult>

  /** Stops the sweeps that `startReaper` started. Harmless if there are none. */
  stopReaper(): void

  /**
   * Shuts the queue down. It stops claiming and gives running jobs time to finish. Then it aborts their signals, and releases unfinished jobs
   * with their attempt given back. Resolves within `timeoutMs` plus a second.
   *
   * It also shuts the backend down, unless another queue uses it, that is, has a processor, a reaper or a run in progress. The backend ends
   * with the last of these queues; `backend.shutdown()` ends it for all.
   *
   * A second call waits for the same end, and the earlier of the two bounds counts. A call that the server has not answered by then rejects
   * with a {@link ShutDownError}; its operation may have taken effect or not.
   *
   * @param timeoutMs the time that running jobs get to finish, in milliseconds. Default 30000
   */
  shutdown(timeoutMs?: number): Promise<void>

  /**
   * Shuts the queue down on signals. It never ends the process itself; Node does, once nothing keeps it alive.
   *
   * Its listener runs before those that the app added earlier. If one of those closes the app's client, it must wait for {@link draining} first;
   * or close the client in `onDrained`.
   *
   * @returns a function that removes the signal handlers
   */
  installSignalHandlers(options?: SignalHandlerOptions): () => void

  /** Calls `shutdown()` at the end of an `await using` scope. */
  [Symbol.asyncDispose](): Promise<void>
}
