import { canCancel, hasOutstanding, startUp, statsOf } from '../backend/calls'
import * as checkedBackend from '../backend/checked'
import { HandleCalls, handleOf, jobOfHandle } from '../backend/handle'
import { isolated, isolatedListener } from '../base/app-code'
import { DurablError } from '../base/errors'
import { shownAs } from '../base/print'
import { nested } from '../base/nesting'
import { fromCaller } from '../base/stack'
import { monotonicNow } from '../base/timers'
import { Reaper } from '../engine/reaper'
import type { RunHandler } from '../run/setup'
import type {
  EnqueueOptions,
  IJobQueueBackend,
  JobHandle,
  JobHandler,
  JobQueueOptions,
  Logger,
  Processor,
  ProcessorConfig,
  QueueStats,
  ReaperStartResult,
  RunClaimedOptions,
  SignalHandlerOptions,
} from '../types'
import {
  checkDedupeKey,
  checkOptionalType,
  checkReaperInterval,
  checkShutdownTimeout,
  checkType,
  normalizeClaimOrEnqueue,
  normalizeProcessor,
  normalizeRunClaimed,
  normalizeSignalOptions,
} from '../validate'
import type { NewJob } from '../validate'
import { beginDraining } from './draining'
import { Grace } from './grace'
import { callOf, followedHandler, idsOfOne, traced, tracedOptions } from './following'
import { createJobHandle } from './job-handle'
import { JournalQueue } from './journal-queue'
import { Processing } from './processing'
import { shutDownError } from './queue-base'
import { runClaimed } from './run-claimed'
import { Share } from './sharing'
import { shutDown } from './shutdown'
import { onSignals } from './signals'

/** The queue as an app sees it; documented in the public types. It checks arguments, keeps the state and delegates. */
export class JobQueue extends JournalQueue {
  private readonly reaper: Reaper
  private readonly types = new Set<string>()
  private shutdownPromise: Promise<void> | null = null
  private grace: Grace | null = null
  private readonly share: Share

  constructor(backend: IJobQueueBackend, logger?: Logger, options?: JobQueueOptions) {
    super(backend, logger, options)
    this.share = new Share(this.backend)
    const { report, visibilityTimeoutMs } = this
    this.reaper = new Reaper({ backend: this.backend, report, visibilityTimeoutMs })
  }

  get draining(): Promise<void> | null {
    return this.shutdownPromise
  }

  async claimOrEnqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<JobHandle<T> | null> {
    this.assertOpen()
    const merged = this.withDefaults(type, options)
    const job = normalizeClaimOrEnqueue(type, merged)
    // A shutdown waits for a claim that is on its way.
    return this.driver.whileClaiming(() => this.claim(job, data, merged))
  }

  private async claim<T>(job: NewJob, data: T, options?: EnqueueOptions): Promise<JobHandle<T> | null> {
    const { backend, report, driver, telemetry } = this
    const sentAt = monotonicNow()
    const claimed = await (telemetry === null
      ? checkedBackend.claimOrEnqueue(backend, job, data, options)
      : telemetry.making(
          callOf('claimOrEnqueue', [job]),
          null,
          (trace) =>
            checkedBackend.claimOrEnqueue(backend, traced(job, trace), data, tracedOptions(options, trace)),
          (made) => idsOfOne(made?.id),
        ))
    const { type } = job
    if (claimed == null) {
      report.change?.({ kind: 'deduplicated', type, jobId: null })
      return null
    }
    report.change?.({ kind: 'enqueued', type, jobId: claimed.id })
    const handle = handleOf(backend, claimed, sentAt)
    if (this.state !== 'open') {
      await this.giveBack(handle)
      throw shutDownError()
    }
    report.claimed(handle)
    const assertUsable = () => this.assertNotClosed()
    const wake = (claimedType: string) => driver.wake(claimedType, 0)
    return createJobHandle(handle, { backend, report, sentAt, assertUsable, wake })
  }

  /** Gives back a claim that was answered only after the shutdown had begun. */
  private async giveBack(handle: JobHandle<any>): Promise<void> {
    const job = jobOfHandle(handle)
    try {
      await new HandleCalls(this.backend, handle, job).giveBack()
    } catch (err) {
      const { type, id: jobId } = job
      this.logger.warn({ type, jobId, err }, 'a job claimed during the shutdown could not be given back')
    }
  }

