/**
 * Conversion of a stored document into a job. Payloads are read as the app reads its own collections. The job's own fields are read leniently,
 * as the TypeScript package, older releases or a hand may have written them. Null means absent, a number is a number in any encoding.
 */
import type { DedupeScope, Job, JobLogEntry, JobRecord, JobStatus } from '../../types'
import { markJournal } from '../../backend/journal'
import { EXACT_READING } from './codec'
import type { Codec } from './codec'
import { JobReader } from './job-reader'
import type { DocumentFields } from './job-reader'

const DEFAULT_MAX_ATTEMPTS = 3

/** One stored job. */
export function decodeJob(bytes: Uint8Array, codec: Codec): Job<any> {
  return toJob(codec.bson.deserialize(bytes, codec.reading), codec)
}

/** The claim of a stored job, even if the app's settings for reading can't decode it; null if even its claim can't be read. */
export function claimOf(
  bytes: Uint8Array,
  codec: Codec,
): { readonly id: string; readonly token: string | null } | null {
  try {
    // Nothing within the payload is looked at.
    const { _id, claimToken } = codec.bson.deserialize(bytes, { ...EXACT_READING, raw: true })
    const id = text(_id)
    return id === undefined ? null : { id, token: text(claimToken) ?? null }
  } catch {
    return null
  }
}

/** One stored job with its log. Not its token: only a claim hands that out. */
export function decodeRecord(bytes: Uint8Array, codec: Codec): JobRecord<any> {
  const document = codec.bson.deserialize(bytes, codec.reading)
  const job = toJob(document, codec)
  delete job.claimToken
  return { ...job, logs: toLogs(document.logs, codec) }
}

/** `count` stored jobs that lie end to end. */
export function decodeJobs(documents: Buffer, count: number, codec: Codec): Job<any>[] {
  const jobs = new Array<Job<any>>(count)
  // It reads as the library does if the app has not asked for anything else.
  const reader = codec.reading === undefined ? new JobReader(documents, codec.bson) : null
  let start = 0
  for (let index = 0; index < count; index += 1) {
    const end = start + documents.readInt32LE(start)
    const stored = reader?.read(start, end) ?? null
    jobs[index] = stored === null ? decodeJob(documents.subarray(start, end), codec) : toJob(stored, codec)
    start = end
  }
  return jobs
}

export function toJob(document: DocumentFields, codec: Codec): Job<any> {
  const job: Job<any> = {
    id: text(document._id) ?? '',
    type: text(document.type) ?? '',
    data: document.data,
    status: document.status as JobStatus,
    attempt: number(document.attempt, 0),
    maxAttempts: number(document.maxAttempts, DEFAULT_MAX_ATTEMPTS),
    priority: number(document.priority, 0),
    runAt: date(document.runAt) ?? new Date(0),
    createdAt: date(document.createdAt) ?? new Date(0),
  }
  // Only fields that are there: a job that is compared, logged or copied should not carry a crowd of undefined.
  if (document.dedupeKey != null) addKey(job, document)
  if (document.claimedAt != null) job.claimedAt = date(document.claimedAt)
  if (document.claimToken != null) job.claimToken = text(document.claimToken)
  if (document.completedAt != null) job.completedAt = date(document.completedAt)
  if (document.failedAt != null) job.failedAt = date(document.failedAt)
  if (document.failReason != null) job.failReason = text(document.failReason)
  if (document.timeoutMs != null) job.timeoutMs = number(document.timeoutMs, 0)
  if (document.expiresAt != null) job.expiresAt = date(document.expiresAt)
  if (document.schedule != null) addOccurrence(job, document.schedule, codec)
  if (document.trace != null) addTrace(job, document.trace, codec)
  if (document.journalBytes != null) markJournal(job)
  return job
}

/** The first releases stored no scope; theirs was the strict one. */
function addKey(job: Job<any>, document: DocumentFields): void {
  job.dedupeKey = text(document.dedupeKey)
  job.dedupeScope = (document.dedupeScope as DedupeScope | null | undefined) ?? 'pending+active'
}

/** Adds the occurrence of durabl's own jobs: any other value by this name is not read. */
function addOccurrence(job: Job<any>, stored: unknown, codec: Codec): void {
  const { id, occurrenceAt } = fieldsOf(stored, codec)
  const moment = date(occurrenceAt)
  if (typeof id === 'string' && moment !== undefined) job.schedule = { id, occurrenceAt: moment }
}

function addTrace(job: Job<any>, stored: unknown, codec: Codec): void {
  const { traceparent, tracestate } = fieldsOf(stored, codec)
  if (typeof traceparent !== 'string') return
  job.trace = typeof tracestate === 'string' ? { traceparent, tracestate } : { traceparent }
}

export function toLogs(logs: unknown, codec: Codec): JobLogEntry[] {
  if (!Array.isArray(logs)) return []
  return logs.map((entry: unknown) => {
    const { timestamp, message } = fieldsOf(entry, codec)
    return { timestamp: date(timestamp) ?? new Date(0), message: text(message) ?? '' }
  })
}

/** A document within a job. A client that reads raw BSON does so for its payloads; this is the job's own. */
export function fieldsOf(value: unknown, codec: Codec): Record<string, unknown> {
  const fields: unknown = value instanceof Uint8Array ? codec.bson.deserialize(value) : value
  return typeof fields === 'object' && fields !== null ? (fields as Record<string, unknown>) : {}
}

/** Numbers and strings may come wrapped, as the app's options ask for it. */
export function number(value: unknown, fallback: number): number {
  if (typeof value === 'number') return value
  if (value == null) return fallback
  const converted = Number(value)
  return Number.isNaN(converted) ? fallback : converted
}

export function text(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  // An id made elsewhere may be an ObjectId, which people know by its text form.
  return value == null ? undefined : (value as { toString(): string }).toString()
}

export function date(value: unknown): Date | undefined {
  if (value instanceof Date) return value
  if (value == null) return undefined
  const moment = new Date(typeof value === 'string' ? value : Number(value))
  return Number.isNaN(moment.getTime()) ? undefined : moment
}
