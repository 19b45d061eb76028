/** Jobs as the page gets them. */
import { isRecord } from '../validate/rules'
import { shown } from './ejson'
import type { JobPage, JobRow, Shown } from './wire'

type Fields = Readonly<Record<string, unknown>>

export const moment = (value: unknown): number | null =>
  value instanceof Date && !Number.isNaN(value.getTime()) ? value.getTime() : null

export const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

export const number = (value: unknown): number | null => (typeof value === 'number' ? value : null)

export const list = (value: unknown): readonly Fields[] =>
  Array.isArray(value) ? value.filter(isRecord) : []

export function rowOf(job: Fields): JobRow {
  return {
    id: String(job.id),
    type: String(job.type),
    status: String(job.status),
    ending: text(job.ending),
    attempt: number(job.attempt) ?? 0,
    maxAttempts: number(job.maxAttempts) ?? 0,
    priority: number(job.priority) ?? 0,
    dedupeKey: text(job.dedupeKey),
    runAt: moment(job.runAt),
    createdAt: moment(job.createdAt),
    claimedAt: moment(job.claimedAt),
    endedAt: moment(job.completedAt) ?? moment(job.failedAt),
    failReason: text(job.failReason),
    worker: text(job.worker),
  }
}

/** A reason in a list is a line or two. */
const LISTED_REASON = 300

export function listed(job: Fields): JobRow {
  const row = rowOf(job)
  return { ...row, failReason: row.failReason?.slice(0, LISTED_REASON) ?? null }
}

/** @param data the payload to show */
export function pageOf(job: Fields, data: unknown, isWhole: boolean, holder: string | null): JobPage {
  const optional = (value: unknown): Shown | null => (value === undefined ? null : shown(value, { isWhole }))
  const schedule = isRecord(job.schedule) ? job.schedule : null
  return {
    ...rowOf(job),
    dedupeScope: text(job.dedupeScope),
    data: shown(data, { isWhole }),
    result: optional(job.result),
    progress: optional(job.progress),
    errors: list(job.errors).map((error) => ({
      attempt: number(error.attempt) ?? 0,
      at: moment(error.at),
      reason: text(error.reason) ?? '',
      stack: text(error.stack),
      worker: text(error.worker),
    })),
    logs: list(job.logs).map((entry) => ({
      at: moment(entry.timestamp) ?? 0,
      message: text(entry.message) ?? '',
    })),
    schedule: schedule && { id: String(schedule.id), occurrenceAt: moment(schedule.occurrenceAt) ?? 0 },
    cancelRequestedAt: moment(job.cancelRequestedAt),
    expiresAt: moment(job.expiresAt),
    timeoutMs: number(job.timeoutMs),
    traceId: isRecord(job.trace) ? traceIdIn(job.trace.traceparent) : null,
    holder,
  }
}

const traceIdIn = (traceparent: unknown): string | null =>
  /^[\da-f]{2}-([\da-f]{32})-/.exec(text(traceparent) ?? '')?.[1] ?? null

/** The type of the jobs that a schedule makes. */
export const typeOfSchedule = ({ job }: Fields): string => (isRecord(job) ? (text(job.type) ?? '') : '')
