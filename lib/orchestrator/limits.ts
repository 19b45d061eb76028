import { afterLong } from '../base/long-timer'
import { DeadlineExceeded, MaxDurationExceeded } from '../base/orchestration-errors'
import type { Bootstrap } from '../journal/bootstrap'

/** Limits of an attempt, in milliseconds; null for none. */
export interface MachineLimits {
  readonly maxDurationMs: number | null
  readonly deadlineMs: number | null
}

/**
 * Starts the limits of an attempt. Returns the function that ends them.
 *
 * @param end called with the error of the one that has passed
 */
export function startLimits(
  { maxDurationMs, deadlineMs }: MachineLimits,
  machine: { started(): Bootstrap },
  clock: { now(): number },
  end: (error: Error) => void,
): () => void {
  const cancels: (() => void)[] = []
  if (maxDurationMs !== null)
    cancels.push(afterLong(maxDurationMs, () => end(new MaxDurationExceeded(maxDurationMs))))
  if (deadlineMs !== null) {
    // From the first attempt on: its time is that of the journal.
    const left = machine.started().startedAt + deadlineMs - clock.now()
    cancels.push(afterLong(Math.max(0, left), () => end(new DeadlineExceeded(deadlineMs))))
  }
  return () => cancels.forEach((cancel) => cancel())
}
