import type { ClientSession } from 'mongodb'
import { EnqueueManyError } from '../base/errors'
import type { EnqueueManyJob, EnqueueManyOutcome, EnqueueManyResult, IJobQueueBackend } from '../types'

/** Creates jobs on any backend: at once where it can, else one after the other. */
export async function enqueueMany(
  backend: IJobQueueBackend,
  jobs: readonly EnqueueManyJob[],
  session: ClientSession | null,
): Promise<EnqueueManyResult[]> {
  if (typeof backend.enqueueMany !== 'function') return enqueueOneByOne(backend, jobs, session)
  return session === null ? backend.enqueueMany(jobs) : backend.enqueueMany(jobs, { session })
}

/** One after the other, so that of two jobs with the same key the first one is created. */
export function enqueueOneByOne(
  backend: Pick<IJobQueueBackend, 'enqueue'>,
  jobs: readonly EnqueueManyJob[],
  session: ClientSession | null,
): Promise<EnqueueManyResult[]> {
  return session === null
    ? oneByOne(jobs, ({ type, data, options }) => backend.enqueue(type, data, options))
    : oneByOneInTransaction(jobs, ({ type, data, options }) =>
        backend.enqueue(type, data, { ...options, session }),
      )
}

type Enqueue = (job: EnqueueManyJob) => Promise<string | null>

async function oneByOne(jobs: readonly EnqueueManyJob[], enqueue: Enqueue): Promise<EnqueueManyResult[]> {
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

/** The first failure is the transaction's, and none comes after it. */
async function oneByOneInTransaction(
  jobs: readonly EnqueueManyJob[],
  enqueue: Enqueue,
): Promise<EnqueueManyResult[]> {
  const results: EnqueueManyResult[] = []
  for (const job of jobs) results.push(created(await enqueue(job)))
  return results
}

/** In how many milliseconds the first of the created jobs of each type is due. */
export function soonestOfTypes(
  jobs: readonly { readonly type: string; readonly delayMs: number }[],
  results: readonly EnqueueManyResult[],
): Map<string, number> {
  const soonest = new Map<string, number>()
  for (const [index, { type, delayMs }] of jobs.entries()) {
    if (results[index]?.status !== 'created') continue
    soonest.set(type, Math.min(delayMs, soonest.get(type) ?? delayMs))
  }
  return soonest
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
