import { canRecover, heartbeat, heldOrReadBack, keepsLogOrder, writeProgress } from '../../backend/calls'
import { HandleCalls, ownClaim } from '../../backend/handle'
import type { OwnClaim } from '../../backend/handle'
import { markProcessor } from '../../backend/inline-processor'
import type { RunFailure } from '../../backend/inline-processor'
import type { Settled, Verdict } from '../../backend/verdict'
import { DurablError } from '../../base/errors'
import type { SafeLogger } from '../../base/logger'
import { monotonicNow } from '../../base/timers'
import type { Reporter } from '../../run/report'
import type { HeartbeatResult, IJobQueueBackend, Job, JobContext, JobHandle } from '../../types'
import type { Engine, EngineEvents, EngineProcessorConfig } from '../engine'
import { Reaper } from '../reaper'
import { CancelWatch } from './cancel-watch'
import { Claim } from './claim'
import type { ClaimListener } from './claim'
import { ClaimLoop } from './claim-loop'
import type { ClaimLoopHost } from './claim-loop'
import { BackendWriter, ContextWriter, HandleWriter } from './claim-writer'
import type { ClaimWriter } from './claim-writer'
import type { LeaseTerms } from './lease-keeper'

const POLL_INTERVAL_MS = 5000
/** While wake-ups are pushed the poll is only a safety net. */
const POLL_INTERVAL_WITH_PUSH_MS = 60_000
const LONGEST_SWEEP_INTERVAL_MS = 60_000
/** Number of renewals of a claim made by hand within its lease. */
const HEARTBEATS_BY_HAND = 3
/** The longest time since it was sent for which a claim needs no renewal before its handler starts. */
const FRESH_MS = 1000

/** Inputs of a {@link ScriptEngine}, from its queue. */
export interface ScriptEngineOptions {
  readonly visibilityTimeoutMs: number
  readonly report: Reporter
}

/**
 * An engine that uses only the backend contract and ordinary timers. It serves the in-memory backends, a user's own, and a `MongoJobQueue` that
 * was decorated or overridden.
 */
export class ScriptEngine implements Engine, ClaimLoopHost {
  readonly logger: SafeLogger
  private readonly claims = new Map<number, Claim>()
  private readonly loops = new Map<string, ClaimLoop>()
  /** Set the concurrency of processors that a backend runs itself. */
  private readonly inline = new Map<number, (concurrency: number) => void>()
  private readonly reaper: Reaper
  private unsubscribe: (() => void) | null = null
  private stopFiring: (() => void) | null = null
  private readonly cancelWatch: CancelWatch
  private lastRunId = 0
  private lastProcessorId = 0
  private isQuiescent = false

  constructor(
    readonly backend: IJobQueueBackend,
    private readonly options: ScriptEngineOptions,
    private readonly events: EngineEvents,
  ) {
    const { report, visibilityTimeoutMs } = options
    this.logger = report.logger
    this.reaper = new Reaper({ backend, report, visibilityTimeoutMs })
    this.cancelWatch = new CancelWatch(backend, ({ id, reason }) => this.cancelRequested(id, reason))
  }

  get runsInline(): boolean {
    return this.backend.executesInline === true
  }

  process(config: EngineProcessorConfig): number {
    this.lastProcessorId += 1
    const id = this.lastProcessorId
    if (this.runsInline) this.processInline(id, config)
    else this.processByLooking(id, config)
    this.stopFiring ??= this.backend.fireSchedules?.() ?? null
    return id
  }

  setConcurrency(processorId: number, concurrency: number): void {
    this.loop(processorId)?.setConcurrency(concurrency)
    this.inline.get(processorId)?.(concurrency)
  }

  async stopProcessor(processorId: number): Promise<void> {
    const loop = this.loop(processorId)
    // The driver gives back the jobs that a backend runs itself for a processor that has stopped.
    this.inline.get(processorId)?.(0)
    if (loop === undefined) return
    await loop.stop()
    // Another processor of the type may have begun.
    if (this.loops.get(loop.config.type) === loop) this.loops.delete(loop.config.type)
  }

  private loop(processorId: number): ClaimLoop | undefined {
    return [...this.loops.values()].find((loop) => loop.processorId === processorId)
  }

  recover(): void {
    if (!canRecover(this.backend)) return
    this.reaper.startJittered(Math.min(LONGEST_SWEEP_INTERVAL_MS, this.options.visibilityTimeoutMs))
  }

