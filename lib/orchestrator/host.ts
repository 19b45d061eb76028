/** Links of a step machine with its surroundings. */
import type { ClientSession, TransactionOptions } from 'mongodb'
import type { Cancel } from '../base/timers'
import type { AppendStepResult, StepRecord } from '../types'

/** A step that works in a transaction. */
export interface TransactionStep {
  readonly place: Place
  readonly options: TransactionOptions | undefined
  work(session: ClientSession): unknown
  /** The record of the last result of {@link work}. */
  record(): StepRecord
}

/** The part of its surroundings that a machine uses. */
export interface MachineHost {
  append(record: StepRecord): Promise<AppendStepResult>
  /** The lease turned out to be lost. */
  leaseLost(): void
  /** Milliseconds since the epoch. */
  now(): number
  /** As `now`, but never sooner than the clock that decides when a job is due. */
  present(): Promise<number>
  /** Calls a function at a moment of that clock, if the attempt still lasts then. */
  at(momentMs: number, callback: () => void): Cancel
  /** Waits of this length park the job, and shorter ones are waited for in place, in milliseconds. */
  readonly parksFromMs: number
  /** Runs a function in a transaction and records its result in it. Resolves to the record that was there before; null if it was made. */
  transact(step: TransactionStep): Promise<StepRecord | null>
  /** The reason that this job may not sleep; null if it may. */
  readonly sleepRefusal: Error | null
  /** A step is about to be recorded, the first of this attempt. */
  firstRecord(): void
  /** A step was called while another one was running that began earlier: the sign of branches which race for places. */
  racing(running: string, called: string): void
}

/**
 * - `returned`: its end, with all steps recorded; `isLost` if the lease was lost after the last one.
 * - `threw`: the attempt fails.
 * - `cut-off`: the lease was lost before its end.
 * - `stopped`: the shutdown has begun, and no step is running.
 * - `parked`: it sleeps, and goes on in another attempt.
 */
export type Outcome =
  | { readonly kind: 'returned'; readonly isLost: boolean }
  | { readonly kind: 'threw'; readonly error: unknown }
  | { readonly kind: 'cut-off' | 'stopped' }
  | { readonly kind: 'parked'; readonly untilMs: number }

/** The place of a step. */
export interface Place {
  /** Empty outside of branches. */
  readonly path: string
  readonly seq: number
}
