/** Backends that keep jobs in memory, for tests. */
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

/** A job of an in-memory backend. The object is live: its fields change as the job does. */
export interface RecordedJob<T = any> extends Job<T> {
  /** The logged messages, oldest first. */
  logs: string[]
  /** The moment until which other enqueues with `dedupeForMs` find the key held. */
  dedupeUntil?: Date | undefined
  /** The back-off, as enqueued. */
  backoff?: Backoff | undefined
  /** The shortest wait before a retry, as enqueued, in milliseconds. */
  backoffDelay?: number | undefined
  /** The longest wait before a retry, as enqueued, in milliseconds. */
  backoffMaxDelay?: number | undefined
  /** The ending of a failed job; absent on other jobs. */
  ending?: JobEnding
  /** The newest failed attempts, oldest first; at most 10. Absent until an attempt fails. */
  errors?: JobError[]
  /** The newest value that the handler passed to `ctx.progress`; absent if there is none. */
  progress?: unknown
  /** The value that the handler returned, if the processor keeps results. */
  result?: unknown
  /** When the job's cancellation was requested while it ran. */
  cancelRequestedAt?: Date
  /** The reason for the cancellation, if one was given. */
  cancelReason?: string
  /** The step records of the job's orchestration, in the order of their appends; absent until the first. */
  steps?: StepRecord[] | undefined
  /** The approximate size of the step records as BSON, in bytes. */
  journalBytes?: number | undefined
  /** The newest sleep of the job's orchestration. The job is parked while it is pending and `runAt` is the end of that sleep. */
  parked?: ParkedJob | undefined
  /** The session that was passed to `enqueue`. */
  session?: DriverSession | undefined
  /** The session that was passed to `complete`. */
  completedInSession?: DriverSession | undefined
}

/** Options of the in-memory backends. */
export interface MemoryBackendOptions {
  /** The clock, in milliseconds since the epoch. Default `Date.now`, looked up at each call, so that fake timers work. */
  clock?: (() => number) | undefined
  /** The source of random numbers from 0 (inclusive) to 1 (exclusive), which spread retries. Default `Math.random`. */
  random?: (() => number) | undefined
  /**
   * Makes the sessions of `ctx.transaction` and `ctx.session`. If handlers use them on collections of a real client, pass
   * `() => client.startSession()`. Default: stand-ins, which have the methods of a session and do nothing.
   */
  startSession?: (() => DriverSession) | undefined
  /** The number of newest log entries that a job keeps; at least 1. Default 1000. */
  maxLogEntries?: number | undefined
  /** The largest size of a log message, in bytes of UTF-8; longer ones are cut. At least 16. Default 4000. */
  maxLogMessageBytes?: number | undefined
  /** The largest size of an orchestration's journal, in bytes. Default 8000000. */
  journalSoftLimitBytes?: number | undefined
}

/** Calls that change single jobs. */
export interface DummyBackend extends JobControl {}

/**
 * A backend in memory for unit tests. It records enqueued jobs and runs none by itself. With a processor it behaves like MongoDB: order,
 * delays, dedupe keys, retries with back-off, leases.
 *
 * Schedules come by the clock in the options, or by fake timers, while a queue on this backend has a processor.
 *
 * Payloads are kept by reference: a job's `data` is the value that was passed to `enqueue`. Enqueues and completions with a session apply
 * at once, whatever becomes of the transaction.
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
  /**
   * All jobs, in the order of creation: one live, read-only array. To clear it, call `reset()`: jobs that you remove from the array yourself go
   * on holding their keys.
   */
  readonly jobs: RecordedJob[]
  /** Removes all jobs and recorded calls; ids start again at `dummy-1`. */
  reset(): void
  /** The number of newest log entries that a job keeps. Can be set at any time. */
  maxLogEntries: number
  /** The largest size of a log message, in bytes of UTF-8; longer ones are cut. Can be set at any time. */
  maxLogMessageBytes: number
  /** The timeouts that were passed to `recoverStuckJobs`, one for each call. */
  readonly recoverStuckJobsCalls: (number | undefined)[]
  /** Returns the jobs of a type, in the order of creation. */
  getJobsByType<T = any>(type: string): RecordedJob<T>[]
  /** Returns the jobs that have a status at present, in the order of creation. */
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
  /** Cancels those of the given jobs that have not ended. Returns the effect on each job, in order. */
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

/** Calls that change single jobs. They resolve after the run of a job that they make due; times are ignored, as `delay` is. */
export interface ImmediateBackend extends JobControl {}

/**
 * A backend in memory that runs jobs inside `enqueue`, which resolves after the handler. Meant for tests of side effects.
 *
 * - `delay` and `runAt` are ignored on purpose, and there are no schedules.
 * - If a handler of `queue.process` fails, `enqueue` rejects with the handler's own error. By then the failure is recorded on the job: it has
 *   a `failReason`, and is `pending` or `failed`. If a handler of `registerHandler` fails, `enqueue` resolves. Neither is retried inline.
 * - The processor's `concurrency`, 1 by default, limits how many handlers of a type run at once; further `enqueue` calls wait. A call
 *   from within a handler of the same type does not wait. Handlers of `registerHandler` are not limited.
 * - A job of a type without a handler stays pending until a handler is registered.
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
  /**
   * All jobs, in the order of creation: one live, read-only array. To clear it, call `reset()`: jobs that you remove from the array yourself go
   * on holding their keys.
   */
  readonly jobs: RecordedJob[]
  /** Runs this handler for jobs of the type from now on. It replaces an earlier handler of the type. */
  registerHandler<T>(type: string, handler: JobHandler<T>): void
  /** Removes all handlers. */
  clearHandlers(): void
  /** Removes all jobs and keeps the handlers; ids start again at `immediate-1`. */
  reset(): void
  /** The number of newest log entries that a job keeps. Can be set at any time. */
  maxLogEntries: number
  /** The largest size of a log message, in bytes of UTF-8; longer ones are cut. Can be set at any time. */
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
  /** Cancels those of the given jobs that have not ended. Returns the effect on each job, in order. */
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
