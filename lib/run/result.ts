/** Results of handlers, for processors that keep them. */
import { COMPLETE, byHand } from '../backend/verdict'
import type { Kept, Verdict } from '../backend/verdict'
import type { Job } from '../types'
import type { RunSetup } from './setup'

/** The value that the job is to keep; null for nothing. A handler that returns nothing has no result. */
export function keptResult(setup: RunSetup, job: Job<any>, value: unknown): Kept | null {
  if (!setup.keepsResults || value === undefined) return null
  return { value, refused: (err) => setup.report.resultDropped(job, err) }
}

/** Completes a job, with the value if it is to be kept. */
export function completion(setup: RunSetup, job: Job<any>, value: unknown): Verdict {
  const result = keptResult(setup, job, value)
  return result === null ? COMPLETE : { ...COMPLETE, result }
}

/** A settlement by the handler itself, with the value that the job is to keep. */
export function ownVerdict(setup: RunSetup, job: Job<any>, verdict: Verdict): Verdict {
  return byHand(verdict.result === null ? verdict : completion(setup, job, verdict.result.value))
}

/** A completion by the handler itself, which does not know if values are kept. */
export function completedWith(value: unknown): Verdict {
  return { ...COMPLETE, result: { value, refused: () => {} } }
}
