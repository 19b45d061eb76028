/** The times of a schedule, as an app gives them: checked, and read for the calendar. */
import { argumentError } from '../base/errors'
import type { ScheduleTimes } from '../types'
import { nearest } from '../validate/nearest'
import type { Read } from '../validate/options'
import { DATE, TEXT, duration } from '../validate/rules'
import type { Rule } from '../validate/rules'
import { quote } from '../validate/show'
import { nextOccurrence } from './calendar'
import type { Timing } from './calendar'
import { PatternError } from './fields'
import { parsePattern } from './pattern'
import { zoneOf } from './zone'
import type { Zone } from './zone'

/** The shortest time between two occurrences of a schedule. */
const SHORTEST_EVERY_MS = 1000
/** Timings that are kept: to read one takes longer than to ask it. */
const MOST_KEPT = 10_000

export const TIME_RULES = {
  cron: TEXT,
  everyMs: duration(SHORTEST_EVERY_MS),
  timezone: TEXT,
  startAt: DATE,
  endAt: DATE,
} satisfies Record<keyof ScheduleTimes, Rule<unknown>>

/** Times that were checked, and are plain. Exactly one of `cron` and `everyMs` is not null; all instants are milliseconds since 1970. */
export interface Times {
  readonly cron: string | null
  readonly everyMs: number | null
  /** Null exactly when `cron` is. */
  readonly timezone: string | null
  readonly startAt: number | null
  readonly endAt: number | null
}

/** A schedule's times within its bounds. */
export class BoundedTiming {
  private readonly startAt: number
  private readonly endAt: number

  constructor(
    private readonly timing: Timing,
    { startAt, endAt }: Pick<Times, 'startAt' | 'endAt'>,
  ) {
    this.startAt = startAt ?? -Infinity
    this.endAt = endAt ?? Infinity
  }

  /** The first occurrence after an instant; null if none comes any more. */
  next(after: number): number | null {
    const next = nextOccurrence(this.timing, Math.max(after, this.startAt - 1))
    return next === null || next > this.endAt ? null : next
  }

  /**
   * The last occurrence from `notBefore` on and before an instant; null if there is none. Found by asking for the next one after ever earlier
   * moments, so that it costs the same if one or a million lie between.
   */
  previous(before: number, notBefore: number): number | null {
    const isBetween = (after: number): boolean => (this.next(after) ?? Infinity) < before
    let none = before - 1
    let some = Math.max(before - SHORTEST_EVERY_MS, notBefore) - 1
    for (let step = SHORTEST_EVERY_MS; !isBetween(some); step *= 2) {
      if (some < notBefore) return null
      none = some
      some = Math.max(some - step, notBefore - 1)
    }
    while (none - some > 1) {
      const middle = Math.floor((none + some) / 2)
      if (isBetween(middle)) some = middle
      else none = middle
    }
    return this.next(some)
  }
}

/** The times among the options of a schedule. @throws TypeError, RangeError that name the option, and for a pattern the mistake */
export function readTimes(where: string, options: Read<typeof TIME_RULES>): Times {
  const { cron, everyMs, timezone, startAt, endAt } = options
  if ((cron === undefined) === (everyMs === undefined)) {
    const got = cron === undefined ? 'neither' : 'both'
    throw argumentError(TypeError, `${where}: exactly one of "cron" and "everyMs" must be given; got ${got}`)
  }
  if (everyMs !== undefined && timezone !== undefined) {
    throw argumentError(TypeError, `${where}: option "timezone" has no meaning with "everyMs": leave it out`)
  }
  if (startAt !== undefined && endAt !== undefined && endAt < startAt) {
    throw argumentError(RangeError, `${where}: option "endAt" must not be before "startAt"`)
  }
  const times = {
    cron: cron ?? null,
    everyMs: everyMs ?? null,
    timezone: cron === undefined ? null : (timezone ?? 'UTC'),
    startAt: startAt?.getTime() ?? null,
    endAt: endAt?.getTime() ?? null,
  }
  refuseNever(where, times)
  return times
}

/** True if two schedules come at the same moments by their given times. */
export function haveSameTimes(one: Times, other: Times): boolean {
  return keyOf(one) === keyOf(other)
}

const timings = new Map<string, BoundedTiming>()

/** The calendar of times that were checked. @throws if this version of Node knows less than the one that checked them */
export function timingOf(times: Times): BoundedTiming {
  const key = keyOf(times)
  let timing = timings.get(key)
  if (timing === undefined) {
    timing = new BoundedTiming(unboundedTiming(times), times)
    if (timings.size >= MOST_KEPT) timings.clear()
    timings.set(key, timing)
  }
  return timing
}

function keyOf({ cron, everyMs, timezone, startAt, endAt }: Times): string {
  return JSON.stringify([cron, everyMs, timezone, startAt, endAt])
}

function unboundedTiming({ cron, everyMs, timezone, startAt }: Times): Timing {
  if (cron === null) return { kind: 'every', everyMs: everyMs!, from: startAt ?? 0 }
  return { kind: 'cron', pattern: parsePattern(cron), zone: zoneOf(timezone!) }
}

function refuseNever(where: string, { cron, timezone }: Times): void {
  if (cron === null) return
  const zone = zoneNamed(where, timezone!)
  try {
    // From a fixed day, so that a pattern is refused always or never.
    if (nextOccurrence({ kind: 'cron', pattern: parsePattern(cron), zone }, 0) !== null) return
    throw new PatternError('it does not come within nine years')
  } catch (error) {
    if (!(error instanceof PatternError)) throw error
    throw argumentError(RangeError, `${where}: option "cron" is ${quote(cron)}, and ${error.message}`)
  }
}

function zoneNamed(where: string, timezone: string): Zone {
  try {
    return zoneOf(timezone)
  } catch {
    const meant = nearest(timezone, Intl.supportedValuesOf('timeZone'))
    const hint = meant === null ? 'an IANA name such as Europe/Berlin' : `did you mean "${meant}"?`
    throw argumentError(
      RangeError,
      `${where}: option "timezone" is not a known time zone: ${quote(timezone)}; ${hint}`,
    )
  }
}
