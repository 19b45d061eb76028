import type { DurablError } from '../base/errors'
import { KeepAlive } from '../base/keep-alive'
import { monotonicNow } from '../base/timers'
import type { Reporter } from '../run/report'
import { lateCompletion } from '../run/late-completion'
import { ManagedRun } from '../run/run'
import type { RunHandler, RunSetup } from '../run/setup'
import type { RunListener } from '../run/settler'
import type { SafeTelemetry } from '../run/telemetry'
import { RunTransactions } from '../run/transaction'
import { jobOfHandle } from '../backend/handle'
import type { IJobQueueBackend, Job, JobHandle, LeaseOperation, RecoveredJob } from '../types'
import type { Settled } from '../backend/verdict'
import type { Engine, EngineEvents } from '../engine/engine'
import type { Processor } from '../validate'
import { ProcessorSlots } from './processor'
import { RunSet } from './run-set'
import { EngineSettler } from './settler'

/** Inputs of a driver, from its queue. */
export interface DriverOptions {
  readonly visibilityTimeoutMs: number
  readonly autoRecover: boolean
  readonly report: Reporter
  /** Null if runs are not followed. */
  readonly telemetry: SafeTelemetry | null
}

/** A claim made by hand, once it is known if it holds. */
interface Adoption {
  /** Resolves when its run is over; null if the lease was lost, and there is no run. */
  readonly ended: Promise<ManagedRun> | null
}

/** A processor of the driver's. */
export interface DriverProcessor {
  readonly type: string
  /** Stops the claims. Resolves when the last run has ended; may be called once. */
  stop(): Promise<void>
  setConcurrency(concurrency: number): void
}

/** The jobs of one processor on their way from the engine to the handler. */
interface Line {
  readonly slots: ProcessorSlots
  readonly setup: RunSetup
}

/**
 * Runs the handlers of one queue. An {@link Engine} claims the jobs, keeps their leases and writes their ends. The driver starts handlers, and
 * tells the engine how they ended.
 *
 * The calls come in the order of a queue's life: `process` and `adopt` while it is open. When it shuts down, `quiesce`, `abort`, `releaseAll`
 * and `close` follow, each of which may be repeated.
 */
export class Driver implements EngineEvents {
  private readonly engine: Engine
  private readonly runs = new RunSet()
  private readonly settler: EngineSettler
  private readonly transactions: RunTransactions
  private readonly lines = new Map<number, Line>()
  private readonly keepAlive = new KeepAlive()
  private isQuiescent = false
  private other: Driver | null = null

  constructor(
    createEngine: (events: EngineEvents) => Engine,
    backend: IJobQueueBackend,
    private readonly options: DriverOptions,
    /** Makes a driver for handles that the engine can't adopt; null if it adopts any. */
    private readonly createOther: (() => Driver) | null = null,
  ) {
    this.engine = createEngine(this)
    this.settler = new EngineSettler(this.engine)
    this.transactions = new RunTransactions(backend, options.visibilityTimeoutMs)
  }

  /** Starts to claim and run jobs of a type. At most one at a time for each type. */
  process(processor: Processor): DriverProcessor {
    const { handler, timeoutMs, retryDelay, prefetch, results } = processor
    const keepsResults = results === 'keep'
    const { engine, settler, transactions, runs } = this
    const { autoRecover, report, telemetry } = this.options
    const concurrency = engine.runsInline ? Infinity : processor.concurrency
    const slots = new ProcessorSlots(concurrency, runs, settler, engine, prefetch === null)
    const id = engine.process(processor)
    const listener = engine.runsInline ? this.inline(slots) : slots
    this.lines.set(id, {
      slots,
      setup: {
        ...{ handler, timeoutMs, retryDelay, keepsResults, settler, transactions, report, telemetry },
        listener,
      },
    })
    if (!engine.runsInline) {
      this.keepAlive.hold()
      if (autoRecover) engine.recover()
    }
    return {
      type: processor.type,
      stop: () => this.stopProcessor(id, slots),
      setConcurrency: (concurrency) => {
        if (!engine.runsInline) slots.setConcurrency(concurrency)
        engine.setConcurrency(id, concurrency)
      },
    }
  }

  /** A shutdown that has begun takes care of this. */
  private async stopProcessor(id: number, slots: ProcessorSlots): Promise<void> {
    const coming = this.engine.stopProcessor(id)
    slots.stop()
    await coming
    // Its line stays: jobs still on their way from the engine are given back.
    await slots.idle()
    if (!this.engine.runsInline) this.keepAlive.release()
  }

  /** The engine passes a failure on to the call that waits for the run. */
  private inline(slots: ProcessorSlots): RunListener {
    return {
      slotFreed: (run) => {
        if (run.failed !== null) this.engine.failed(run.id, run.failed)
        slots.slotFreed(run)
      },
      ended: (run) => slots.ended(run),
    }
  }

  /** A job of this type, or of one that is not known, is due in `delayMs`, by a call that was made here. */
  wake(type: string | null, delayMs: number): void {
    this.engine.wake(type, delayMs)
  }

