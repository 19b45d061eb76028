/** Links of a step machine with its surroundings. */
import type { AppendStepResult, StepRecord } from '../types'

/** The part of its surroundings that a machine uses. */
export interface MachineHost {
  append(record: StepRecord): Promise<AppendStepResult>
  /** The lease turned out to be lost. */
  leaseLost(): void
  /** Milliseconds since the epoch. */
  now(): number
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
 */
export type Outcome =
  | { readonly kind: 'returned'; readonly isLost: boolean }
  | { readonly kind: 'threw'; readonly error: unknown }
  | { readonly kind: 'cut-off' | 'stopped' }

/** The place of a step. */
export interface Place {
  /** Empty outside of branches. */
  readonly path: string
  readonly seq: number
}
