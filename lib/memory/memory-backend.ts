import type { ClientSession } from 'mongodb'
import { enqueueOneByOne, enqueueOneByOneDetailed } from '../backend/enqueue-many'
import { backendHandle } from '../backend/handle'
import { hasOwnClock } from '../backend/own-clock'
import { asTold } from '../backend/verdict'
import type { Settled, VerdictKind } from '../backend/verdict'
import { reasonOf } from '../base/reason'
import { monotonicNow } from '../base/timers'
import type {
  ActionRequest,
  AppendStepOptions,
  AppendStepResult,
  BackendTransactions,
  CompleteClaimedResult,
  CompleteOptions,
  CompleteResult,
  EnqueueDetailedResult,
  EnqueueManyJob,
  EnqueueManyOptions,
  EnqueueManyResult,
  EnqueueOptions,
  FailFatalResult,
  FailResult,
  HeartbeatClaimedResult,
  HeartbeatResult,
  IJobQueueBackend,
  Job,
  JobHandle,
  MemoryBackendOptions,
  PauseOptions,
  PauseResult,
  RecordedJob,
  ReleaseResult,
  RecordResult,
  ResumeResult,
  SettleResult,
  SettlementDetails,
  StepRecord,
} from '../types'
import {
  checkClaimToken,
  checkDedupeKey,
  checkJobId,
  checkKept,
  checkLogMessage,
  checkPayload,
  checkRecord,
  checkSpill,
  checkToken,
  checkType,
  detailsOf,
  normalizeAction,
  normalizeClaimOrEnqueue,
  normalizeEnqueue,
  normalizeEnqueueMany,
  normalizeMemoryOptions,
  normalizeRecovery,
  reasonOfPause,
  sessionOfCompletion,
  sessionOfMany,
} from '../validate'
import type { NewJob } from '../validate'
import { MemorySteering } from './memory-steering'
import { memory } from './later'
import type { Made, MemoryModel } from './model'
import type { StoredJob } from './stored-job'

/**
 * The backend contract over the reference model: checks arguments, hands out snapshots, and tells its subclass of changes. Everything happens
 * before a method returns its promise.
 */
export abstract class MemoryBackend extends MemorySteering implements IJobQueueBackend {
  /** All jobs, in the order of creation; live, as are the jobs in it. */
  readonly jobs: RecordedJob[]
  maxLogEntries: number
  maxLogMessageBytes: number
  /** Nothing waits for the end of a transaction here, and none can outlive a lease. */
  readonly transactions: BackendTransactions
  /** @internal */
  protected readonly model: MemoryModel
  private readonly journalLimitBytes: number

  protected constructor(name: string, idPrefix: string, options: MemoryBackendOptions | undefined) {
    super()
    const settings = normalizeMemoryOptions(name, options)
    this.maxLogEntries = settings.maxLogEntries
    this.maxLogMessageBytes = settings.maxLogMessageBytes
    this.model = new (memory().MemoryModel)(idPrefix, settings, this)
    this.jobs = this.model.jobs
    hasOwnClock(this, () => this.model.now())
    this.journalLimitBytes = settings.journalSoftLimitBytes
    this.transactions = {
      startSession: async () => settings.startSession?.() ?? memory().StandInSession.make(),
      longestMs: async () => 0,
      readBack: async (jobId, claimToken) => this.model.readBack(jobId, claimToken),
    }
  }

  /** Jobs of the type may be claimed again. */
  protected abstract resumed(type: string): void

  async enqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<string | null> {
    const stored = this.add('enqueue', type, data, options)
    if (stored === null) return null
    await this.changed(stored.job)
    return stored.job.id
  }

  async enqueueDetailed<T>(type: string, data: T, options?: EnqueueOptions): Promise<EnqueueDetailedResult> {
    const made = this.make('enqueueDetailed', type, data, options)
    if (made.status !== 'created') return made
    await this.changed(made.stored.job)
    return { status: 'created', id: made.stored.job.id }
  }

  async enqueueManyDetailed(
    jobs: readonly EnqueueManyJob[],
    options?: EnqueueManyOptions,
  ): Promise<EnqueueDetailedResult[]> {
    const session = this.checkMany('enqueueManyDetailed', jobs, options)
    const enqueueDetailed: NonNullable<IJobQueueBackend['enqueueDetailed']> = (type, data, options) =>
      this.enqueueDetailedOfMany(type, data, options)
    return enqueueOneByOneDetailed({ enqueueDetailed }, jobs, session)
  }

