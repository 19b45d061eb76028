import type { Collection } from 'mongodb'
import { keepsOrder } from '../backend/calls'
import { checkedOnce } from '../backend/checked'
import { backendHandle } from '../backend/handle'
import { later } from '../base/later'
import { monotonicNow } from '../base/timers'
import { shownAs } from '../base/print'
import { reasonOf } from '../base/reason'
import type {
  ActionQuery,
  ActionRecord,
  ActionRequest,
  ApplySchedulesResult,
  BackendTransactions,
  CancelOptions,
  CancelRequest,
  CancelResult,
  CancelledEach,
  CompleteClaimedResult,
  AppendStepOptions,
  CompleteOptions,
  CompleteResult,
  DriverCollection,
  EnqueueDetailedResult,
  EnqueueManyJob,
  EnqueueManyOptions,
  EnqueueManyResult,
  EnqueueOptions,
  FailFatalResult,
  FailResult,
  HeartbeatClaimedResult,
  HeartbeatResult,
  HistoryQuery,
  IJobQueueBackend,
  Job,
  JobHandle,
  JobAvailableListener,
  JobDetail,
  JobDoc,
  JobEnd,
  JobPage,
  JobQuery,
  JobRecord,
  ListJobsOptions,
  MongoJobQueueOptions,
  NamedSchedule,
  PauseOptions,
  PauseResult,
  PauseScheduleResult,
  QueueCounts,
  QueueHistory,
  RecordResult,
  PromoteResult,
  QueueStats,
  ReleaseResult,
  RemoveResult,
  RescheduleOptions,
  RescheduleResult,
  ResumeResult,
  ResumeScheduleResult,
  RetryOptions,
  RetryResult,
  ScheduledJob,
  ScheduleInfo,
  ScheduleResult,
  ScheduleSpec,
  SkipScheduleResult,
  SettlementDetails,
  StepRecord,
  StreamState,
  TriggerScheduleResult,
  UnscheduleResult,
  WorkerInfo,
  JobStatus,
} from '../types'
import * as check from '../validate/backend'
import type { EngineLink } from './engine-link'
import type { OpenCollection } from './open-collection'
import type * as Operations from './operations'
import { isUnmodified, methodsOf } from './unmodified'

const mongo = later(() => require('./operations') as typeof Operations)

const LINKS = new WeakMap<object, EngineLink>()

/** Jobs in a MongoDB collection, as the public types promise. The operations stand in a file for each capability. */
export class MongoJobQueue implements IJobQueueBackend, AsyncDisposable {
  // Not #private: a proxy around this object must work, as with the TypeScript package.
  private readonly opened: OpenCollection

  constructor(options: MongoJobQueueOptions) {
    this.opened = new (mongo().OpenCollection)(options)
    LINKS.set(this, mongo().engineLink(this.opened))
  }

  enqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<string | null> {
    return mongo().produce.enqueue(this.opened, type, data, options)
  }

  enqueueDetailed<T>(type: string, data: T, options?: EnqueueOptions): Promise<EnqueueDetailedResult> {
    return mongo().produce.enqueueDetailed(this.opened, type, data, options)
  }

  enqueueMany(jobs: readonly EnqueueManyJob[], options?: EnqueueManyOptions): Promise<EnqueueManyResult[]> {
    return mongo().produce.enqueueMany(this.opened, jobs, options)
  }

  enqueueManyDetailed(
    jobs: readonly EnqueueManyJob[],
    options?: EnqueueManyOptions,
  ): Promise<EnqueueDetailedResult[]> {
    return mongo().produce.enqueueManyDetailed(this.opened, jobs, options)
  }

  async claimOrEnqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<JobHandle<T> | null> {
    const sentAt = monotonicNow()
    const job: Job<T> | null = await mongo().claims.claimOrEnqueue(this.opened, type, data, options)
    return job === null ? null : backendHandle(this, job, sentAt)
  }

  claimNext<T>(type: string): Promise<Job<T> | null> {
    return mongo().claims.claimNext(this.opened, type)
  }

  async claimNextByKey<T>(type: string, dedupeKey: string): Promise<JobHandle<T> | null> {
    const sentAt = monotonicNow()
    const job: Job<T> | null = await mongo().claims.claimNextByKey(this.opened, type, dedupeKey)
    return job === null ? null : backendHandle(this, job, sentAt)
  }

  complete(
    jobId: string,
    claimToken?: string,
    options?: CompleteOptions & SettlementDetails,
  ): Promise<CompleteResult> {
    return mongo().claims.complete(this.opened, jobId, claimToken, options)
  }

  fail(jobId: string, reason: string, claimToken?: string, details?: SettlementDetails): Promise<FailResult> {
    return mongo().claims.settle(this.opened, 'fail', jobId, reasonOf(reason), claimToken, details)
  }

