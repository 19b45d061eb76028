/** Counts, history and actions of the model, as one process sees them. */
import { bucketOf, historyOf } from '../backend/history'
import type { Counters, HourDocument } from '../backend/history'
import type { JobCount, QueueCounts, QueueHistory, RecordedJob, TypeCounts } from '../types'
import type { HistoryRange } from '../validate'
import { isBehindActive } from './dedupe'
import type { MemoryModel } from './model'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

export function countsOf(model: MemoryModel, wanted: string | null): QueueCounts {
  const now = model.now()
  const types = new Map<string, TypeCounts>()
  let completed = 0
  for (const { job } of model.stored.values()) {
    if (job.status === 'completed') completed += 1
    if (wanted === null || job.type === wanted) add(model, typeIn(types, job.type), job, now)
  }
  for (const counted of types.values()) {
    counted.state = model.pauses.has(counted.type) ? 'paused' : 'running'
    if (counted.state === 'paused') counted.oldestDueAt = null
    if (counted.oldestDueAt !== null) counted.lagMs = now - counted.oldestDueAt.getTime()
  }
  return {
    at: new Date(now),
    completedTotal: exactly(completed),
    types: [...types.values()].sort((one, other) => (one.type < other.type ? -1 : 1)),
  }
}

function exactly(count: number): JobCount {
  return { count, precision: 'exact' }
}

function typeIn(types: Map<string, TypeCounts>, type: string): TypeCounts {
  const known = types.get(type)
  if (known !== undefined) return known
  const [pending, due, blocked, active, failed] = Array.from({ length: 5 }, () => exactly(0)) as [
    JobCount,
    JobCount,
    JobCount,
    JobCount,
    JobCount,
  ]
  const made: TypeCounts = {
    type,
    state: 'running',
    pending,
    due,
    blocked,
    active,
    failed,
    oldestDueAt: null,
    lagMs: 0,
  }
  types.set(type, made)
  return made
}

function add(model: MemoryModel, counted: TypeCounts, job: RecordedJob, now: number): void {
  if (job.status === 'active') counted.active.count += 1
  // These endings are no failures of the app's code.
  const isSetApart = job.ending === 'cancelled' || job.ending === 'expired'
  if (job.status === 'failed' && !isSetApart) counted.failed.count += 1
  if (job.status !== 'pending') return
  counted.pending.count += 1
  if (job.runAt.getTime() > now) return
  counted.due.count += 1
  const stored = model.stored.get(job.id)
  if (stored !== undefined && isBehindActive(model.open, stored)) counted.blocked.count += 1
  const { oldestDueAt } = counted
  if (oldestDueAt === null || job.runAt < oldestDueAt) counted.oldestDueAt = new Date(job.runAt)
}

/** From the jobs that are stored: each counts once, with its last run. */
export function historyIn(model: MemoryModel, range: HistoryRange): QueueHistory {
  const hours: HourDocument[] = []
  for (const { job } of model.stored.values()) {
    const endedAt = job.completedAt ?? job.failedAt
    if (endedAt === undefined || job.status === 'pending' || job.status === 'active') continue
    if (range.type === null || job.type === range.type) hours.push(hourOf(job, endedAt))
  }
  return historyOf(merged(hours), range)
}

function hourOf(job: RecordedJob, endedAt: Date): HourDocument {
  const ended = endedAt.getTime()
  const hour = new Date(Math.floor(ended / HOUR_MS) * HOUR_MS)
  const minute = Math.floor((ended - hour.getTime()) / MINUTE_MS)
  const end = countedAs(job)
  const counters: Counters = { [end]: 1 }
  if (end === 'exhausted' || end === 'fatal') counters['failedAttempts'] = 1
  const { claimedAt, runAt } = job
  const lengths =
    claimedAt === undefined
      ? {}
      : {
          run: { [bucketOf(ended - claimedAt.getTime())]: 1 },
          wait: { [bucketOf(Math.max(0, claimedAt.getTime() - runAt.getTime()))]: 1 },
        }
  return {
    type: job.type,
    hour,
    minutes: { [minute]: counters },
    spans: { [Math.floor(minute / 10)]: lengths },
  }
}

function countedAs(job: RecordedJob): string {
  if (job.status !== 'failed') return job.status
  const { ending } = job as { ending?: unknown }
  if (typeof ending === 'string') return ending
  return job.attempt >= job.maxAttempts ? 'exhausted' : 'fatal'
}

/** One document for each type and hour. */
function merged(hours: readonly HourDocument[]): HourDocument[] {
  const byTypeAndHour = new Map<string, HourDocument>()
  for (const hour of hours) {
    const key = `${hour.hour.getTime()} ${hour.type}`
    const known = byTypeAndHour.get(key)
    byTypeAndHour.set(key, known === undefined ? hour : (sum(known, hour) as HourDocument))
  }
  return [...byTypeAndHour.values()]
}

/** Adds up the numbers, at every depth. */
function sum(one: unknown, other: unknown): unknown {
  if (typeof one === 'number' && typeof other === 'number') return one + other
  if (!isPlain(one) || !isPlain(other)) return one
  const result: Record<string, unknown> = { ...one }
  for (const [name, value] of Object.entries(other)) {
    result[name] = name in result ? sum(result[name], value) : value
  }
  return result
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(value instanceof Date)
}
