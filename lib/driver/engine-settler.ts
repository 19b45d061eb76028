import { heartbeat, heldOrReadBack, settle, writeLog } from '../backend-calls'
import { failureToError } from '../errors'
import type { DurablError } from '../errors'
import type { ManagedRun } from '../managed-run'
import type { Settler } from '../run-plan'
import type { Settlement, Verdict } from '../outcome'
import type { HeartbeatResult, IJobQueueBackend } from '../types'
import type { NativeEngine, NativeRunResult, NativeSettled } from '../mongo/native'
import type { RunSet } from './run-set'
import { VerdictBatch } from './verdict-batch'
import type { Verdicts } from './verdict-batch'

/** Settles runs through the engine, which writes their verdicts together and keeps their leases. */
export class EngineSettler implements Settler {
  private readonly batch = new VerdictBatch((verdicts) => this.finish(verdicts))
  /** Runs that the engine has ended although their verdict could not be written. What follows goes by job and token. */
  private readonly endedByEngine = new WeakSet<ManagedRun>()
  /** Why no answers come any more. */
  private closed: DurablError | null = null

  constructor(
    private readonly native: Pick<NativeEngine, 'finish' | 'suspend' | 'resume' | 'completed'>,
    private readonly backend: IJobQueueBackend,
    private readonly runs: RunSet,
  ) {}

  settle(run: ManagedRun, verdict: Verdict, elapsedMs: number | null): void {
    if (this.closed !== null) run.writeFailed(this.closed)
    else if (this.endedByEngine.has(run)) this.settleByToken(run, verdict)
    else this.batch.add({ runId: run.id, kind: verdict.kind, reason: verdict.reason, elapsedMs })
  }

  /** Fails a claim that never became a run. */
  refuse(runId: number, reason: string): void {
    this.batch.add({ runId, kind: 'fail', reason, elapsedMs: null })
  }

  heartbeat(run: ManagedRun): Promise<HeartbeatResult> {
    return heartbeat(this.backend, run.job)
  }

  log(run: ManagedRun, message: string): Promise<void> {
    return writeLog(this.backend, run.job, message)
  }

  async suspend(run: ManagedRun, leaseMs: number): Promise<HeartbeatResult> {
    if (this.endedByEngine.has(run)) return this.heartbeat(run)
    const { value, failure } = await this.native.suspend(run.id, leaseMs)
    if (failure !== null) throw failureToError(failure, null)
    return value ? 'applied' : 'lease-lost'
  }

  async resume(run: ManagedRun): Promise<Settlement | null> {
    if (this.endedByEngine.has(run)) return heldOrReadBack(this.backend, run.job, () => this.heartbeat(run))
    const { id, claimToken } = run.job
    const { value, failure } = await this.native.resume(run.id, id, claimToken ?? '')
    if (failure !== null) throw failureToError(failure, null)
    return value === null ? null : settlementOf(value)
  }

  completed(run: ManagedRun, elapsedMs: number): void {
    this.native.completed(run.id, elapsedMs)
  }

  /** No answer comes any more: whoever still waits for one is told so, instead of waiting for ever. */
  close(reason: DurablError): void {
    this.closed = reason
    for (const run of this.runs.all()) run.writeFailed(reason)
  }

  /** The engine's answers to a batch: runs whose jobs are completed, and the others. */
  received(completed: Uint32Array, others: NativeRunResult[]): void {
    for (const runId of completed) this.runs.get(runId)?.settled({ status: 'completed' })
    for (const { runId, settled, failure } of others) {
      const run = this.runs.get(runId)
      if (run === undefined) continue
      if (settled !== null) run.settled(settlementOf(settled))
      else
        this.failed(
          run,
          failure === null ? new Error('the engine gave no result') : failureToError(failure, null),
        )
    }
  }

  private finish(verdicts: Verdicts): void {
    try {
      const { completed, elapsedMs, others } = verdicts
      this.native.finish(new Uint32Array(completed), new Float64Array(elapsedMs), others)
    } catch (err) {
      for (const runId of verdicts.runIds) {
        const run = this.runs.get(runId)
        if (run !== undefined) this.failed(run, err)
      }
    }
  }

  private failed(run: ManagedRun, err: unknown): void {
    this.endedByEngine.add(run)
    run.writeFailed(err)
  }

  private settleByToken(run: ManagedRun, verdict: Verdict): void {
    settle(this.backend, run.job, verdict).then(
      (found) => run.settled(found),
      (err: unknown) => run.writeFailed(err),
    )
  }
}

function settlementOf(settled: NativeSettled): Settlement {
  const { status, terminalStatus } = settled
  if (status !== 'already-terminal') return { status }
  // The engine sets it exactly with this status.
  return { status, terminalStatus: terminalStatus ?? 'completed' }
}
