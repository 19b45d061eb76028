import type { Settled, Verdict } from '../backend/verdict'
import type { Run, Settler } from '../run/settler'
import type { HeartbeatResult } from '../types'
import type { Engine } from '../engine/engine'

/** Settles runs through an engine, and tells it once for each run that its slot is free: with the verdict, or by itself. */
export class EngineSettler implements Settler {
  constructor(private readonly engine: Engine) {}

  /** A handler that has ended, as most have by now, leaves its slot with the verdict; any other one says so later. */
  settle(run: Run, verdict: Verdict, elapsedMs: number | null): void {
    const freesSlot = !run.holdsSlot
    run.told = freesSlot ? 'all' : 'verdict'
    this.engine.settle(run.id, verdict, freesSlot, elapsedMs)
  }

  /** The run holds no slot any more. If its verdict is still to come, that will say so. */
  slotFreed(run: Run): void {
    if (run.told === 'verdict') this.tellFreed(run)
  }

  /** Nothing more comes of the run, and it holds no slot. */
  ended(run: Run): void {
    if (run.told !== 'all') this.tellFreed(run)
  }

  /** The engine does not know the verdict any more. A handler that learns it may give another one. */
  writeFailed(run: Run, error: unknown): void {
    run.told = 'nothing'
    run.writeFailed(error)
  }

  heartbeat(run: Run): Promise<HeartbeatResult> {
    return this.engine.heartbeat(run.id, run.job)
  }

  get keepsLogOrder(): boolean {
    return this.engine.keepsLogOrder
  }

  log(run: Run, message: string): Promise<void> {
    return this.engine.log(run.id, run.job, message)
  }

  progress(run: Run, value: unknown): Promise<void> {
    return this.engine.progress(run.id, run.job, value)
  }

  suspend(run: Run, leaseMs: number): Promise<HeartbeatResult> {
    return this.engine.suspend(run.id, run.job, leaseMs)
  }

  resume(run: Run): Promise<Settled | null> {
    return this.engine.resume(run.id, run.job)
  }

  completed(run: Run): void {
    this.engine.completed(run.id)
  }

  private tellFreed(run: Run): void {
    run.told = 'all'
    this.engine.freeSlot(run.id, run.ranMs)
  }
}
