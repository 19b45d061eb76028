import type { ClientSession } from 'mongodb'
import { DurablError, EnqueueManyError } from '../base/errors'
import { fromCaller } from '../base/stack'
import type {
  EnqueueDetailedResult,
  EnqueueManyJob,
  EnqueueManyOutcome,
  EnqueueManyResult,
  IJobQueueBackend,
} from '../types'

/** Creates jobs on any backend: at once if it can, else one after the other. */
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

/** As {@link enqueueMany}, with the ids of the jobs in the way. */
export async function enqueueManyDetailed(
  backend: IJobQueueBackend,
  jobs: readonly EnqueueManyJob[],
  session: ClientSession | null,
): Promise<EnqueueDetailedResult[]> {
  if (typeof backend.enqueueManyDetailed === 'function')
    return session === null
      ? backend.enqueueManyDetailed(jobs)
      : backend.enqueueManyDetailed(jobs, { session })
  const enqueue = detailedOf('enqueueMany', backend)
  return enqueueOneByOneDetailed({ enqueueDetailed: enqueue }, jobs, session)
}

/** One after the other, as {@link enqueueOneByOne}. */
export async function enqueueOneByOneDetailed(
  backend: { enqueueDetailed: EnqueueDetailed },
  jobs: readonly EnqueueManyJob[],
  session: ClientSession | null,
): Promise<EnqueueDetailedResult[]> {
  const outcomes: DetailedOutcome[] = []
  for (const { type, data, options } of jobs) {
    if (session !== null) {
      outcomes.push(await backend.enqueueDetailed(type, data, { ...options, session }))
      continue
    }
    try {
      outcomes.push(await backend.enqueueDetailed(type, data, options))
    } catch (error) {
      outcomes.push(failedBy(error))
    }
  }
  return unlessFailedDetailed(outcomes)
}

type EnqueueDetailed = NonNullable<IJobQueueBackend['enqueueDetailed']>

/** The method of a backend that tells which job is in the way. */
export function detailedOf(where: string, backend: IJobQueueBackend): EnqueueDetailed {
  if (typeof backend.enqueueDetailed !== 'function') {
    throw fromCaller(
      new DurablError('ERR_DURABL_UNSUPPORTED', `${where}: this backend has no enqueueDetailed()`),
    )
  }
  return (type, data, options) => backend.enqueueDetailed!(type, data, options)
}

type Enqueue = (job: EnqueueManyJob) => Promise<string | null>

async function oneByOne(jobs: readonly EnqueueManyJob[], enqueue: Enqueue): Promise<EnqueueManyResult[]> {
  const outcomes: EnqueueManyOutcome[] = []
  for (const job of jobs) {
    try {
      outcomes.push(created(await enqueue(job)))
    } catch (error) {
      outcomes.push(failedBy(error))
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

/** The time at which a new job is due. */
interface Due {
  readonly type: string
  readonly delayMs: number
  readonly runAtMs: number | null
}

/** Milliseconds until a job is due, by the clock of this process: good enough for a hint. */
export function dueInMs({ delayMs, runAtMs }: Due): number {
  return runAtMs === null ? delayMs : Math.max(0, runAtMs - Date.now())
}

/** Milliseconds until the first of the created jobs of each type is due. */
export function soonestOfTypes(
  jobs: readonly Due[],
  results: readonly { readonly status: string }[],
  dueIn: (job: Due) => number = dueInMs,
): Map<string, number> {
  const soonest = new Map<string, number>()
  for (const [index, job] of jobs.entries()) {
    if (results[index]?.status !== 'created') continue
    const delayMs = dueIn(job)
    soonest.set(job.type, Math.min(delayMs, soonest.get(job.type) ?? delayMs))
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

/** The fate of one job of a call that asks for details. */
export type DetailedOutcome = EnqueueDetailedResult | Extract<EnqueueManyOutcome, { status: 'failed' }>

/** @throws EnqueueManyError if there is a failure among them: with the outcomes of a call without details */
export function unlessFailedDetailed(outcomes: readonly DetailedOutcome[]): EnqueueDetailedResult[] {
  return outcomes.map((outcome) => {
    if (outcome.status === 'failed') throw new EnqueueManyError(outcomes.map(withoutDetail))
    return outcome
  })
}

function withoutDetail(outcome: DetailedOutcome): EnqueueManyOutcome {
  return outcome.status === 'created' || outcome.status === 'failed' ? outcome : { status: 'duplicate' }
}

function failedBy(error: unknown): Extract<EnqueueManyOutcome, { status: 'failed' }> {
  return { status: 'failed', error: error instanceof Error ? error : new Error(String(error)) }
}