  async enqueueMany(
    jobs: readonly EnqueueManyJob[],
    options?: EnqueueManyOptions,
  ): Promise<EnqueueManyResult[]> {
    const session = this.checkMany('enqueueMany', jobs, options)
    const enqueue: IJobQueueBackend['enqueue'] = (type, data, options) =>
      this.enqueueOfMany(type, data, options)
    return enqueueOneByOne({ enqueue }, jobs, session)
  }

  async claimOrEnqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<JobHandle<T> | null> {
    const job = this.adjust(normalizeClaimOrEnqueue(type, options))
    checkPayload('claimOrEnqueue', data)
    return this.handle(this.model.claimOrEnqueue(job, data))
  }

  async claimNext<T>(type: string): Promise<Job<T> | null> {
    return claimed(this.model.claimNext(checkType('claimNext', type)))
  }

  async claimNextByKey<T>(type: string, dedupeKey: string): Promise<JobHandle<T> | null> {
    const where = 'claimNextByKey'
    return this.handle(this.model.claimNextByKey(checkType(where, type), checkDedupeKey(where, dedupeKey)))
  }

  async complete(
    jobId: string,
    claimToken?: string,
    options?: CompleteOptions & SettlementDetails,
  ): Promise<CompleteResult> {
    const session = sessionOfCompletion('complete', options)
    const result = await this.settle('complete', jobId, claimToken, null, options)
    const job = this.model.jobOf(jobId)
    if (session !== null && job !== null && hasChanged(result)) job.completedInSession = session
    return result as CompleteResult
  }

  async fail(
    jobId: string,
    reason: string,
    claimToken?: string,
    details?: SettlementDetails,
  ): Promise<FailResult> {
    return this.settle('fail', jobId, claimToken, reasonOf(reason), details) as Promise<FailResult>
  }

  async failFatal(
    jobId: string,
    reason: string,
    claimToken?: string,
    details?: SettlementDetails,
  ): Promise<FailFatalResult> {
    return this.settle('failFatal', jobId, claimToken, reasonOf(reason), details) as Promise<FailFatalResult>
  }

  async release(jobId: string, claimToken?: string, details?: SettlementDetails): Promise<ReleaseResult> {
    return this.settle('release', jobId, claimToken, null, details) as Promise<ReleaseResult>
  }

  async heartbeat(jobId: string, claimToken?: string): Promise<HeartbeatResult> {
    return this.model.heartbeat(checkJobId('heartbeat', jobId), checkClaimToken('heartbeat', claimToken))
  }

  async log(jobId: string, message: string, claimToken?: string): Promise<void> {
    const line = checkLogMessage('log', message)
    this.model.log(checkJobId('log', jobId), checkClaimToken('log', claimToken), line)
  }

  async progress(jobId: string, value: unknown, claimToken?: string): Promise<void> {
    const id = checkJobId('progress', jobId)
    checkKept('progress', 'progress', value)
    this.model.progress(id, checkClaimToken('progress', claimToken), value)
  }

  async pause(type: string, options?: PauseOptions): Promise<PauseResult> {
    const checked = checkType('pause', type)
    reasonOfPause(options)
    return { status: this.model.pauses.pause(checked) ? 'paused' : 'unchanged' }
  }

  async resume(type: string): Promise<ResumeResult> {
    const checked = checkType('resume', type)
    if (!this.model.pauses.resume(checked)) return { status: 'unchanged' }
    this.resumed(checked)
    return { status: 'resumed' }
  }

  async recordAction(action: ActionRequest): Promise<RecordResult> {
    return { status: 'recorded', id: this.model.actions.record(normalizeAction(action), this.model.now()) }
  }

  /** At once, even with a session. */
  async appendStep(
    jobId: string,
    claimToken: string,
    record: StepRecord,
    options?: AppendStepOptions,
  ): Promise<AppendStepResult> {
    const where = 'appendStep'
    sessionOfCompletion(where, options)
    const spills = checkSpill(where, options)
    const job = this.model.jobOf(checkJobId(where, jobId))
    const token = checkToken(where, claimToken)
    const bounds = { limitBytes: this.journalLimitBytes, spills }
    return memory().appendStep(job, token, checkRecord(where, record), this.model.now(), bounds)
  }

