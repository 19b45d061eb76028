/** Schedules as documents: the stored fields, and those that are read. The engine knows of `rev`, `nextRunAt`, `lastAt`, `skipped` and `job`. */
import { createHash } from 'node:crypto'
import { isJobOption, newJob } from '../../schedule/spec'
import type { Spec } from '../../schedule/spec'
import type { StoredSchedule } from '../../schedule/stored'
import type { NewJob } from '../../validate'
import type { Codec } from './codec'

/** Before the id of a schedule: the id of its document. */
const DOCUMENT_PREFIX = 'schedule:'

/** A schedule as it was read. */
export interface MongoSchedule extends StoredSchedule {
  readonly rev: string
  readonly digest: string
}

/** A payload that can be stored, and the digest that tells it from another. */
export interface SchedulePayload {
  readonly data: unknown
  readonly digest: string
}

export function digestOf(payload: Uint8Array): string {
  return createHash('sha256').update(payload).digest('base64')
}

type Fields = Record<string, unknown>

/** The fields of a schedule that its calls write; with its payload if that is to be written, too. */
export function fieldsOf(schedule: StoredSchedule, rev: string, payload: SchedulePayload | null): Fields {
  const { owner, spec, job, isPaused, nextRunAt, skipped } = schedule
  const fields: Fields = { rev }
  if (isPaused) fields.paused = true
  if (nextRunAt !== null) fields.nextRunAt = new Date(nextRunAt)
  if (skipped.length > 0) fields.skipped = skipped.map((moment) => new Date(moment))
  if (payload === null) return fields
  if (owner !== null) fields.owner = owner
  const { data, digest } = payload
  return {
    ...fields,
    spec: specFields(spec),
    job: { ...jobFields(job), data: data === undefined ? null : data },
    digest,
  }
}

/** The fields that may be missing. */
export const FIELDS_OF_A_PATCH: readonly string[] = ['paused', 'nextRunAt', 'skipped']
export const FIELDS_OF_A_WHOLE: readonly string[] = [...FIELDS_OF_A_PATCH, 'owner']

/** The whole document of a new schedule. */
export function documentOf(schedule: StoredSchedule, rev: string, payload: SchedulePayload): Fields {
  return { _id: DOCUMENT_PREFIX + schedule.id, kind: 'schedule', ...fieldsOf(schedule, rev, payload) }
}

/** The fields as bytes, as the app's library writes its own documents. */
export function encodeFields(fields: Fields, { bson, writing }: Codec): Buffer {
  const bytes = bson.serialize(fields, writing)
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** The documents that lie end to end, as plain values. */
export function* decodeAll(documents: Buffer, { bson }: Codec): Generator<Fields> {
  for (let start = 0; start < documents.length;) {
    const end = start + documents.readInt32LE(start)
    yield bson.deserialize(documents.subarray(start, end))
    start = end
  }
}

/** @throws if the document is none that this version could have written */
export function readSchedule(fields: Fields): MongoSchedule {
  const id = idOf(fields)
  const spec = readStoredSpec(fields.spec as Fields)
  const { type, ...stored } = fields.job as Fields
  const options = Object.fromEntries(Object.entries(stored).filter(([name]) => isJobOption(name)))
  return {
    id,
    owner: (fields.owner as string | undefined) ?? null,
    spec,
    job: newJob('schedule', id, spec, { type, options }),
    isPaused: fields.paused === true,
    nextRunAt: (fields.nextRunAt as Date | undefined)?.getTime() ?? null,
    lastAt: (fields.lastAt as Date | undefined)?.getTime() ?? null,
    skipped: readMoments(fields.skipped),
    rev: fields.rev as string,
    digest: fields.digest as string,
  }
}

export function idOf({ _id }: Fields): string {
  return (_id as string).slice(DOCUMENT_PREFIX.length)
}

export function readMoments(moments: unknown): number[] {
  return ((moments ?? []) as Date[]).map((moment) => moment.getTime())
}

export function readStoredSpec(fields: Fields): Spec {
  const { cron, everyMs, timezone, startAt, endAt, maxLateMs, ...rest } = fields
  return {
    ...(rest as Pick<Spec, 'missed' | 'maxCatchUp' | 'overlap'>),
    cron: (cron as string | undefined) ?? null,
    everyMs: (everyMs as number | undefined) ?? null,
    timezone: (timezone as string | undefined) ?? null,
    startAt: (startAt as Date | undefined)?.getTime() ?? null,
    endAt: (endAt as Date | undefined)?.getTime() ?? null,
    maxLateMs: (maxLateMs as number | undefined) ?? null,
  }
}

function specFields({ startAt, endAt, ...rest }: Spec): Fields {
  return defined({ ...rest, startAt: dateOf(startAt), endAt: dateOf(endAt) })
}

function dateOf(moment: number | null): Date | null {
  return moment === null ? null : new Date(moment)
}

/** As in a stored job, so that the engine copies them. */
function jobFields(job: NewJob): Fields {
  return defined({
    type: job.type,
    priority: job.priority,
    maxAttempts: job.maxAttempts,
    dedupeKey: job.dedupeKey,
    dedupeScope: job.dedupeScope,
    backoff: job.backoff,
    backoffDelay: job.backoffDelayMs,
    backoffMaxDelay: job.backoffMaxDelayMs,
    timeoutMs: job.timeoutMs,
    expiresInMs: job.expiresInMs,
  })
}

function defined(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== undefined),
  )
}
