/** Changes of jobs by operators, as functions over the model. */
import type {
  CancelledEach,
  ControlMiss,
  JobStatus,
  PromoteResult,
  RecordedJob,
  RemoveResult,
  RescheduleResult,
  RetryResult,
} from '../types'
import { journalKept } from '../validate'
import type { Reschedule, Retry } from '../validate'
import { holdersOf } from './dedupe'
import type { MemoryModel } from './model'
import { isParked } from './parking'
import type { StoredJob } from './stored-job'

const NOT_FOUND: ControlMiss = Object.freeze({ status: 'not-found' })

/** The fields that belong to an earlier life of a job. Its errors, its log and its journal stay. */
const OF_AN_EARLIER_LIFE = [
  'claimToken',
  'claimedAt',
  'completedAt',
  'failedAt',
  'failReason',
  'ending',
  'result',
  'cancelRequestedAt',
  'cancelReason',
  'expiresAt',
]

/** A job that has ended begins again. */
export function retry(model: MemoryModel, id: string, wanted: Retry): RetryResult {
  const stored = model.stored.get(id)
  if (stored === undefined) return NOT_FOUND
  const { job } = stored
  if (job.status === 'pending' || job.status === 'active') return wrongStatus(job)
  if (wanted.replacement !== null && 'steps' in job) throw journalKept(id)
  const holder = holderOf(model, job)
  if (holder !== null) return { status: 'key-held', id: holder.job.id }
  for (const field of OF_AN_EARLIER_LIFE) Reflect.deleteProperty(job, field)
  job.status = 'pending'
  job.attempt = 0
  job.runAt = new Date(model.now() + wanted.delayMs)
  if (wanted.maxAttempts !== null) job.maxAttempts = wanted.maxAttempts
  if (wanted.replacement !== null) job.data = wanted.replacement.data
  model.open.add(stored)
  return { status: 'retried' }
}

/** A pending job is due. */
export function promote(model: MemoryModel, id: string): PromoteResult {
  const stored = model.stored.get(id)
  if (stored === undefined) return NOT_FOUND
  const { job } = stored
  if (job.status !== 'pending' || isParked(job, model.now())) return wrongStatus(job)
  job.runAt = new Date(Math.min(job.runAt.getTime(), model.now()))
  return { status: 'promoted' }
}

/** A pending job gets another time, another priority, or both. */
export function reschedule(model: MemoryModel, id: string, wanted: Reschedule): RescheduleResult {
  const stored = model.stored.get(id)
  if (stored === undefined) return NOT_FOUND
  const { job } = stored
  const now = model.now()
  if (job.status !== 'pending' || isParked(job, now)) return wrongStatus(job)
  if (wanted.delayMs !== null) job.runAt = new Date(now + wanted.delayMs)
  if (wanted.runAt !== null) job.runAt = new Date(Math.max(wanted.runAt.getTime(), now))
  if (wanted.priority !== null) job.priority = wanted.priority
  return { status: 'rescheduled' }
}

/** A job that is not running is gone. Schedules in memory go past an occurrence as they make its job, so none is made again. */
export function remove(model: MemoryModel, id: string): RemoveResult {
  const stored = model.stored.get(id)
  if (stored === undefined) return NOT_FOUND
  const { job } = stored
  if (job.status === 'active') return wrongStatus(job)
  model.open.remove(stored)
  model.stored.delete(id)
  const place = model.jobs.indexOf(job)
  if (place !== -1) model.jobs.splice(place, 1)
  return { status: 'removed' }
}

/** Cancels these jobs, or those of them in one status if one is given. Returns the effect on each. */
export function cancelEach(
  model: MemoryModel,
  ids: readonly string[],
  from: JobStatus | null,
): CancelledEach[] {
  return ids.map((id) => {
    const job = model.stored.get(id)?.job
    if (job === undefined || (from !== null && job.status !== from)) return 'skipped'
    if (job.status === 'active' && job.cancelRequestedAt !== undefined) return 'skipped'
    const { status } = model.cancel(id, null)
    return status === 'cancelled' || status === 'requested' ? status : 'skipped'
  })
}

function wrongStatus({ status }: RecordedJob): ControlMiss {
  return { status: 'wrong-status', jobStatus: status }
}

/** The job that leaves no room for one more pending job of this one's key. */
function holderOf(model: MemoryModel, { dedupeKey, dedupeScope }: RecordedJob): StoredJob | null {
  if (dedupeKey === undefined || dedupeScope === undefined) return null
  const { pending, active } = holdersOf(model.open, dedupeKey, dedupeScope)
  return pending ?? (dedupeScope === 'pending+active' ? active : null)
}
