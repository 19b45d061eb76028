/** What a run is given by whoever starts it. */
import type { Verdict } from '../backend/verdict'
import type { HeartbeatResult, JobHandler } from '../types'
import type { Reporter } from './report'
import type { ManagedRun } from './run'
import type { LeaseSuspension, RunTransactions } from './transaction'

/** Writes what a run decides. The drivers differ in this, and in nothing else that a handler could notice. */
export interface Settler extends LeaseSuspension<ManagedRun> {
  /**
   * Writes a verdict, and calls the run's `settled` or `writeFailed` once it is durable or known to have failed (or
   * `leftToExpire`, where nothing can be written). Never throws.
   *
   * @param elapsedMs how long the handler took; null if it never started
   */
  settle(run: ManagedRun, verdict: Verdict, elapsedMs: number | null): void
  heartbeat(run: ManagedRun): Promise<HeartbeatResult>
  log(run: ManagedRun, message: string): Promise<void>
}

/** Who started a run, and waits for its slot and its end. */
export interface RunOwner {
  /** The run takes no slot any more: its handler has ended, or is no longer waited for. Told once per started run. */
  slotFreed(run: ManagedRun): void
  /** Nothing more will come of the run. Told once, after `slotFreed`. */
  ended(run: ManagedRun): void
}

/** What the runs of one processor have in common. */
export interface RunPlan {
  readonly handler: JobHandler<any>
  /** Null for no limit. */
  readonly timeoutMs: number | null
  readonly settler: Settler
  readonly transactions: RunTransactions
  readonly owner: RunOwner
  readonly report: Reporter
}
