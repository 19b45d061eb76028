import type { Backoff } from '../types'

/** How long a failed job waits before its next attempt. All times in milliseconds. */
export interface RetryPolicy {
  readonly backoff: Backoff
  /** The shortest wait. */
  readonly delayMs: number
  /** The longest wait; no effect below `delayMs`. */
  readonly maxDelayMs: number
}

/** What holds where a job names no policy of its own. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = { backoff: 'exponential', delayMs: 1000, maxDelayMs: 60_000 }

/** A fixed wait is stretched by at most this part of itself, so that jobs that failed together do not return together. */
const FIXED_SPREAD = 10

/** Doubling any whole wait this often passes every cap; more would only overflow. */
const MOST_DOUBLINGS = 64

/**
 * The wait after a failed attempt, in whole milliseconds: never below `delayMs`, spread from the first retry on.
 *
 * `engine/vectors/retry.json` holds examples that the engine is tested against as well.
 *
 * @param attempt which attempt failed; 1 for the first
 * @param random between 0 (inclusive) and 1 (exclusive)
 */
export function retryDelay(policy: RetryPolicy, attempt: number, random: number): number {
  const { delayMs } = policy
  return Math.floor(delayMs + random * (ceiling(policy, attempt) - delayMs))
}

function ceiling({ backoff, delayMs, maxDelayMs }: RetryPolicy, attempt: number): number {
  const cap = Math.max(delayMs, maxDelayMs)
  const uncapped =
    backoff === 'fixed'
      ? delayMs + delayMs / FIXED_SPREAD
      : delayMs * 2 ** Math.min(Math.max(1, attempt), MOST_DOUBLINGS)
  return Math.min(cap, uncapped)
}
