/** Jobs in memory, for tests. */
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
import type { DriverSession } from './driver.js'
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
  WorkerInfo,
} from './fleet.js'
import type { Backoff, Job, JobEnding, JobRecord, JobStatus } from './job.js'
import type {
  AppendStepOptions,
  AppendStepResult,
  CompleteClaimedResult,
  HeartbeatClaimedResult,
  ParkedJob,
  StepRecord,
} from './journal.js'
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
import type { BackendTransactions, CompleteOptions } from './transact.js'
import type { JobAvailableListener, JobHandler } from './work.js'

/** A job that an in-memory backend holds: live, so it shows what has happened since. */
export interface RecordedJob<T = any> extends Job<T> {
  /** The messages that were logged, oldest first. */
  logs: string[]
  /** Until when its key stays held for others of `dedupeForMs`. */
  dedupeUntil?: Date | undefined
  /** As enqueued. */
  backoff?: Backoff | undefined
  /** As enqueued, in milliseconds. */
  backoffDelay?: number | undefined
  /** As enqueued, in milliseconds. */
  backoffMaxDelay?: number | undefined
  /** Its ending; on failed jobs only. */
  ending?: JobEnding
  /** Its newest failed attempts, oldest first; at most 10. Absent while none has failed. */
  errors?: JobError[]
  /** The last progress that its handler told by `ctx.progress`; absent while it has told nothing. */
  progress?: unknown
  /** The value that its handler returned, if its processor keeps results. */
  result?: unknown
  /** When it was asked to be cancelled while it ran. */
  cancelRequestedAt?: Date
  /** Why it was, if anybody has said so. */
  cancelReason?: string
  /** The step records of its orchestration, in the order of their appends; absent until the first. */
  steps?: StepRecord[] | undefined
  /** The bytes that they take as BSON, about. */
  journalBytes?: number | undefined
  /** Until when its orchestration sleeps, or slept last. It is parked while it is pending and `runAt` is that moment. */
  parked?: ParkedJob | undefined
  /** The session that it was enqueued with. */
  session?: DriverSession | undefined
  /** The session that it was completed with. */
  completedInSession?: DriverSession | undefined
}

/** Options of the in-memory backends. */
export interface MemoryBackendOptions {
  /** Milliseconds since the epoch. Default `Date.now`, looked up at each call, so that fake timers work. */
  clock?: (() => number) | undefined
  /** Between 0 (inclusive) and 1 (exclusive); spreads retries. Default `Math.random`. */
  random?: (() => number) | undefined
  /**
   * Where the sessions of `ctx.transaction` and `ctx.session` come from: `() => client.startSession()`, where handlers use
   * them on collections of a real client. Default: stand-ins, which have the methods of a session and do nothing.
   */
  startSession?: (() => DriverSession) | undefined
  /** The number of log entries that a job keeps, the newest ones; at least 1. Default 1000. */
  maxLogEntries?: number | undefined
  /** Longer log messages are cut, in bytes of UTF-8; at least 16. Default 4000. */
  maxLogMessageBytes?: number | undefined
  /** The most bytes that the journal of an orchestration may take. Default 8000000. */
  journalSoftLimitBytes?: number | undefined
}

/** Calls that change single jobs. */
export interface DummyBackend extends JobControl {}

/**
 * Jobs in memory, for unit tests: records what was enqueued and runs nothing by itself. With a processor it behaves as the
 * real one does: order, delays, dedupe, retries with back-off, leases.
 *
 * Schedules come by the clock of `options`, or by fake timers, while a queue on this backend has a processor.
 *
 * Payloads are kept by reference: a job's `data` is what was passed to `enqueue`. Jobs that are enqueued or completed with a
 * session are so at once, whatever becomes of its transaction.
 *
 * ```ts
 * const backend = new DummyBackend()
 * const queue = new JobQueue(backend)
 * await myService.doThing()
 * expect(backend.jobs).toHaveLength(1)
 * expect(backend.jobs[0].dedupeKey).toBe('thing:42')
 * ```
 */