  /** Runs a job that was claimed by hand. Resolves with the run when it is over; null if its lease turned out to be lost. */
  async adopt(
    handle: JobHandle<any>,
    handler: RunHandler,
    keepsResults: boolean,
  ): Promise<ManagedRun | null> {
    if (!this.engine.canAdopt(handle) && this.createOther !== null) {
      this.other ??= this.createOther()
      return this.other.adopt(handle, handler, keepsResults)
    }
    this.keepAlive.hold()
    try {
      const { ended } = await this.runs.whileExpecting(() => this.startAdopted(handle, handler, keepsResults))
      return await ended
    } finally {
      this.keepAlive.release()
    }
  }

  /** A job was asked to be cancelled by a call of this queue. */
  jobCancelled(jobId: string, reason: string | null): void {
    this.engine.cancelRequested(jobId, reason)
    this.other?.jobCancelled(jobId, reason)
  }

  /** Waits, when the queue shuts down, for a claim that its owner is about to be given. */
  whileClaiming<T>(claim: () => Promise<T>): Promise<T> {
    return this.runs.whileExpecting(claim)
  }

  private async startAdopted(
    handle: JobHandle<any>,
    handler: RunHandler,
    keepsResults: boolean,
  ): Promise<Adoption> {
    const job = jobOfHandle(handle)
    const runId = await this.engine.adopt(handle, job)
    return { ended: runId === null ? null : this.runAdopted(runId, job, handler, keepsResults) }
  }

  private runAdopted(
    runId: number,
    job: Job<any>,
    handler: RunHandler,
    keepsResults: boolean,
  ): Promise<ManagedRun> {
    return new Promise((resolve) => {
      const { settler, transactions } = this
      const listener: RunListener = {
        slotFreed: () => settler.slotFreed(run),
        ended: () => {
          settler.ended(run)
          this.runs.remove(run)
          resolve(run)
        },
      }
      const { report, telemetry } = this.options
      const run = new ManagedRun(runId, job, {
        handler,
        timeoutMs: null,
        retryDelay: null,
        keepsResults,
        settler,
        transactions,
        listener,
        report,
        telemetry,
      })
      this.runs.add(run)
      // The answer was on its way for a while. An event of the run that came meanwhile found no run, and the queue may have been
      // shut down.
      if (this.engine.goneAmong(Uint32Array.of(runId)).length > 0) run.leaseLost('heartbeat')
      else if (this.isQuiescent) run.release()
      else run.start()
    })
  }

  /** The backend has started: calls that need a started backend can begin. */
  backendStarted(): void {
    if (!this.isQuiescent) this.engine.backendStarted()
  }

  /** Stops claiming. Gives back the jobs that were claimed but not started. */
  quiesce(): void {
    this.isQuiescent = true
    const coming = this.engine.quiesce()
    if (coming !== null) void this.runs.whileExpecting(() => coming)
    this.runs.releaseWaiting()
    this.other?.quiesce()
  }

  /** Resolves when no run is left. */
  async idle(): Promise<void> {
    await this.runs.idle()
    await this.other?.idle()
  }

  /** Tells all handlers to stop. */
  abort(reason: DurablError): void {
    this.runs.abortAll(reason)
    this.other?.abort(reason)
  }

  /** Takes the jobs of all handlers that are still at work and gives them back. */
  releaseAll(): void {
    this.runs.releaseAll()
    this.other?.releaseAll()
  }

  /** Ends the driver: it does not hold the process from now on. */
  close(): void {
    this.other?.close()
    this.engine.close()
    this.keepAlive.drop()
  }

  claimed(processorId: number, runIds: Uint32Array, jobs: readonly (Job<any> | null)[]): void {
    const line = this.lines.get(processorId)
    // Another queue's, on the same backend.
    if (line === undefined) return
    const gone = Array.from(this.engine.goneAmong(runIds))
    const now = monotonicNow()
    for (const [i, job] of jobs.entries()) {
      if (job === null) continue
      const run = new ManagedRun(runIds[i]!, job, line.setup)
      this.runs.add(run)
      line.slots.expect(run)
      this.options.report.claimed(job)
      if (this.isQuiescent || line.slots.takesNone) run.release()
      // The next event ends a run whose lease is lost.
      else if (!gone.includes(run.id)) line.slots.accept(run, now)
    }
    line.slots.startRuns()
  }

  settled(runId: number, found: Settled | null): void {
    const run = this.runs.get(runId)
    if (run === undefined) return
    if (found === null) return run.leftToExpire()
    const late = lateCompletion(run.job, found)
    if (late === null) return run.settled(found)
    void late.then((result) => run.settled(result))
  }

  writeFailed(runId: number, error: unknown): void {
    const run = this.runs.get(runId)
    if (run !== undefined) this.settler.writeFailed(run, error)
  }

  leaseLost(runId: number, op: LeaseOperation): void {
    this.runs.get(runId)?.leaseLost(op)
  }

  cancelRequested(runId: number, reason: string | null): void {
    this.runs.get(runId)?.cancelRequested(reason)
  }

  takenBack(runId: number): void {
    this.runs.get(runId)?.takenBack()
  }

  paused(type: string): void {
    this.runs.releaseWaiting(type)
  }

  recovered(handled: number, saturated: boolean, jobs?: readonly RecoveredJob[]): void {
    this.options.report.recovered(handled, saturated, jobs)
  }

  recoveryFailed(phase: 'startup' | 'periodic', message: string): void {
    this.options.report.recoveryFailed(phase, message)
  }

  closed(reason: Error): void {
    for (const run of this.runs.all()) run.writeFailed(reason)
  }
}
