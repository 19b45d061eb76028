import { heartbeat, keepsLogOrder, writeLog, writeProgress } from '../../backend/calls'
import { ownClaim } from '../../backend/handle'
import type { Kept, Settled, Verdict } from '../../backend/verdict'
import { ShutDownError, failureToError } from '../../base/errors'
import type { SafeLogger } from '../../base/logger'
import { reasonOf } from '../../base/reason'
import type { EngineLink } from '../../mongo/engine-link'
import type { NativeEvent, NativeRecoveredJob, NativeRunResult, NativeSettled } from '../../mongo/native/addon'
import type { HeartbeatResult, IJobQueueBackend, Job, JobHandle, RecoveredJob } from '../../types'
import type { Engine, EngineEvents, EngineProcessorConfig } from '../engine'
import { splitDocuments } from '../../mongo/bson/split-documents'
import { VerdictBatch } from './verdict-batch'
import type { Verdicts } from './verdict-batch'

/** Inputs of an {@link AddonEngine}, from its queue. */
export interface AddonEngineOptions {
  readonly visibilityTimeoutMs: number
  readonly logger: SafeLogger
}

/**
 * The engine of an unmodified `MongoJobQueue`. It works on threads of its own; here its events become calls, documents become
 * jobs, and verdicts travel together.
 */
export class AddonEngine implements Engine {
  readonly runsInline = false
  private readonly batch = new VerdictBatch((verdicts) => this.finish(verdicts))
  private readonly processors = new Set<number>()
  private readonly unsubscribe: () => void
  private stopFiring: (() => void) | null = null
  /** This queue asked for the engine's sweeps. Another queue on the same backend reports those that it asked for. */
  private recovers = false
  /** The reason that no answers come any more. */
  private closed: ShutDownError | null = null

  constructor(
    private readonly link: EngineLink,
    private readonly backend: IJobQueueBackend,
    private readonly options: AddonEngineOptions,
    private readonly events: EngineEvents,
  ) {
    this.unsubscribe = link.subscribe((event) => this.received(event))
  }

  process(config: EngineProcessorConfig): number {
    const { type, concurrency, pollInterval, heartbeatIntervalMs, prefetch } = config
    const { visibilityTimeoutMs } = this.options
    const id = this.link.native.process({
      type,
      concurrency,
      pollIntervalMs: pollInterval,
      heartbeatIntervalMs,
      visibilityTimeoutMs,
      prefetch,
    })
    this.processors.add(id)
    this.stopFiring ??= this.link.fireSchedules()
    this.link.openProcessors.add(id)
    return id
  }

  setConcurrency(processorId: number, concurrency: number): void {
    this.link.native.setConcurrency(processorId, concurrency)
  }

  /** The addon gives back the jobs of a claim that is still on its way. */
  async stopProcessor(processorId: number): Promise<void> {
    await this.link.native.stopProcessor(processorId)
  }

  recover(): void {
    this.recovers = true
    this.link.native.startRecovery(this.options.visibilityTimeoutMs)
  }

  /** The addon saw the job pass. */
  wake(): void {}

  canAdopt(handle: JobHandle<any>): boolean {
    return ownClaim(handle)?.backend === this.backend
  }

  async adopt(_handle: JobHandle<any>, job: Job<any>): Promise<number | null> {
    const { visibilityTimeoutMs } = this.options
    const { value, failure } = await this.link.native.adopt(job.id, job.claimToken ?? '', visibilityTimeoutMs)
    if (failure !== null) throw failureToError(failure, null)
    return value
  }

  goneAmong(runIds: Uint32Array): ArrayLike<number> {
    return this.link.native.goneAmong(runIds)
  }

  settle(runId: number, verdict: Verdict, freesSlot: boolean, elapsedMs: number | null): void {
    if (this.closed !== null) return this.events.writeFailed(runId, this.closed)
    const { kind, reason, stack, delayMs, byHand, parkedUntil: parkedUntilMs = null } = verdict
    const result = verdict.result === null ? null : this.encoded(verdict.result)
    const details = { stack, delayMs, parkedUntilMs, result, byHand }
    this.batch.add({ runId, kind, reason, details, freesSlot, elapsedMs })
  }

  private encoded({ value, refused }: Kept): Buffer | null {
    try {
      return this.link.encodeResult(value)
    } catch (err) {
      refused(err)
      return null
    }
  }

  freeSlot(runId: number, elapsedMs: number | null): void {
    if (this.closed === null) this.batch.addFreed({ runId, elapsedMs })
  }

  failed(): void {}

  heartbeat(_runId: number, job: Job<any>): Promise<HeartbeatResult> {
    return heartbeat(this.backend, job)
  }

  get keepsLogOrder(): boolean {
    return keepsLogOrder(this.backend)
  }

  log(_runId: number, job: Job<any>, message: string): Promise<void> {
    return writeLog(this.backend, job, message)
  }

