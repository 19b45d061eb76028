import type { CancelRequest, CancelResult, RecordedJob } from '../types'
import type { StoredJob } from './stored-job'
import type { Transition } from './transition'

/**
 * True if a job is cancelled instead of this, as a call has asked for that. A job that its owner has ended by hand keeps that end.
 */
export function isCancelledInstead(job: RecordedJob, transition: Transition, isByHand: boolean): boolean {
  if (job.cancelRequestedAt === undefined) return false
  const ends = transition === 'completed' || transition === 'failed-terminal'
  return !(ends && isByHand)
}

/** The effect of cancelling a job; null if it is to end at once, as it waits. */
export function cancelled(job: RecordedJob, reason: string | null, now: number): CancelResult | null {
  switch (job.status) {
    case 'pending':
      return null
    case 'active':
      if (job.cancelRequestedAt === undefined) {
        job.cancelRequestedAt = new Date(now)
        if (reason !== null) job.cancelReason = reason
      }
      return { status: 'requested' }
    default:
      return { status: 'already-terminal', terminalStatus: job.status }
  }
}

/** Those of these jobs that run and were asked to be cancelled. */
export function requestsAmong(jobs: Iterable<StoredJob>): CancelRequest[] {
  const requests: CancelRequest[] = []
  for (const { job } of jobs) {
    if (job.status !== 'active' || job.cancelRequestedAt === undefined) continue
    requests.push({ id: job.id, reason: job.cancelReason ?? null })
  }
  return requests
}

/** True if a job waits for its first start, and has waited for too long. */
export function hasExpired({ status, attempt, expiresAt }: RecordedJob, now: number): boolean {
  return status === 'pending' && attempt === 0 && expiresAt !== undefined && expiresAt.getTime() <= now
}