  async completeClaimed(jobId: string, claimToken: string): Promise<CompleteClaimedResult> {
    const id = checkJobId('completeClaimed', jobId)
    if (!this.model.completeClaimed(id, checkToken('completeClaimed', claimToken))) return 'lease-lost'
    const job = this.model.jobOf(id)
    if (job !== null) await this.changed(job)
    return 'completed'
  }

  async heartbeatClaimed(jobId: string, claimToken: string): Promise<HeartbeatClaimedResult> {
    const id = checkJobId('heartbeatClaimed', jobId)
    const found = this.model.heartbeat(id, checkToken('heartbeatClaimed', claimToken))
    return found === 'applied' ? 'heartbeated' : 'lease-lost'
  }

  async startup(): Promise<void> {}

  async shutdown(_timeoutMs?: number): Promise<void> {}

  /** Forgets all jobs. */
  async resetStorage(): Promise<void> {
    this.model.reset()
  }

  async recoverStuckJobs(visibilityTimeoutMs?: number, maxPerSweep?: number): Promise<number> {
    const settings = normalizeRecovery(visibilityTimeoutMs, maxPerSweep)
    // With a timeout of 0 the caller asks for every active job, even those known to be running.
    const isSpared = (id: string) => settings.visibilityTimeoutMs > 0 && this.isAtWork(id)
    const recovered = this.model.recover(settings, isSpared)
    for (const job of recovered) await this.changed(job)
    return recovered.length
  }

  private checkMany(where: string, jobs: readonly EnqueueManyJob[], options: unknown): ClientSession | null {
    normalizeEnqueueMany(where, jobs)
    const session = sessionOfMany(where, options)
    for (const [index, { data }] of jobs.entries()) checkPayload(`${where}: jobs[${index}]`, data)
    return session
  }

  /** Makes one job of {@link enqueueManyDetailed}. */
  protected enqueueDetailedOfMany(
    type: string,
    data: unknown,
    options?: EnqueueOptions,
  ): Promise<EnqueueDetailedResult> {
    return this.enqueueDetailed(type, data, options)
  }

  /** Makes one job of {@link enqueueMany}. */
  protected enqueueOfMany(type: string, data: unknown, options?: EnqueueOptions): Promise<string | null> {
    return this.enqueue(type, data, options)
  }

  /** True if a job is known to be running, however old its lease is. */
  protected isAtWork(_id: string): boolean {
    return false
  }

  /** The job that the backend makes of the requested one. */
  protected adjust(job: NewJob): NewJob {
    return job
  }

  protected add(where: string, type: unknown, data: unknown, options: unknown): StoredJob | null {
    const made = this.make(where, type, data, options)
    return made.status === 'created' ? made.stored : null
  }

  protected make(where: string, type: unknown, data: unknown, options: unknown): Made {
    const job = this.adjust(normalizeEnqueue(where, type, options))
    checkPayload(where, data)
    return this.model.make(job, data)
  }

  private handle<T>(stored: StoredJob | null): JobHandle<T> | null {
    return stored === null ? null : backendHandle(this, memory().snapshot<T>(stored), monotonicNow())
  }

  private async settle(
    kind: VerdictKind,
    jobId: unknown,
    claimToken: unknown,
    reason: string | null,
    details: unknown,
  ): Promise<SettleResult> {
    const id = checkJobId(kind, jobId)
    const { stack, delayMs, parkedUntil, endOfRun, result } = detailsOf(details)
    if (kind === 'complete' && result !== null) checkKept('complete', 'result', result.value)
    const parking = parkedUntil === null ? {} : { parkedUntil }
    const verdict = { kind, reason, stack, delayMs, ...parking, byHand: !endOfRun, result }
    const found = this.model.settle(id, checkClaimToken(kind, claimToken), verdict)
    const job = this.model.jobOf(id)
    if (job !== null && hasChanged(found)) await this.changed(job)
    // The queue asks for the exact result; for others this one does not exist.
    return endOfRun ? (found as SettleResult) : asTold(kind, found)
  }
}

function claimed<T>(stored: StoredJob | null): Job<T> | null {
  return stored === null ? null : memory().snapshot(stored)
}

function hasChanged({ status }: Settled): boolean {
  return status !== 'already-terminal' && status !== 'lease-lost' && status !== 'not-found'
}
