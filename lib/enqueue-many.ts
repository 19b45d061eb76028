import { EnqueueManyError } from './errors'
import type { EnqueueManyJob, EnqueueManyOutcome, EnqueueManyResult, IJobQueueBackend } from './types'

/** Creates jobs on any backend: at once where it can, else one after the other. */
export async function enqueueMany(
  backend: IJobQueueBackend,
  jobs: readonly EnqueueManyJob[],
): Promise<EnqueueManyResult[]> {
  return typeof backend.enqueueMany === 'function'
    ? backend.enqueueMany(jobs)
    : enqueueOneByOne(jobs, ({ type, data, options }) => backend.enqueue(type, data, options))
}

/** One after the other, so that of two jobs with the same key the first one is created. */
export async function enqueueOneByOne<J>(
  jobs: readonly J[],
  enqueue: (job: J) => Promise<string | null>,
): Promise<EnqueueManyResult[]> {
  const outcomes: EnqueueManyOutcome[] = []
  for (const job of jobs) {
    try {
      outcomes.push(created(await enqueue(job)))
    } catch (error) {
      outcomes.push({ status: 'failed', error: error instanceof Error ? error : new Error(String(error)) })
    }
  }
  return unlessFailed(outcomes)
}

/** The result of a job with this id, or with none as its key is held. */
export function created(id: string | null): EnqueueManyResult {
  // A backend of the first releases may resolve to undefined.
  return id == null ? { status: 'duplicate' } : { status: 'created', id }
}

/** @throws EnqueueManyError if there is a failure among them */
export function unlessFailed(outcomes: readonly EnqueueManyOutcome[]): EnqueueManyResult[] {
  return outcomes.map((outcome) => {
    if (outcome.status === 'failed') throw new EnqueueManyError(outcomes)
    return outcome
  })
}