export class DummyBackend implements IJobQueueBackend {
  constructor(options?: MemoryBackendOptions)
  /** All jobs, in the order of creation: one live array, to be read. Read-only. To clear it, call `reset()`: jobs that you remove from the array yourself go on holding their keys. */
  readonly jobs: RecordedJob[]
  /** Forgets all jobs and recorded calls; ids start again at `dummy-1`. */
  reset(): void
  /** The number of log entries that a job keeps; may be set at any time. */
  maxLogEntries: number
  /** Longer log messages are cut, in bytes of UTF-8; may be set at any time. */
  maxLogMessageBytes: number
  /** The timeout of each call of `recoverStuckJobs`, in their order. */
  readonly recoverStuckJobsCalls: (number | undefined)[]
  /** The jobs of a type, in the order of creation. */
  getJobsByType<T = any>(type: string): RecordedJob<T>[]
  /** The jobs that are in a status now, in the order of creation. */
  getJobsByStatus<T = any>(status: JobStatus): RecordedJob<T>[]
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
  /** Cancels those of these jobs that have not ended; what it has done to each, in order. */
  cancelEach(ids: readonly string[], status?: JobStatus): Promise<CancelledEach[]>
  hasOutstanding(type: string, dedupeKey: string): Promise<boolean>
  findOne<T>(query: JobQuery): Promise<JobRecord<T> | null>
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
  readSteps(jobId: string): Promise<StepRecord[]>
  appendStep(
    jobId: string,
    claimToken: string,
    record: StepRecord,
    options?: AppendStepOptions,
  ): Promise<AppendStepResult>
  completeClaimed(jobId: string, claimToken: string): Promise<CompleteClaimedResult>
  heartbeatClaimed(jobId: string, claimToken: string): Promise<HeartbeatClaimedResult>
  startup(): Promise<void>
  shutdown(timeoutMs?: number): Promise<void>
  resetStorage(): Promise<void>
  recoverStuckJobs(visibilityTimeoutMs?: number, maxPerSweep?: number): Promise<number>
  onJobAvailable(listener: JobAvailableListener): () => void
  schedule(id: string, spec: ScheduleSpec, job: ScheduledJob): Promise<ScheduleResult>
  applySchedules(owner: string, schedules: readonly NamedSchedule[]): Promise<ApplySchedulesResult>
  unschedule(id: string): Promise<UnscheduleResult>
  pauseSchedule(id: string): Promise<PauseScheduleResult>
  resumeSchedule(id: string): Promise<ResumeScheduleResult>
  triggerSchedule(id: string): Promise<TriggerScheduleResult>
  skipSchedule(id: string, occurrenceAt: Date): Promise<SkipScheduleResult>
  listSchedules(): Promise<ScheduleInfo[]>
  fireSchedules(): () => void
  readonly transactions: BackendTransactions
}

/** Calls that change single jobs. A job that they make due runs before they resolve; times are ignored, as a `delay` is. */
export interface ImmediateBackend extends JobControl {}

/**
 * Jobs in memory that run inside `enqueue`, which resolves after the handler: for tests that want the side effects.
 *
 * - `delay` and `runAt` are ignored on purpose, and there are no schedules.
 * - A failing handler of `queue.process` makes `enqueue` reject with its own error, once the failure is on the job (`failReason`, and
 *   `pending` for its next attempt or `failed`). With one of `registerHandler`, `enqueue` resolves. Neither is retried inline.
 * - As many handlers of a type run at once as the `concurrency` of its processor says, 1 by default; a further `enqueue` waits. One
 *   that a handler of the type makes itself does not wait. Handlers of `registerHandler` are not counted.
 * - A job of a type without a handler stays pending until one is registered.
 *
 * ```ts
 * const backend = new ImmediateBackend()
 * const queue = new JobQueue(backend)
 * queue.process('welcome-email', async (job) => outbox.push(job.data))
 * await queue.enqueue('welcome-email', { userId: 'u_123' })
 * expect(outbox).toHaveLength(1)
 * ```
 */
export class ImmediateBackend implements IJobQueueBackend {
  constructor(options?: MemoryBackendOptions)
  readonly executesInline: true
  /** All jobs, in the order of creation: one live array, to be read. Read-only. To clear it, call `reset()`: jobs that you remove from the array yourself go on holding their keys. */
  readonly jobs: RecordedJob[]
  /** Runs this handler for jobs of the type from now on; a second call for a type replaces the first. */
  registerHandler<T>(type: string, handler: JobHandler<T>): void
  /** Forgets all handlers. */
  clearHandlers(): void
  /** Forgets all jobs and keeps the handlers; ids start again at `immediate-1`. */
  reset(): void
  /** The number of log entries that a job keeps; may be set at any time. */
  maxLogEntries: number
  /** Longer log messages are cut, in bytes of UTF-8; may be set at any time. */
  maxLogMessageBytes: number
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
  /** Cancels those of these jobs that have not ended; what it has done to each, in order. */
  cancelEach(ids: readonly string[], status?: JobStatus): Promise<CancelledEach[]>
  hasOutstanding(type: string, dedupeKey: string): Promise<boolean>
  findOne<T>(query: JobQuery): Promise<JobRecord<T> | null>
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
  readSteps(jobId: string): Promise<StepRecord[]>
  appendStep(
    jobId: string,
    claimToken: string,
    record: StepRecord,
    options?: AppendStepOptions,
  ): Promise<AppendStepResult>
  completeClaimed(jobId: string, claimToken: string): Promise<CompleteClaimedResult>
  heartbeatClaimed(jobId: string, claimToken: string): Promise<HeartbeatClaimedResult>
  startup(): Promise<void>
  shutdown(timeoutMs?: number): Promise<void>
  resetStorage(): Promise<void>
  recoverStuckJobs(visibilityTimeoutMs?: number, maxPerSweep?: number): Promise<number>
  readonly transactions: BackendTransactions
}
