/** A schedule in its stored form, and the effect of each call on it. Pure: a clock and a store are the callers'. */
import type { NewJob } from '../validate'
import type { ScheduledJobOptions, ScheduleInfo, ScheduleSpec } from '../types'
import type { Spec, Wish } from './spec'
import { haveSameTimes, timingOf } from './timing'

/** Without its payload, which only its store knows. */
export interface StoredSchedule {
  readonly id: string
  /** Null for a schedule that stands in no list. */
  readonly owner: string | null
  readonly spec: Spec
  readonly job: NewJob
  readonly isPaused: boolean
  /** Null while it is paused, and once it has ended. */
  readonly nextRunAt: number | null
  readonly lastAt: number | null
  /** Ascending. */
  readonly skipped: readonly number[]
}

/** Skipped occurrences that a schedule keeps at most. */
export const MOST_SKIPPED = 1000

export function created({ id, spec, job }: Wish, owner: string | null, now: number): StoredSchedule {
  const nextRunAt = timingOf(spec).next(now)
  return { id, owner, spec, job, isPaused: false, nextRunAt, lastAt: null, skipped: [] }
}

/**
 * A schedule with other times counts them from now. An occurrence that was due already still comes: a deploy must not swallow it. One
 * that an operator has paused stays so.
 */
export function changed(
  found: StoredSchedule,
  wish: Wish,
  owner: string | null,
  now: number,
): StoredSchedule {
  const { spec, job } = wish
  if (haveSameTimes(found.spec, spec)) return { ...found, owner, spec, job }
  return { ...found, owner, spec, job, nextRunAt: nextAfterChange(found, spec, now), skipped: [] }
}

function nextAfterChange({ isPaused, nextRunAt }: StoredSchedule, spec: Spec, now: number): number | null {
  if (isPaused) return null
  const isOverdue = nextRunAt !== null && nextRunAt <= now
  const isWithin =
    isOverdue && nextRunAt >= (spec.startAt ?? -Infinity) && nextRunAt <= (spec.endAt ?? Infinity)
  return isWithin ? nextRunAt : timingOf(spec).next(now)
}

export function paused(found: StoredSchedule): StoredSchedule {
  return { ...found, isPaused: true, nextRunAt: null }
}

/** Occurrences of the meantime do not come any more. */
export function resumed(found: StoredSchedule, now: number): StoredSchedule {
  return { ...found, isPaused: false, nextRunAt: timingOf(found.spec).next(now) }
}

/** Null if the schedule does not come then, or has come. */
export function skipping(found: StoredSchedule, moment: number, now: number): StoredSchedule | null {
  const earliest = found.nextRunAt ?? now + 1
  const isComing = moment === found.nextRunAt || timingOf(found.spec).next(moment - 1) === moment
  if (moment < earliest || !isComing) return null
  const skipped = [...found.skipped.filter((at) => at >= earliest), moment].sort((a, b) => a - b)
  return { ...found, skipped }
}

/** For people. */
export function infoOf({
  id,
  owner,
  spec,
  job,
  isPaused,
  nextRunAt,
  lastAt,
  skipped,
}: StoredSchedule): ScheduleInfo {
  const timing = timingOf(spec)
  let next = nextRunAt
  while (next !== null && skipped.includes(next)) next = timing.next(next)
  const status = isPaused ? 'paused' : nextRunAt === null ? 'ended' : 'running'
  const info: ScheduleInfo = { id, status, spec: publicSpec(spec), job: publicJob(job), skipped: [] }
  if (owner !== null) info.owner = owner
  if (next !== null) info.nextAt = new Date(next)
  if (lastAt !== null) info.lastAt = new Date(lastAt)
  info.skipped = skipped.filter((at) => at >= (nextRunAt ?? -Infinity)).map((at) => new Date(at))
  return info
}

function publicSpec(spec: Spec): ScheduleSpec {
  const { startAt, endAt, ...rest } = spec
  const given = Object.entries(rest).filter(([, value]) => value !== null)
  const result = Object.fromEntries(given) as ScheduleSpec
  if (startAt !== null) result.startAt = new Date(startAt)
  if (endAt !== null) result.endAt = new Date(endAt)
  return result
}

function publicJob(job: NewJob): ScheduleInfo['job'] {
  const options: ScheduledJobOptions = { priority: job.priority, maxAttempts: job.maxAttempts }
  if (job.backoff !== null) options.backoff = job.backoff
  if (job.backoffDelayMs !== null) options.backoffDelay = job.backoffDelayMs
  if (job.backoffMaxDelayMs !== null) options.backoffMaxDelay = job.backoffMaxDelayMs
  if (job.timeoutMs !== null) options.timeoutMs = job.timeoutMs
  if (job.expiresInMs !== null) options.expiresInMs = job.expiresInMs
  return { type: job.type, options }
}
