/** The occurrences that a schedule makes jobs of when it is due. Pure: no clock, no server. */
import type { Spec } from './spec'
import { timingOf } from './timing'

/** A schedule that is due. Instants are milliseconds since 1970, as everywhere here. */
export interface DueSchedule {
  readonly spec: Spec
  /** The moment that it waited for: past, by the clock that decides. */
  readonly nextRunAt: number
  readonly skipped: readonly number[]
}

/** The effect on the schedule. */
export interface Firing {
  /** The occurrences to make jobs of, ascending. */
  readonly occurrences: readonly number[]
  /** The newest occurrence that has come, made or not. */
  readonly lastAt: number
  /** The next one; null if none comes any more. */
  readonly nextRunAt: number | null
}

/** The work is bounded however many occurrences have passed: only those that are made are looked for, from the newest back. */
export function firingOf({ spec, nextRunAt, skipped }: DueSchedule, now: number): Firing {
  const timing = timingOf(spec)
  // The times may have changed since it began to wait for this moment, so the calendar need not know it.
  const before = (moment: number) => timing.previous(moment, nextRunAt) ?? nextRunAt
  const lastAt = before(now + 1)
  const earliest = now - (spec.maxLateMs ?? Infinity)
  const most = spec.missed === 'all' ? spec.maxCatchUp : 1
  const occurrences: number[] = []
  for (let at = lastAt; at >= earliest && occurrences.length < most; at = before(at)) {
    if (!skipped.includes(at)) occurrences.push(at)
    if (at <= nextRunAt) break
  }
  return { occurrences: occurrences.reverse(), lastAt, nextRunAt: timing.next(now) }
}
