import { canRecover, heartbeat } from '../backend/calls'
import type { DurablError } from '../base/errors'
import { KeepAlive } from '../base/keep-alive'
import { monotonicNow } from '../base/timers'
import { ManagedRun } from '../run/run'
import type { RunListener } from '../run/settler'
import { RunTransactions } from '../run/transaction'
import type { IJobQueueBackend, Job, JobHandler } from '../types'
import type { Adoption, Driver, DriverOptions, Processor } from './driver'
import { processInline } from './inline-processor'
import { JsProcessor } from './js-processor'
import type { JsProcessorHost } from './js-processor'
import { JsSettler } from './js-settler'
import type { LeaseTerms } from './lease-keeper'
import { Reaper } from './reaper'
import { RunSet } from './run-set'

const POLL_INTERVAL_MS = 5000
/** While wake-ups are pushed the poll is only a safety net. */
const POLL_INTERVAL_WITH_PUSH_MS = 60_000
const LONGEST_SWEEP_INTERVAL_MS = 60_000

/**
 * Drives any backend by nothing but the backend contract and ordinary timers. For the in-memory backends, a user's own, and a
 * `MongoJobQueue` that was decorated or overridden.
 */
export class JsDriver implements Driver, JsProcessorHost {
  readonly runs = new RunSet()
  readonly settler: JsSettler
  readonly transactions: RunTransactions
  readonly report: DriverOptions['report']
  private readonly processors = new Map<string, JsProcessor>()
  private readonly reaper: Reaper
  private unsubscribe: (() => void) | null = null
  private lastRunId = 0
  isQuiescent = false
  private readonly keepAlive = new KeepAlive()

  constructor(
    readonly backend: IJobQueueBackend,
    private readonly options: DriverOptions,
  ) {
    this.report = options.report
    this.settler = new JsSettler(backend, options.report.logger, (type) => this.wake(type, 0))
    this.transactions = new RunTransactions(backend, options.visibilityTimeoutMs)
    this.reaper = new Reaper({
      backend,
      report: options.report,
      visibilityTimeoutMs: options.visibilityTimeoutMs,
    })
  }

  process(processor: Processor): void {
    if (this.backend.executesInline === true) return processInline(processor, this)
    this.keepAlive.hold()
    this.subscribe()
    const started = new JsProcessor(processor, this)
    this.processors.set(processor.type, started)
    if (this.options.autoRecover && canRecover(this.backend)) {
      this.reaper.startJittered(Math.min(LONGEST_SWEEP_INTERVAL_MS, this.options.visibilityTimeoutMs))
    }
    started.wake()
  }

  wake(type: string, delayMs: number): void {
    const processor = this.processors.get(type)
    if (delayMs > 0) processor?.wakeIn(delayMs)
    else processor?.wake()
  }

  async adopt(job: Job<any>, handler: JobHandler<any>): Promise<ManagedRun | null> {
    this.keepAlive.hold()
    try {
      const { ended } = await this.runs.whileExpecting(() => this.startAdopted(job, handler))
      return await ended
    } finally {
      this.keepAlive.release()
    }
  }

  /** The age of a claim made by hand is not known, so its lease is renewed first. */
  private async startAdopted(job: Job<any>, handler: JobHandler<any>): Promise<Adoption> {
    const sentAt = monotonicNow()
    const isOurs = (await heartbeat(this.backend, job)) === 'applied'
    return { ended: isOurs ? this.runAdopted(job, handler, sentAt) : null }
  }

  private runAdopted(job: Job<any>, handler: JobHandler<any>, sentAt: number): Promise<ManagedRun> {
    return new Promise((resolve) => {
      const listener: RunListener = {
        slotFreed() {},
        ended: () => {
          this.settler.forget(run)
          this.runs.remove(run)
          resolve(run)
        },
      }
      const { settler, transactions, report } = this
      const setup = { handler, timeoutMs: null, settler, transactions, listener, report }
      const run = new ManagedRun(this.nextRunId(), job, setup)
      this.runs.add(run)
      // The queue may have been shut down meanwhile.
      if (this.isQuiescent) return run.release()
      this.settler.keepLease(run, this.leaseTerms(null), sentAt)
      run.start()
    })
  }

  /** A backend may be able to push only once it has started. */
  backendStarted(): void {
    if (this.processors.size > 0 && !this.isQuiescent) this.subscribe()
  }

  quiesce(): void {
    this.isQuiescent = true
    this.reaper.stop()
    for (const processor of this.processors.values()) processor.stop()
    try {
      this.unsubscribe?.()
    } catch (err) {
      this.report.logger.warn({ err }, 'unsubscribing from wake-ups failed')
    }
    this.unsubscribe = null
  }

  idle(): Promise<void> {
    return this.runs.idle()
  }

  abort(reason: DurablError): void {
    this.runs.abortAll(reason)
  }

  releaseAll(): void {
    this.runs.releaseAll()
  }

  close(): void {
    this.keepAlive.drop()
    this.settler.forgetAll()
  }

  nextRunId(): number {
    this.lastRunId += 1
    return this.lastRunId
  }

  leaseTerms(heartbeatIntervalMs: number | null): LeaseTerms {
    const { visibilityTimeoutMs } = this.options
    return { visibilityTimeoutMs, heartbeatIntervalMs: heartbeatIntervalMs ?? visibilityTimeoutMs / 4 }
  }

  defaultPollInterval(): number {
    return this.unsubscribe === null ? POLL_INTERVAL_MS : POLL_INTERVAL_WITH_PUSH_MS
  }

  private subscribe(): void {
    if (this.unsubscribe !== null || typeof this.backend.onJobAvailable !== 'function') return
    try {
      const unsubscribe: unknown = this.backend.onJobAvailable((type) => this.jobAvailable(type))
      this.unsubscribe = typeof unsubscribe === 'function' ? (unsubscribe as () => void) : null
    } catch (err) {
      this.report.logger.warn({ err }, 'subscribing to wake-ups failed: polling instead')
    }
  }

  private jobAvailable(type: string): void {
    if (type !== '') return this.processors.get(type)?.wake()
    for (const processor of this.processors.values()) processor.wake()
  }
}
