/** Leases in memory: their holder and length, and the order in which jobs are claimed. */
import type { RecordedJob, TerminalStatus } from '../types'
import type { Transition } from './transition'

export function backToPending(job: RecordedJob): void {
  job.status = 'pending'
  delete job.claimToken
  delete job.claimedAt
}

/** With a token: while the job is active under it. Without: while the job has not ended. */
export function isFenced(job: RecordedJob, token: string | undefined): boolean {
  return token === undefined || (job.status === 'active' && job.claimToken === token)
}

export function isTerminal(status: RecordedJob['status']): status is TerminalStatus {
  return status === 'completed' || status === 'failed' || status === 'superseded'
}

/** Negative if `one` is claimed before `other`. */
export function claimOrder(one: RecordedJob, other: RecordedJob): number {
  return one.priority - other.priority || one.runAt.getTime() - other.runAt.getTime()
}

/** In the words of the engine. */
export function reasonOfExpiry({ attempt, maxAttempts }: RecordedJob, transition: Transition): string {
  return transition === 'superseded'
    ? 'the lease expired: the job stalled, and a follower covers the work'
    : `the lease expired on attempt ${attempt} of ${maxAttempts}: the job stalled, as its worker is gone`
}