  failFatal(
    jobId: string,
    reason: string,
    claimToken?: string,
    details?: SettlementDetails,
  ): Promise<FailFatalResult> {
    return mongo().claims.settle(this.opened, 'failFatal', jobId, reasonOf(reason), claimToken, details)
  }

  release(jobId: string, claimToken?: string, details?: SettlementDetails): Promise<ReleaseResult> {
    return mongo().claims.settle(this.opened, 'release', jobId, null, claimToken, details)
  }

  heartbeat(jobId: string, claimToken?: string): Promise<HeartbeatResult> {
    return mongo().claims.heartbeat(this.opened, jobId, claimToken)
  }

  batchHeartbeat(jobIds: string[]): Promise<number> {
    return mongo().claims.batchHeartbeat(this.opened, jobIds)
  }

  log(jobId: string, message: string, claimToken?: string): Promise<void> {
    return mongo().claims.log(this.opened, jobId, message, claimToken)
  }

  progress(jobId: string, value: unknown, claimToken?: string): Promise<void> {
    return mongo().claims.progress(this.opened, jobId, value, claimToken)
  }

  cancel(jobId: string, options?: CancelOptions): Promise<CancelResult> {
    return mongo().control.cancel(this.opened, jobId, options)
  }

  cancelRequests(jobIds: readonly string[]): Promise<CancelRequest[]> {
    return mongo().control.cancelRequests(this.opened, jobIds)
  }

  hasOutstanding(type: string, dedupeKey: string): Promise<boolean> {
    return mongo().query.hasOutstanding(this.opened, type, dedupeKey)
  }

  findOne<T>(wanted: JobQuery): Promise<JobRecord<T> | null> {
    return mongo().query.findOne(this.opened, wanted)
  }

  getStats(type?: string): Promise<QueueStats> {
    return mongo().query.getStats(this.opened, type)
  }

  retry(id: string, options?: RetryOptions): Promise<RetryResult> {
    return mongo().control.retry(this.opened, id, options)
  }

  promote(id: string): Promise<PromoteResult> {
    return mongo().control.promote(this.opened, id)
  }

  reschedule(id: string, options: RescheduleOptions): Promise<RescheduleResult> {
    return mongo().control.reschedule(this.opened, id, options)
  }

  remove(id: string): Promise<RemoveResult> {
    return mongo().control.remove(this.opened, id)
  }

  pause(type: string, options?: PauseOptions): Promise<PauseResult> {
    return mongo().fleet.pause(this.opened, type, options)
  }

  resume(type: string): Promise<ResumeResult> {
    return mongo().fleet.resume(this.opened, type)
  }

  getJob<T = unknown>(id: string): Promise<JobDetail<T> | null> {
    return mongo().query.getJob(this.opened, id)
  }

  listJobs(options: ListJobsOptions): Promise<JobPage> {
    return mongo().query.listJobs(this.opened, options)
  }

  ends(ids: readonly string[]): Promise<JobEnd[]> {
    return mongo().query.ends(this.opened, ids)
  }

  counts(options?: { type?: string | undefined }): Promise<QueueCounts> {
    return mongo().fleet.counts(this.opened, options)
  }

  listWorkers(): Promise<WorkerInfo[]> {
    return mongo().fleet.listWorkers(this.opened)
  }

  history(query: HistoryQuery): Promise<QueueHistory> {
    return mongo().fleet.history(this.opened, query)
  }

  recordAction(action: ActionRequest): Promise<RecordResult> {
    return mongo().fleet.recordAction(this.opened, action)
  }

  listActions(wanted?: ActionQuery): Promise<ActionRecord[]> {
    return mongo().fleet.listActions(this.opened, wanted)
  }

  schedule(id: string, spec: ScheduleSpec, job: ScheduledJob): Promise<ScheduleResult> {
    this.opened.reminder.keyUsed()
    return this.opened.schedules.book.schedule(id, spec, job)
  }

  applySchedules(owner: string, list: readonly NamedSchedule[]): Promise<ApplySchedulesResult> {
    this.opened.reminder.keyUsed()
    return this.opened.schedules.book.applySchedules(owner, list)
  }

  unschedule(id: string): Promise<UnscheduleResult> {
    return this.opened.schedules.book.unschedule(id)
  }

  pauseSchedule(id: string): Promise<PauseScheduleResult> {
    return this.opened.schedules.book.pauseSchedule(id)
  }

  resumeSchedule(id: string): Promise<ResumeScheduleResult> {
    return this.opened.schedules.book.resumeSchedule(id)
  }

  triggerSchedule(id: string): Promise<TriggerScheduleResult> {
    return this.opened.schedules.trigger(id)
  }

