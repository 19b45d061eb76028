import type { Backoff, RecordedJob } from '../types'

/** The wait of a failed job before its next attempt. All times in milliseconds. */
export interface RetryPolicy {
  readonly backoff: Backoff
  /** The shortest wait. */
  readonly delayMs: number
  /** The longest wait before jitter; no effect below `delayMs`. Null: a minute, or sixty times `delayMs` if that is longer. */
  readonly maxDelayMs: number | null
}

/** The policy of a job that names none of its own. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = { backoff: 'exponential', delayMs: 1000, maxDelayMs: null }

/** However narrow the bounds are, a wait is spread over this part of itself, so that jobs that failed together do not return together. */
const LEAST_SPREAD = 10
const DEFAULT_MAX_DELAY_MS = 60_000
/** The ratio of the default longest wait to the shortest. */
const DEFAULT_GROWTH = 60

/** Doubling any whole wait this often passes every cap; more would only overflow. */
const MOST_DOUBLINGS = 64

/**
 * The wait after a failed attempt, in whole milliseconds: never below `delayMs`, spread from the first retry on.
 *
 * `engine/vectors/retry.json` holds examples that the engine is tested against as well.
 *
 * @param attempt the number of the attempt that failed; 1 for the first
 * @param random between 0 (inclusive) and 1 (exclusive)
 */
export function retryDelay(policy: RetryPolicy, attempt: number, random: number): number {
  const { delayMs } = policy
  const highest = Math.max(ceiling(policy, attempt), delayMs + delayMs / LEAST_SPREAD)
  return Math.floor(delayMs + random * (highest - delayMs))
}

/** The wait of a job that has failed, by the policy it was made with. */
export function retryDelayOf(job: RecordedJob, random: number): number {
  const policy = {
    backoff: job.backoff ?? DEFAULT_RETRY_POLICY.backoff,
    delayMs: job.backoffDelay ?? DEFAULT_RETRY_POLICY.delayMs,
    maxDelayMs: job.backoffMaxDelay ?? DEFAULT_RETRY_POLICY.maxDelayMs,
  }
  return retryDelay(policy, job.attempt, random)
}

function ceiling({ backoff, delayMs, maxDelayMs }: RetryPolicy, attempt: number): number {
  if (backoff === 'fixed') return delayMs
  const cap = maxDelayMs ?? Math.max(DEFAULT_MAX_DELAY_MS, delayMs * DEFAULT_GROWTH)
  return Math.min(cap, delayMs * 2 ** Math.min(Math.max(1, attempt), MOST_DOUBLINGS))
}
