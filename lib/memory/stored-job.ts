import type { Job, JobLogEntry, JobRecord, Occurrence, RecordedJob } from '../types'
import type { NewJob } from '../validate'

/**
 * A job in the model's form. `job` is the very object that tests see in `backend.jobs`, so they may change it, to make it due for instance. Its
 * log is kept twice, as tests read messages and `findOne` returns entries.
 */
export interface StoredJob {
  readonly job: RecordedJob
  readonly log: JobLogEntry[]
}

/** The occurrence that makes a job, and the id that the job gets by it. */
export interface NewOccurrence extends Occurrence {
  readonly jobId: string
}

/** Due at the moment of its occurrence, however late it is made, and expires counted from there. */
export function markOccurrence({ job }: StoredJob, { id, occurrenceAt }: NewOccurrence): void {
  const lateMs = job.runAt.getTime() - occurrenceAt.getTime()
  if (job.expiresAt !== undefined) job.expiresAt = new Date(job.expiresAt.getTime() - lateMs)
  job.runAt = new Date(occurrenceAt)
  job.schedule = { id, occurrenceAt }
}

/** @param payload kept by reference */
export function newStoredJob(id: string, job: NewJob, payload: unknown, now: number): StoredJob {
  const recorded: RecordedJob = {
    id,
    type: job.type,
    data: payload,
    status: 'pending',
    priority: job.priority,
    attempt: 0,
    maxAttempts: job.maxAttempts,
    runAt: new Date(job.runAtMs === null ? now + job.delayMs : Math.max(now, job.runAtMs)),
    createdAt: new Date(now),
    logs: [],
  }
  if (job.dedupeKey !== null && job.dedupeScope !== null) {
    recorded.dedupeKey = job.dedupeKey
    recorded.dedupeScope = job.dedupeScope
  }
  if (job.dedupeForMs !== null) recorded.dedupeUntil = new Date(now + job.dedupeForMs)
  if (job.timeoutMs !== null) recorded.timeoutMs = job.timeoutMs
  if (job.expiresInMs !== null) recorded.expiresAt = new Date(recorded.runAt.getTime() + job.expiresInMs)
  if (job.backoff !== null) recorded.backoff = job.backoff
  if (job.backoffDelayMs !== null) recorded.backoffDelay = job.backoffDelayMs
  if (job.backoffMaxDelayMs !== null) recorded.backoffMaxDelay = job.backoffMaxDelayMs
  if (job.trace !== null) recorded.trace = job.trace
  if (job.session !== null) recorded.session = job.session
  return { job: recorded, log: [] }
}

/** A job for a handler: as it is now, unchanged by later events. The payload stays the one that was enqueued. */
export function snapshot<T>({ job }: StoredJob): Job<T> {
  const copy: Job<T> = {
    id: job.id,
    type: job.type,
    data: job.data as T,
    status: job.status,
    priority: job.priority,
    attempt: job.attempt,
    maxAttempts: job.maxAttempts,
    runAt: new Date(job.runAt),
    createdAt: new Date(job.createdAt),
  }
  if (job.dedupeKey !== undefined) copy.dedupeKey = job.dedupeKey
  if (job.dedupeScope !== undefined) copy.dedupeScope = job.dedupeScope
  if (job.failReason !== undefined) copy.failReason = job.failReason
  if (job.timeoutMs !== undefined) copy.timeoutMs = job.timeoutMs
  if (job.expiresAt !== undefined) copy.expiresAt = new Date(job.expiresAt)
  if (job.claimToken !== undefined) copy.claimToken = job.claimToken
  if (job.claimedAt !== undefined) copy.claimedAt = new Date(job.claimedAt)
  if (job.completedAt !== undefined) copy.completedAt = new Date(job.completedAt)
  if (job.failedAt !== undefined) copy.failedAt = new Date(job.failedAt)
  if (job.trace !== undefined) copy.trace = { ...job.trace }
  if (job.schedule !== undefined) {
    copy.schedule = { id: job.schedule.id, occurrenceAt: new Date(job.schedule.occurrenceAt) }
  }
  return copy
}

/** A job with its log, as it is now. Not its token: only a claim hands that out. */
export function record<T>(stored: StoredJob): JobRecord<T> {
  const job = snapshot<T>(stored)
  delete job.claimToken
  return {
    ...job,
    logs: stored.log.map(({ timestamp, message }) => ({ timestamp: new Date(timestamp), message })),
  }
}
