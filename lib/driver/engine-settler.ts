import { heartbeat, writeLog } from '../backend/calls'
import type { Settled, Verdict } from '../backend/verdict'
import { ShutDownError, failureToError } from '../base/errors'
import type { DurablError } from '../base/errors'
import type { NativeEngine, NativeRunResult, NativeSettled } from '../mongo/native/addon'
import type { Run, Settler } from '../run/settler'
import type { HeartbeatResult, IJobQueueBackend } from '../types'
import type { RunSet } from './run-set'
import { VerdictBatch } from './verdict-batch'
import type { Verdicts } from './verdict-batch'

/** Settles runs through the engine, which writes their verdicts together and keeps their leases. */
export class EngineSettler implements Settler {
  private readonly batch = new VerdictBatch((verdicts) => this.finish(verdicts))
  /** Why no answers come any more. */
  private closed: DurablError | null = null

  constructor(
    private readonly native: Pick<NativeEngine, 'finish' | 'suspend' | 'resume' | 'completed'>,
    private readonly backend: IJobQueueBackend,
    private readonly runs: RunSet,
  ) {}

  /** A handler that has ended, as most have by now, leaves its slot with the verdict; any other one says so later. */
  settle(run: Run, verdict: Verdict, elapsedMs: number | null): void {
    if (this.closed !== null) return run.writeFailed(this.closed)
    const freesSlot = !run.holdsSlot
    run.told = freesSlot ? 'all' : 'verdict'
    this.batch.add({ runId: run.id, kind: verdict.kind, reason: verdict.reason, freesSlot, elapsedMs })
  }

  /** Fails a claim that never became a run. */
  refuse(runId: number, reason: string): void {
    this.batch.add({ runId, kind: 'fail', reason, freesSlot: true, elapsedMs: null })
  }

  /** The run holds no slot any more. If its verdict is still to come, that will say so. */
  slotFreed(run: Run): void {
    if (run.told === 'verdict') this.tellFreed(run)
  }

  /** Nothing more comes of the run, and it holds no slot. */
  ended(run: Run): void {
    if (run.told !== 'all') this.tellFreed(run)
  }

  heartbeat(run: Run): Promise<HeartbeatResult> {
    return heartbeat(this.backend, run.job)
  }

  log(run: Run, message: string): Promise<void> {
    return writeLog(this.backend, run.job, message)
  }

  async suspend(run: Run, leaseMs: number): Promise<HeartbeatResult> {
    const { value, failure } = await this.native.suspend(run.id, leaseMs)
    if (failure !== null) throw failureToError(failure, null)
    return value ? 'applied' : 'lease-lost'
  }

  async resume(run: Run): Promise<Settled | null> {
    const { id, claimToken } = run.job
    const { value, failure } = await this.native.resume(run.id, id, claimToken ?? '')
    if (failure !== null) throw failureToError(failure, null)
    return value === null ? null : settlementOf(value)
  }

  completed(run: Run): void {
    this.native.completed(run.id)
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
        failed(run, failure === null ? new Error('the engine gave no result') : failureToError(failure, null))
    }
  }

  private tellFreed(run: Run): void {
    run.told = 'all'
    if (this.closed === null) this.batch.addFreed({ runId: run.id, elapsedMs: run.ranMs })
  }

  private finish(verdicts: Verdicts): void {
    const { completed, elapsedMs, others, freed } = verdicts
    let reason: unknown = new ShutDownError(
      'ERR_DURABL_SHUT_DOWN',
      'the backend was shut down before the job had ended',
    )
    try {
      if (this.native.finish(new Uint32Array(completed), new Float64Array(elapsedMs), others, freed)) return
    } catch (err) {
      reason = err
    }
    for (const runId of verdicts.runIds) {
      const run = this.runs.get(runId)
      if (run !== undefined) failed(run, reason)
    }
  }
}

/** The verdict is not known to the engine any more. A handler that hears of it may give another one. */
function failed(run: Run, err: unknown): void {
  run.told = 'nothing'
  run.writeFailed(err)
}

function settlementOf(settled: NativeSettled): Settled {
  const { status, terminalStatus } = settled
  if (status !== 'already-terminal') return { status }
  // The engine sets it exactly with this status.
  return { status, terminalStatus: terminalStatus ?? 'completed' }
}