  progress(_runId: number, job: Job<any>, value: unknown): Promise<void> {
    return writeProgress(this.backend, job, value)
  }

  async suspend(runId: number, _job: Job<any>, leaseMs: number): Promise<HeartbeatResult> {
    const { value, failure } = await this.link.native.suspend(runId, leaseMs)
    if (failure !== null) throw failureToError(failure, null)
    return value ? 'applied' : 'lease-lost'
  }

  async resume(runId: number, job: Job<any>): Promise<Settled | null> {
    const { value, failure } = await this.link.native.resume(runId, job.id, job.claimToken ?? '')
    if (failure !== null) throw failureToError(failure, null)
    return value === null ? null : settledOf(value)
  }

  completed(runId: number): void {
    this.link.native.completed(runId)
  }

  /** The addon saw the call pass. */
  cancelRequested(): void {}

  backendStarted(): void {}

  quiesce(): null {
    this.link.native.quiesce([...this.processors])
    this.stopFiring?.()
    this.stopFiring = null
    return null
  }

  close(): void {
    this.unsubscribe()
    for (const id of this.processors) this.link.openProcessors.delete(id)
    if (this.closed !== null) return
    const reason = 'the queue shut down before the server had acknowledged how the job ended'
    this.closed = new ShutDownError('ERR_DURABL_SHUT_DOWN', reason)
    this.events.closed(this.closed)
  }

  private received(event: NativeEvent): void {
    const { events } = this
    switch (event.kind) {
      case 'jobs':
        return this.jobsClaimed(event.processorId, event.runIds, event.documents)
      case 'settled':
        for (const runId of event.completed) events.settled(runId, { status: 'completed' })
        for (const result of event.others) this.answered(result)
        return
      case 'lease-lost':
        for (const runId of event.runIds) events.leaseLost(runId, 'heartbeat')
        return
      case 'cancel-requested':
        return events.cancelRequested(event.runId, event.reason)
      case 'taken-back':
        for (const runId of event.runIds) events.takenBack(runId)
        return
      case 'paused':
        return events.paused(event.type)
      case 'recovered':
        if (this.recovers) events.recovered(event.handled, event.saturated, event.jobs.map(recoveredJob))
        return
      case 'recovery-failed':
        if (this.recovers) events.recoveryFailed(event.phase, event.message)
        return
      case 'ping':
      case 'wake':
      case 'stream':
      case 'log':
      case 'schedules-due':
        // These are for the backend.
        return
    }
  }

  private answered({ runId, settled, failure }: NativeRunResult): void {
    if (settled !== null) return this.events.settled(runId, settledOf(settled))
    const error = failure === null ? new Error('the engine gave no result') : failureToError(failure, null)
    this.events.writeFailed(runId, error)
  }

  private jobsClaimed(processorId: number, runIds: Uint32Array, documents: Buffer): void {
    // Another queue's, on the same backend.
    if (!this.processors.has(processorId)) return
    this.events.claimed(processorId, runIds, this.decode(runIds, documents))
  }

  /** All at once, as nearly always can be done; one by one if a document is damaged, so that the others still run. */
  private decode(runIds: Uint32Array, documents: Buffer): (Job<any> | null)[] {
    try {
      return this.link.decodeJobs(documents, runIds.length)
    } catch {
      return splitDocuments(documents).map((document, i) => this.decodeOne(runIds[i]!, document))
    }
  }

  private decodeOne(runId: number, document: Uint8Array): Job<any> | null {
    try {
      return this.link.decodeJob(document)
    } catch (err) {
      this.options.logger.error({ err }, 'a claimed job could not be decoded: it fails')
      const reason = `the job could not be decoded: ${reasonOf(err)}`
      const details = { stack: null, delayMs: null, parkedUntilMs: null, result: null, byHand: false }
      this.batch.add({ runId, kind: 'fail', reason, details, freesSlot: true, elapsedMs: null })
      return null
    }
  }

  private finish(verdicts: Verdicts): void {
    const { completed, elapsedMs, others, freed } = verdicts
    let reason: unknown = new ShutDownError(
      'ERR_DURABL_SHUT_DOWN',
      'the backend was shut down before the job had ended',
    )
    try {
      const isTaken = this.link.native.finish(
        new Uint32Array(completed),
        new Float64Array(elapsedMs),
        others,
        freed,
      )
      if (isTaken) return
    } catch (err) {
      reason = err
    }
    for (const runId of verdicts.runIds) this.events.writeFailed(runId, reason)
  }
}

function settledOf(settled: NativeSettled): Settled {
  const { status, terminalStatus } = settled
  if (status !== 'already-terminal') return { status }
  // The engine sets it exactly with this status.
  return { status, terminalStatus: terminalStatus ?? 'completed' }
}

function recoveredJob({ ending, ...job }: NativeRecoveredJob): RecoveredJob {
  // The engine has no other endings for a job whose worker is gone.
  return ending === null ? job : { ...job, ending: ending as NonNullable<RecoveredJob['ending']> }
}
