import { ShutDownError, failureToError } from '../base/errors'
import type { DurablError } from '../base/errors'
import { KeepAlive } from '../base/keep-alive'
import { reasonOf } from '../base/reason'
import { monotonicNow } from '../base/timers'
import type { EngineLink } from '../mongo/engine-link'
import type { NativeEvent } from '../mongo/native/addon'
import { ManagedRun } from '../run/run'
import type { RunSetup } from '../run/setup'
import type { RunListener } from '../run/settler'
import { RunTransactions } from '../run/transaction'
import type { IJobQueueBackend, Job, JobHandler } from '../types'
import type { Adoption, Driver, DriverOptions, Processor } from './driver'
import { EngineProcessor } from './engine-processor'
import { EngineSettler } from './engine-settler'
import { RunSet } from './run-set'
import { splitDocuments } from './split-documents'

/** The jobs of one processor on their way from the engine to the handler. */
interface Line {
  readonly processor: EngineProcessor
  readonly setup: RunSetup
}

/**
 * Drives an unmodified `MongoJobQueue`. The engine claims, renews and writes on its own threads; what is left to do here is
 * to start handlers and to tell how they ended, both in batches.
 */
export class EngineDriver implements Driver {
  private readonly runs = new RunSet()
  private readonly settler: EngineSettler
  private readonly transactions: RunTransactions
  private readonly lines = new Map<number, Line>()
  private readonly keepAlive = new KeepAlive()
  private readonly unsubscribe: () => void
  /** This queue asked for the engine's sweeps; else they are another queue's, and its to report. */
  private recovers = false
  private quiescent = false

  constructor(
    private readonly engine: EngineLink,
    backend: IJobQueueBackend,
    private readonly options: DriverOptions,
  ) {
    this.settler = new EngineSettler(engine.native, backend, this.runs)
    this.transactions = new RunTransactions(backend, options.visibilityTimeoutMs)
    this.unsubscribe = engine.subscribe((event) => this.received(event))
  }

  process(processor: Processor): void {
    const { type, concurrency, handler, timeoutMs } = processor
    const { visibilityTimeoutMs, autoRecover, report } = this.options
    const id = this.engine.native.process({
      type,
      concurrency,
      pollIntervalMs: processor.pollInterval,
      heartbeatIntervalMs: processor.heartbeatIntervalMs,
      visibilityTimeoutMs,
      prefetch: processor.prefetch,
    })
    const { native } = this.engine
    const givesBack = processor.prefetch === null
    const { settler, transactions } = this
    const listener = new EngineProcessor(concurrency, this.runs, settler, native, givesBack)
    this.lines.set(id, {
      processor: listener,
      setup: { handler, timeoutMs, settler, transactions, listener, report },
    })
    this.keepAlive.hold()
    if (!autoRecover) return
    this.recovers = true
    this.engine.native.startRecovery(visibilityTimeoutMs)
  }

  /** The engine saw the job pass. */
  wake(): void {}

  async adopt(job: Job<any>, handler: JobHandler<any>): Promise<ManagedRun | null> {
    this.keepAlive.hold()
    try {
      const { ended } = await this.runs.whileExpecting(() => this.startAdopted(job, handler))
      return await ended
    } finally {
      this.keepAlive.release()
    }
  }

  private async startAdopted(job: Job<any>, handler: JobHandler<any>): Promise<Adoption> {
    const { visibilityTimeoutMs } = this.options
    const { native } = this.engine
    const { value: runId, failure } = await native.adopt(job.id, job.claimToken ?? '', visibilityTimeoutMs)
    if (failure !== null) throw failureToError(failure, null)
    // The answer was on its way for a while, and what was told of the run meanwhile came to nobody.
    const isGone = runId === null || native.goneAmong(Uint32Array.of(runId)).length > 0
    return { ended: isGone ? null : this.runAdopted(runId, job, handler) }
  }

  private runAdopted(runId: number, job: Job<any>, handler: JobHandler<any>): Promise<ManagedRun> {
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
      const run = new ManagedRun(runId, job, {
        handler,
        timeoutMs: null,
        settler,
        transactions,
        listener,
        report: this.options.report,
      })
      this.runs.add(run)
      // The queue may have been shut down meanwhile.
      if (this.quiescent) run.release()
      else run.start()
    })
  }

  backendStarted(): void {}

  quiesce(): void {
    this.quiescent = true
    this.engine.native.quiesce([...this.lines.keys()])
    this.runs.releaseWaiting()
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
    this.unsubscribe()
    const reason = 'the queue shut down before the server had acknowledged how the job ended'
    this.settler.close(new ShutDownError('ERR_DURABL_SHUT_DOWN', reason))
    this.keepAlive.drop()
  }

  private received(event: NativeEvent): void {
    switch (event.kind) {
      case 'jobs':
        return this.jobsClaimed(event.processorId, event.runIds, event.documents)
      case 'settled':
        return this.settler.received(event.completed, event.others)
      case 'lease-lost':
        for (const runId of event.runIds) this.runs.get(runId)?.leaseLost('heartbeat')
        return
      case 'taken-back':
        for (const runId of event.runIds) this.runs.get(runId)?.takenBack()
        return
      case 'recovered':
        if (this.recovers) this.options.report.recovered(event.handled, event.saturated)
        return
      case 'recovery-failed':
        if (this.recovers) this.options.report.recoveryFailed(event.phase, event.message)
        return
      case 'ping':
      case 'wake':
      case 'stream':
      case 'log':
        // The backend's own, if anybody's.
        return
    }
  }

  private jobsClaimed(processorId: number, runIds: Uint32Array, documents: Buffer): void {
    const line = this.lines.get(processorId)
    // Another queue's, on the same backend.
    if (line === undefined) return
    const jobs = this.decode(runIds, documents)
    const gone = this.engine.native.goneAmong(runIds)
    const now = monotonicNow()
    for (let i = 0; i < runIds.length; i += 1) {
      const job = jobs[i]
      if (job == null) continue
      const run = new ManagedRun(runIds[i]!, job, line.setup)
      this.runs.add(run)
      this.options.report.claimed(job)
      if (this.quiescent) run.release()
      // Of one that is gone, the next event tells.
      else if (!gone.includes(run.id)) line.processor.accept(run, now)
    }
    line.processor.startRuns()
  }

  /** All at once, as nearly always can be done; one by one where a document is damaged, so that the others still run. */
  private decode(runIds: Uint32Array, documents: Buffer): (Job<any> | null)[] {
    try {
      return this.engine.decodeJobs(documents, runIds.length)
    } catch {
      return splitDocuments(documents).map((document, i) => this.decodeOne(runIds[i]!, document))
    }
  }

  private decodeOne(runId: number, document: Uint8Array): Job<any> | null {
    try {
      return this.engine.decodeJob(document)
    } catch (err) {
      this.options.report.logger.error({ err }, 'a claimed job could not be decoded: it fails')
      this.settler.refuse(runId, `the job could not be decoded: ${reasonOf(err)}`)
      return null
    }
  }
}
