/** The times of a schedule, as an app gives them: checked, and read for the calendar. */
import { argumentError } from '../base/errors'
import type { PreviewOptions, ScheduleTimes } from '../types'
import { nearest } from '../validate/nearest'
import { readOptions } from '../validate/options'
import { DATE, TEXT, duration, wholeNumber } from '../validate/rules'
import type { Rule } from '../validate/rules'
import { quote } from '../validate/show'
import { nextOccurrence } from './calendar'
import type { Timing } from './calendar'
import { PatternError } from './fields'
import { parsePattern } from './pattern'
import { zoneOf } from './zone'
import type { Zone } from './zone'

/** As often as a schedule may come. */
const SHORTEST_EVERY_MS = 1000
const MOST_PREVIEWED = 10_000

const RULES = {
  cron: TEXT,
  everyMs: duration(SHORTEST_EVERY_MS),
  timezone: TEXT,
  startAt: DATE,
  endAt: DATE,
} satisfies Record<keyof ScheduleTimes, Rule<unknown>>

const PREVIEW_RULES = {
  after: DATE,
  count: wholeNumber(1, MOST_PREVIEWED),
} satisfies Record<keyof PreviewOptions, Rule<unknown>>

/** A schedule's times within its bounds. All instants are milliseconds since 1970. */
export class BoundedTiming {
  constructor(
    private readonly timing: Timing,
    private readonly startAt: number,
    private readonly endAt: number,
  ) {}

  /** The first occurrence after an instant; null if none comes any more. */
  next(after: number): number | null {
    const next = nextOccurrence(this.timing, Math.max(after, this.startAt - 1))
    return next === null || next > this.endAt ? null : next
  }
}

/** Reads the times of a schedule. @throws TypeError, RangeError that name the option, and for a pattern the mistake */
export function readTiming(where: string, times: unknown): BoundedTiming {
  const { cron, everyMs, timezone, startAt, endAt } = readOptions(where, times, RULES)
  if ((cron === undefined) === (everyMs === undefined)) {
    const got = cron === undefined ? 'neither' : 'both'
    throw argumentError(TypeError, `${where}: exactly one of "cron" and "everyMs" must be given; got ${got}`)
  }
  const start = startAt?.getTime() ?? -Infinity
  const end = endAt?.getTime() ?? Infinity
  if (end < start) throw argumentError(RangeError, `${where}: option "endAt" must not be before "startAt"`)
  if (everyMs !== undefined) {
    if (timezone !== undefined) {
      throw argumentError(
        TypeError,
        `${where}: option "timezone" has no meaning with "everyMs": leave it out`,
      )
    }
    return new BoundedTiming({ kind: 'every', everyMs, from: startAt?.getTime() ?? 0 }, start, end)
  }
  return new BoundedTiming(cronTiming(where, cron!, timezone ?? 'UTC'), start, end)
}

/** Occurrences of a schedule that may not exist yet. */
export function previewSchedule(times: ScheduleTimes, options?: PreviewOptions): Date[] {
  const timing = readTiming('previewSchedule', times)
  const { after, count } = readOptions('previewSchedule', options, PREVIEW_RULES)
  const occurrences: Date[] = []
  let next = timing.next(after?.getTime() ?? Date.now())
  while (next !== null && occurrences.length < (count ?? 5)) {
    occurrences.push(new Date(next))
    next = timing.next(next)
  }
  return occurrences
}

function cronTiming(where: string, cron: string, timezone: string): Timing {
  const zone = zoneNamed(where, timezone)
  try {
    const pattern = parsePattern(cron)
    const timing: Timing = { kind: 'cron', pattern, zone }
    // From a fixed day, so that a pattern is refused always or never.
    if (nextOccurrence(timing, 0) !== null) return timing
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
      `${where}: option "timezone" is no known time zone: ${quote(timezone)}; ${hint}`,
    )
  }
}