  wake(type: string | null, delayMs: number): void {
    for (const loop of this.loopsOf(type)) {
      if (delayMs > 0) loop.wakeIn(delayMs)
      else loop.wake()
    }
  }

  private loopsOf(type: string | null): Iterable<ClaimLoop> {
    if (type === null) return this.loops.values()
    const loop = this.loops.get(type)
    return loop === undefined ? [] : [loop]
  }

  canAdopt(): boolean {
    return true
  }

  /** A claim of this package's that is not fresh may be lost: its lease is renewed first. Others are unknown here. */
  async adopt(handle: JobHandle<any>, job: Job<any>): Promise<number | null> {
    const { visibilityTimeoutMs } = this.options
    const own = ownClaim(handle)
    const writer = new HandleWriter(new HandleCalls(this.backend, own?.inner ?? handle, job))
    let sentAt = monotonicNow()
    if (own !== null && isFresh(own, visibilityTimeoutMs)) sentAt = own.sentAt
    else if (own !== null && (await writer.heartbeat()) !== 'applied') return null
    const claim = this.add(job, writer, () => {})
    this.keepLease(claim, visibilityTimeoutMs / HEARTBEATS_BY_HAND, sentAt)
    return claim.id
  }

  goneAmong(runIds: Uint32Array): Uint32Array {
    return runIds.filter((id) => this.claims.get(id)?.isLost === true)
  }

  claimed(job: Job<any>, loop: ClaimLoop, sentAt: number): void {
    const claim = this.add(job, this.writer(job), () => loop.slotFreed())
    this.keepLease(claim, loop.config.heartbeatIntervalMs, sentAt)
    this.handOver(loop.processorId, claim)
  }

  defaultPollInterval(): number {
    return this.unsubscribe === null ? POLL_INTERVAL_MS : POLL_INTERVAL_WITH_PUSH_MS
  }

  settle(runId: number, verdict: Verdict, freesSlot: boolean): void {
    const claim = this.claims.get(runId)
    if (claim === undefined) return
    claim.verdictSent(freesSlot)
    claim.writer.settle(verdict).then(
      (found) => {
        this.events.settled(runId, found)
        claim.settled()
        this.wakeBehindKey(claim)
      },
      (err: unknown) => {
        claim.verdictFailed()
        this.events.writeFailed(runId, err)
      },
    )
  }

  freeSlot(runId: number): void {
    this.claims.get(runId)?.slotFreed()
  }

  failed(runId: number, failure: RunFailure): void {
    const claim = this.claims.get(runId)
    if (claim !== undefined) claim.failure = failure
  }

  heartbeat(runId: number, job: Job<any>): Promise<HeartbeatResult> {
    return this.claims.get(runId)?.beat() ?? heartbeat(this.backend, job)
  }

  get keepsLogOrder(): boolean {
    return keepsLogOrder(this.backend)
  }

  log(runId: number, job: Job<any>, message: string): Promise<void> {
    return (this.claims.get(runId)?.writer ?? this.writer(job)).log(message)
  }

  progress(_runId: number, job: Job<any>, value: unknown): Promise<void> {
    return writeProgress(this.backend, job, value)
  }

  /** The lease is as long as every other on this backend. */
  suspend(runId: number, job: Job<any>): Promise<HeartbeatResult> {
    return this.claims.get(runId)?.suspend() ?? heartbeat(this.backend, job)
  }

  resume(runId: number, job: Job<any>): Promise<Settled | null> {
    const renew = () => this.claims.get(runId)?.resume() ?? heartbeat(this.backend, job)
    return heldOrReadBack(this.backend, job, renew)
  }

  /** The transaction has written all there is to write. */
  completed(runId: number): void {
    const claim = this.claims.get(runId)
    if (claim === undefined) return
    claim.settled()
    this.wakeBehindKey(claim)
  }

  cancelRequested(jobId: string, reason: string | null): void {
    for (const { id, job } of [...this.claims.values()]) {
      if (job.id === jobId) this.events.cancelRequested(id, reason)
    }
  }

  /** A backend may be able to push only once it has started. */
  backendStarted(): void {
    if (this.loops.size > 0) this.subscribe()
  }

  quiesce(): Promise<void> {
    this.isQuiescent = true
    this.reaper.stop()
    const stopped = Promise.all([...this.loops.values()].map((loop) => loop.stop()))
    try {
      this.unsubscribe?.()
    } catch (err) {
      this.logger.warn({ err }, 'unsubscribing from wake-ups failed')
    }
    this.unsubscribe = null
    this.stopFiring?.()
    this.stopFiring = null
    return stopped.then(() => {})
  }

