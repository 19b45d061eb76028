/** The contract between a run and the driver that started it: the writes that the run asks for, and its reports. */
import type { Settled, Verdict } from '../backend/verdict'
import type { HeartbeatResult, Job, LeaseOperation } from '../types'

/** A run, as its settler and its listener see it. */
export interface Run {
  /** The driver's number for this run. */
  readonly id: number
  readonly job: Job<any>
  /** A note of the driver: the part of this run's end that was passed on. */
  told: 'nothing' | 'verdict' | 'all'
  /** A handler is at work, and waited for. */
  readonly holdsSlot: boolean
  /** Time since the handler was started; null if it never was. */
  readonly ranMs: number | null
  /** The failure of a run that is over; null if it did not fail. */
  readonly failed: { readonly error: unknown } | null
  /** The verdict was written, with this result. */
  settled(found: Settled): void
  /** The verdict could not be written. */
  writeFailed(error: unknown): void
  /** The verdict is a release, and the backend has none: the lease expires by itself. */
  leftToExpire(): void
  /** The lease is another worker's now. */
  leaseLost(op: LeaseOperation): void
}

/** Writes the verdict of a run, and keeps its lease. */
export interface Settler {
  /**
   * Writes a verdict. Calls the run's `settled` once it is durable, `writeFailed` once it is known to have failed, or `leftToExpire` if nothing
   * can be written. Never throws.
   *
   * @param elapsedMs the time that the handler took; null if it never started
   */
  settle(run: Run, verdict: Verdict, elapsedMs: number | null): void
  heartbeat(run: Run): Promise<HeartbeatResult>
  log(run: Run, message: string): Promise<void>
  progress(run: Run, value: unknown): Promise<void>
  /** True if lines keep their order although none waits for the one before it. */
  readonly keepsLogOrder: boolean
  /** Makes the lease as long as `leaseMs`, or as long as it gets, and leaves it alone: a transaction begins. */
  suspend(run: Run, leaseMs: number): Promise<HeartbeatResult>
  /** The transaction is over, and not known to have committed. Null: it has not, and the lease is kept as before. */
  resume(run: Run): Promise<Settled | null>
  /** The transaction has committed. */
  completed(run: Run): void
}

/** The part that started a run, and waits for its slot and its end. */
export interface RunListener {
  /** The run takes no slot any more: its handler has ended, or is no longer waited for. Called once per started run. */
  slotFreed(run: Run): void
  /** Nothing more comes of the run. Called once, after `slotFreed`. */
  ended(run: Run): void
}
