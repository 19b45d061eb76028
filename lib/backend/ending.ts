import type { JobEnding, JobStatus } from '../types'

const STORED: ReadonlySet<unknown> = new Set<JobEnding>(['exhausted', 'fatal', 'cancelled', 'expired'])

/**
 * The ending of a job; undefined before its end. A failed job of an earlier version has no word for it: then its attempts tell.
 *
 * @param stored the word on a failed job
 */
export function endingOf(
  status: JobStatus,
  stored: unknown,
  attempt: number,
  maxAttempts: number,
): JobEnding | undefined {
  switch (status) {
    case 'pending':
    case 'active':
      return undefined
    case 'completed':
    case 'superseded':
      return status
    case 'failed':
      if (STORED.has(stored)) return stored as JobEnding
      return attempt >= maxAttempts ? 'exhausted' : 'fatal'
  }
}

/** The worker that a claim token names, before its first dot. The rest proves the lease, and is never shown. */
export function workerOf(token: unknown): string | undefined {
  if (typeof token !== 'string') return undefined
  const end = token.indexOf('.')
  return end > 0 ? token.slice(0, end) : undefined
}