  close(): void {
    this.cancelWatch.stop()
    for (const claim of this.claims.values()) claim.stopKeeping()
  }

  private processByLooking(id: number, config: EngineProcessorConfig): void {
    this.subscribe()
    const loop = new ClaimLoop(id, config, this)
    this.loops.set(config.type, loop)
    loop.wake()
  }

  /** The backend claims, calls the handler and waits for the end of the run, which is managed as every other is. */
  private processInline(id: number, { type, concurrency }: EngineProcessorConfig): void {
    const { backend } = this
    if (typeof backend.registerHandler !== 'function') {
      throw new DurablError(
        'ERR_DURABL_UNSUPPORTED',
        'the backend has executesInline, but no registerHandler()',
      )
    }
    const run = (job: Job, ctx: JobContext) => this.runForBackend(id, job, ctx)
    const processor = { concurrency }
    markProcessor(run, processor)
    backend.registerHandler(type, run)
    this.inline.set(id, (concurrency) => {
      processor.concurrency = concurrency
      // Has the backend look at it again.
      backend.registerHandler!(type, run)
    })
  }

  /** Resolves when the run is over: to its failure, with which the `enqueue` of durabl's own backend rejects. */
  private runForBackend(processorId: number, job: Job<any>, ctx: JobContext): Promise<RunFailure | null> {
    return new Promise((resolve) => {
      const writer = new ContextWriter(this.backend, job, ctx)
      const claim = this.add(job, writer, () => resolve(claim.failure))
      this.handOver(processorId, claim)
    })
  }

  private handOver(processorId: number, claim: Claim): void {
    this.events.claimed(processorId, Uint32Array.of(claim.id), [claim.job])
    // It was lost before there was a run to hear of it.
    if (claim.isLost) this.events.leaseLost(claim.id, 'heartbeat-deadline')
  }

  private add(job: Job<any>, writer: ClaimWriter, ended: () => void): Claim {
    this.lastRunId += 1
    const claim: Claim = new Claim(this.lastRunId, job, writer, this.listener(ended))
    this.claims.set(claim.id, claim)
    this.cancelWatch.add(job.id)
    return claim
  }

  private listener(ended: () => void): ClaimListener {
    return {
      leaseLost: ({ id }, op) => this.events.leaseLost(id, op),
      renewalFailed: ({ job: { type, id: jobId } }, err) =>
        this.logger.warn({ type, jobId, err }, 'lease could not be renewed; it is tried again'),
      ended: ({ id, job }) => {
        this.claims.delete(id)
        this.cancelWatch.remove(job.id)
        ended()
      },
    }
  }

  /** Keeps no lease after the queue has stopped claiming: such a claim is given back at once. */
  private keepLease(claim: Claim, heartbeatIntervalMs: number | null, sentAt: number): void {
    const { visibilityTimeoutMs } = this.options
    const terms: LeaseTerms = {
      visibilityTimeoutMs,
      heartbeatIntervalMs: heartbeatIntervalMs ?? visibilityTimeoutMs / 4,
    }
    if (!this.isQuiescent) claim.keepLease(terms, sentAt)
  }

  private writer(job: Job<any>): ClaimWriter {
    return new BackendWriter(this.backend, job)
  }

  /** A handler that goes on after its job has ended keeps its slot, and a job that waits behind the key may have another. */
  private wakeBehindKey(claim: Claim): void {
    const { type, dedupeScope } = claim.job
    if (dedupeScope === 'pending' && claim.outlivesItsJob) this.wake(type, 0)
  }

  private subscribe(): void {
    if (this.unsubscribe !== null || typeof this.backend.onJobAvailable !== 'function') return
    try {
      const unsubscribe: unknown = this.backend.onJobAvailable((type) => this.jobAvailable(type))
      this.unsubscribe = typeof unsubscribe === 'function' ? (unsubscribe as () => void) : null
    } catch (err) {
      this.logger.warn({ err }, 'subscribing to wake-ups failed: polling instead')
    }
  }

  private jobAvailable(type: string): void {
    this.wake(type === '' ? null : type, 0)
  }
}

function isFresh({ sentAt, isSettled }: OwnClaim, visibilityTimeoutMs: number): boolean {
  return !isSettled && monotonicNow() - sentAt < Math.min(FRESH_MS, visibilityTimeoutMs / 10)
}
