import type { Verdict } from '../backend/verdict'
import type { SafeLogger } from '../base/logger'
import { show } from '../validate/show'
import type { Job, RetryDelay } from '../types'

/** A failure with the wait that the app's function wants before the retry. If it throws or returns no wait, the job's own back-off holds. */
export function withRetryDelay(
  verdict: Verdict,
  { error, job }: { readonly error: unknown; readonly job: Job<any> },
  retryDelay: RetryDelay | null,
  logger: SafeLogger,
): Verdict {
  if (retryDelay === null || verdict.kind !== 'fail') return verdict
  const { type, id: jobId, attempt } = job
  try {
    const delayMs: unknown = retryDelay({ attempt, error, job })
    if (delayMs === null) return { ...verdict, kind: 'failFatal' }
    if (typeof delayMs === 'number' && delayMs >= 0 && Number.isFinite(delayMs))
      return { ...verdict, delayMs }
    logger.warn({ type, jobId, got: show(delayMs) }, 'retryDelay returned neither milliseconds nor null')
  } catch (err) {
    logger.warn({ type, jobId, err }, 'retryDelay threw')
  }
  return verdict
}
