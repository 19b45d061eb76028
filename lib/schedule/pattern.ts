/** Cron patterns: five fields, or six with seconds in front, or one of a few names. */
import { quote } from '../validate/show'
import { DAY, HOUR, MINUTE, MONTH, PatternError, SECOND, WEEKDAY, hasStar, valueOf, valuesOf } from './fields'

/** A pattern, read. All lists are ascending. */
export interface Pattern {
  readonly seconds: readonly number[]
  readonly minutes: readonly number[]
  readonly hours: readonly number[]
  readonly months: readonly number[]
  readonly days: DayRule
  /** It has a star in minute or hour, so it follows elapsed time and not the clock on the wall. */
  readonly isElapsed: boolean
}

/** The days of a month on which a pattern runs. */
export interface DayRule {
  /** Days of the month; null if the field allows all. */
  readonly monthDays: ReadonlySet<number> | null
  /** The last day of the month is one of them. */
  readonly onLastDay: boolean
  /** Days of the week; null if the field allows all. */
  readonly weekdays: ReadonlySet<number> | null
  /** `5#3`, the third Friday, as [5, 3]. */
  readonly nthWeekdays: readonly (readonly [number, number])[]
  /** `5L`: the last Friday. */
  readonly lastWeekdays: ReadonlySet<number>
}

/** Longer patterns are mistakes, and would take long to read. */
const LONGEST_PATTERN = 256

const NAMED: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}

/** @throws PatternError */
export function parsePattern(text: string): Pattern {
  if (text.length > LONGEST_PATTERN) {
    throw new PatternError(`it has ${text.length} characters, and ${LONGEST_PATTERN} are allowed`)
  }
  const fields = fieldsOf(text.trim())
  const [second, minute, hour, day, month, weekday] = fields
  const pattern: Pattern = {
    seconds: valuesOf(SECOND, second),
    minutes: valuesOf(MINUTE, minute),
    hours: valuesOf(HOUR, hour),
    months: valuesOf(MONTH, month),
    days: dayRule(day, weekday),
    isElapsed: hasStar(minute) || hasStar(hour),
  }
  refuseImpossible(pattern)
  return pattern
}

type SixFields = [string, string, string, string, string, string]

function fieldsOf(text: string): SixFields {
  const expanded = text.startsWith('@') ? named(text) : text
  const fields = expanded.split(/\s+/)
  if (fields.length === 5) return ['0', ...fields] as SixFields
  if (fields.length === 6) return fields as SixFields
  const count = expanded === '' ? 0 : fields.length
  throw new PatternError(
    `it has ${count} fields, and must have 5 (minute, hour, day, month, day of the week), or 6 with seconds in front`,
  )
}

function named(text: string): string {
  const pattern = NAMED[text.toLowerCase()]
  if (pattern !== undefined) return pattern
  throw new PatternError(`the names are ${Object.keys(NAMED).join(', ')}`)
}

function dayRule(day: string, weekday: string): DayRule {
  const monthDays: string[] = []
  let onLastDay = false
  for (const item of day.split(',')) {
    if (item.toLowerCase() === 'l') onLastDay = true
    else monthDays.push(item)
  }
  const weekdays: string[] = []
  const nthWeekdays: [number, number][] = []
  const lastWeekdays = new Set<number>()
  for (const item of weekday.split(',')) {
    if (item.includes('#')) nthWeekdays.push(nthOf(item))
    else if (/^.+l$/i.test(item)) lastWeekdays.add(valueOf(WEEKDAY, item.slice(0, -1)) % 7)
    else weekdays.push(item)
  }
  return {
    monthDays: allowedDays(monthDays),
    onLastDay,
    weekdays: allowedWeekdays(weekdays),
    nthWeekdays,
    lastWeekdays,
  }
}

function allowedDays(items: readonly string[]): ReadonlySet<number> | null {
  if (items.length === 0) return new Set()
  const values = valuesOf(DAY, items.join(','))
  return values.length === DAY.most ? null : new Set(values)
}

function allowedWeekdays(items: readonly string[]): ReadonlySet<number> | null {
  if (items.length === 0) return new Set()
  const values = new Set(valuesOf(WEEKDAY, items.join(',')).map((value) => value % 7))
  return values.size === 7 ? null : values
}

function nthOf(item: string): [number, number] {
  const [weekday = '', nth = '', ...rest] = item.split('#')
  if (rest.length > 0 || !/^[1-5]$/.test(nth)) {
    throw new PatternError(`${quote(item)} must name one of the five weeks of a month, as 5#3 does`)
  }
  return [valueOf(WEEKDAY, weekday) % 7, Number(nth)]
}

/** A leap year's. */
const LONGEST_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Days that no month of the pattern has would be looked for in vain. */
function refuseImpossible({ days, months }: Pattern): void {
  if (days.monthDays === null || days.onLastDay || days.weekdays !== null) return
  const longest = Math.max(...months.map((month) => LONGEST_MONTHS[month - 1]!))
  const first = Math.min(...days.monthDays)
  if (first > longest) throw new PatternError(`it never comes: none of its months has a day ${first}`)
}