  skipSchedule(id: string, occurrenceAt: Date): Promise<SkipScheduleResult> {
    return this.opened.schedules.book.skipSchedule(id, occurrenceAt)
  }

  listSchedules(): Promise<ScheduleInfo[]> {
    return this.opened.schedules.book.listSchedules()
  }

  fireSchedules(): () => void {
    this.opened.reminder.keyUsed()
    return this.opened.schedules.begin()
  }

  cancelEach(ids: readonly string[], status?: JobStatus): Promise<CancelledEach[]> {
    return mongo().control.cancelEach(this.opened, ids, status)
  }

  retryEach(ids: readonly string[], status?: JobStatus): Promise<number> {
    return mongo().control.retryEach(this.opened, ids, status)
  }

  promoteEach(ids: readonly string[]): Promise<number> {
    return mongo().control.promoteEach(this.opened, ids)
  }

  removeEach(ids: readonly string[], status?: JobStatus): Promise<number> {
    return mongo().control.removeEach(this.opened, ids, status)
  }

  readSteps(jobId: string): Promise<StepRecord[]> {
    return mongo().journal.readSteps(this.opened, jobId)
  }

  appendStep(jobId: string, token: string, record: StepRecord, options?: AppendStepOptions) {
    return mongo().journal.appendStep(this.opened, jobId, token, record, options)
  }

  completeClaimed(jobId: string, claimToken: string): Promise<CompleteClaimedResult> {
    return mongo().journal.completeClaimed(this.opened, jobId, claimToken)
  }

  heartbeatClaimed(jobId: string, claimToken: string): Promise<HeartbeatClaimedResult> {
    return mongo().journal.heartbeatClaimed(this.opened, jobId, claimToken)
  }

  startup(): Promise<void> {
    return mongo().admin.startup(this.opened)
  }

  shutdown(timeoutMs?: number): Promise<void> {
    return mongo().admin.shutdown(this.opened, timeoutMs)
  }

  resetStorage(): Promise<void> {
    return mongo().admin.resetStorage(this.opened)
  }

  recoverStuckJobs(visibilityTimeoutMs?: number, maxPerSweep?: number): Promise<number> {
    return mongo().admin.recoverStuckJobs(this.opened, visibilityTimeoutMs, maxPerSweep)
  }

  cleanupOldJobs(maxAgeMs?: number): Promise<number> {
    return mongo().admin.cleanupOldJobs(this.opened, maxAgeMs)
  }

  onJobAvailable(listener: JobAvailableListener): (() => void) | null {
    const checked = check.checkListener('onJobAvailable', listener)
    return this.opened.settings.useChangeStreams ? this.opened.engine.onWake(checked) : null
  }

  isChangeStreamsActive(): boolean {
    return this.opened.engine.streamState === 'streaming'
  }

  get streamState(): StreamState {
    return this.opened.engine.streamState
  }

  onStreamState(listener: (state: StreamState) => void): () => void {
    return this.opened.engine.onStreamState(check.checkListener('onStreamState', listener))
  }

  getCollection<C extends DriverCollection = Collection<JobDoc>>(): C {
    return mongo().admin.collectionOf(this.opened) as C
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown()
  }

  get transactions(): BackendTransactions {
    return this.opened.sessions
  }

  static {
    checkedOnce(this.prototype, {
      enqueue: ({ opened }, ...checked) => mongo().produce.enqueueChecked(opened, ...checked),
      enqueueDetailed: ({ opened }, ...checked) => mongo().produce.enqueueDetailedChecked(opened, ...checked),
      claimOrEnqueue: ({ opened }, ...checked) => mongo().claims.claimOrEnqueueChecked(opened, ...checked),
      enqueueMany: ({ opened }, ...checked) => mongo().produce.enqueueManyChecked(opened, ...checked),
      enqueueManyDetailed: ({ opened }, ...checked) =>
        mongo().produce.enqueueManyDetailedChecked(opened, ...checked),
    })
    shownAs(this, ({ opened: { settings, engine } }) => ({
      database: settings.database,
      collection: settings.collectionName,
      streamState: engine.streamState,
    }))
  }
}

const ORIGINALS = methodsOf(MongoJobQueue.prototype)
keepsOrder(Reflect.get(MongoJobQueue.prototype, 'log'))

/**
 * The engine of an unmodified `MongoJobQueue`. Null for everything else: another backend, a subclass, a proxy, an object or class with a
 * replaced method (even by a spy). Those expect every call to pass through them.
 */
export function engineOf(backend: object): EngineLink | null {
  const link = LINKS.get(backend)
  return link !== undefined && isUnmodified(backend, MongoJobQueue.prototype, ORIGINALS) ? link : null
}