  async runClaimed<T>(
    handle: JobHandle<T>,
    handler: JobHandler<T>,
    options?: RunClaimedOptions,
  ): Promise<void> {
    this.assertOpen()
    const settings = normalizeRunClaimed(handle, handler, options)
    const { driver, backend, report } = this
    const { keepsResults } = settings
    if (keepsResults && !canCancel(backend)) throw keepsNoResults('runClaimed')
    const parts = { driver, backend, report, keepsResults, isOpen: () => this.state === 'open' }
    const run = isolated(this.followed(settings.handler))
    await this.share.during(() => runClaimed(parts, settings.handle, run, settings.maxDrains))
  }

  process<T>(type: string, handler: JobHandler<T>, config?: ProcessorConfig): Processor {
    this.assertOpen()
    const { handler: checked, ...rest } = normalizeProcessor(
      type,
      handler,
      config,
      this.settings.visibilityTimeoutMs,
    )
    const isInline = this.backend.executesInline === true
    const processor = { ...rest, handler: isolated(this.followed(isInline ? nested(checked) : checked)) }
    if (this.types.has(type)) {
      throw fromCaller(
        new DurablError(
          'ERR_DURABL_DUPLICATE_PROCESSOR',
          `process: this queue already has a processor for type ${JSON.stringify(type)}: ` +
            `to run more jobs of it at once, raise its "concurrency"`,
        ),
      )
    }
    if (processor.results === 'keep' && !canCancel(this.backend)) throw keepsNoResults('process')
    const processing = new Processing(this.driver.process(processor), () => {
      this.types.delete(type)
      if (this.types.size === 0) this.share.end('processors')
    })
    this.types.add(type)
    this.share.begin('processors')
    return processing
  }

  private followed(handler: JobHandler<any>): RunHandler {
    return this.telemetry === null ? handler : followedHandler(handler)
  }

  async hasOutstanding(type: string, dedupeKey: string): Promise<boolean> {
    this.assertNotClosed()
    return hasOutstanding(
      this.backend,
      checkType('hasOutstanding', type),
      checkDedupeKey('hasOutstanding', dedupeKey),
    )
  }

  async getStats(type?: string): Promise<QueueStats> {
    this.assertNotClosed()
    return statsOf(this.backend, checkOptionalType('getStats', type))
  }

  async startup(): Promise<void> {
    this.assertOpen()
    await startUp(this.backend)
    this.driver.backendStarted()
  }

  /** Not `async`: calls during the first sweep are given the same promise. */
  startReaper(intervalMs?: number): Promise<ReaperStartResult> {
    try {
      this.assertOpen()
      const started = this.reaper.start(checkReaperInterval(intervalMs))
      this.share.begin('reaper')
      return started
    } catch (error) {
      return rejected(error)
    }
  }

  stopReaper(): void {
    this.reaper.stop()
    this.share.end('reaper')
  }

  async shutdown(timeoutMs?: number): Promise<void> {
    const checked = checkShutdownTimeout('shutdown', timeoutMs)
    this.grace?.shorten(checked)
    this.shutdownPromise ??= this.windDown((this.grace = new Grace(checked)))
    return this.shutdownPromise
  }

  installSignalHandlers(options?: SignalHandlerOptions): () => void {
    this.assertOpen()
    const { signals, timeoutMs, onDrained } = normalizeSignalOptions(options)
    const failed = (err: unknown) => this.logger.error({ err }, 'onDrained failed')
    const drained = isolatedListener(onDrained ?? (() => {}), failed)
    return onSignals(signals, this.logger, () => this.shutdown(timeoutMs), drained)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown()
  }

  static {
    shownAs(this, ({ backend, types, state }) => ({ backend, processors: [...types], state }))
  }

  private async windDown(grace: Grace): Promise<void> {
    this.state = 'draining'
    beginDraining(this)
    this.reaper.stop()
    const { driver, backend, logger, share } = this
    await shutDown({ driver, backend, logger, leave: () => share.leave() }, grace)
    this.state = 'closed'
    this.endWaiting()
  }
}

async function rejected(error: unknown): Promise<never> {
  throw error
}

/** Details of settlements are for backends that can cancel: another would drop each result in silence. */
function keepsNoResults(where: string): DurablError {
  const message = `${where}: option "results" cannot be "keep": this backend has no cancel(), so it receives no results`
  return fromCaller(new DurablError('ERR_DURABL_UNSUPPORTED', message))
}
