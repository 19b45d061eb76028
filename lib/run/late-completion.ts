/**
 * Work that is done although a sweep has failed its job meanwhile, as the attempts were used up. For orchestrations: each of their steps is
 * recorded under the lease, so no other worker can have done them.
 */
import type { Settled } from '../backend/verdict'
import type { CompleteClaimedResult, Job } from '../types'

const COMPLETIONS = new WeakMap<object, () => Promise<CompleteClaimedResult>>()

/** Has a completion of this job that comes too late tried once more, by this function. */
export function completesLate(job: Job<any>, complete: () => Promise<CompleteClaimedResult>): void {
  COMPLETIONS.set(job, complete)
}

/** The effect of a late completion; null if there is nothing to be tried. Never rejects. */
export function lateCompletion(job: Job<any>, found: Settled): Promise<Settled> | null {
  if (found.status !== 'already-terminal' || found.terminalStatus !== 'failed') return null
  const complete = COMPLETIONS.get(job)
  if (complete === undefined) return null
  return complete().then(
    (result) => (result === 'completed' ? { status: 'completed' } : found),
    () => found,
  )
}
