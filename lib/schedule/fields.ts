/** The fields of a cron pattern: their ranges, their names, and the reading of one. */
import { quote } from '../validate/show'

/** One field: the values that it may take, and names for some of them. */
export interface Field {
  readonly name: string
  readonly least: number
  readonly most: number
  /** Names of the values from `least` on. */
  readonly names: readonly string[]
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

export const SECOND: Field = { name: 'second', least: 0, most: 59, names: [] }
export const MINUTE: Field = { name: 'minute', least: 0, most: 59, names: [] }
export const HOUR: Field = { name: 'hour', least: 0, most: 23, names: [] }
export const DAY: Field = { name: 'day of the month', least: 1, most: 31, names: [] }
export const MONTH: Field = { name: 'month', least: 1, most: 12, names: MONTHS }
/** Sunday is 0, and 7 as well. */
export const WEEKDAY: Field = { name: 'day of the week', least: 0, most: 7, names: WEEKDAYS }

/** A mistake in a pattern, to follow the pattern itself. */
export class PatternError extends Error {}

/** True if an item of a field stands for all values or for steps through all of them. */
export function hasStar(text: string): boolean {
  return text.split(',').some((item) => item.startsWith('*') || item.startsWith('?'))
}

/** The values of a field, ascending. @throws PatternError */
export function valuesOf(field: Field, text: string): number[] {
  const values = new Set<number>()
  for (const item of text.split(',')) for (const value of valuesOfItem(field, item)) values.add(value)
  return [...values].sort((a, b) => a - b)
}

/** One value. @throws PatternError */
export function valueOf(field: Field, text: string): number {
  const named = field.names.indexOf(text.toLowerCase())
  if (named >= 0) return named + field.least
  const value = /^\d{1,2}$/.test(text) ? Number(text) : NaN
  if (value >= field.least && value <= field.most) return value
  const names = field.names.length === 0 ? '' : `, or a name such as ${field.names[1]!.toUpperCase()}`
  throw new PatternError(
    `${quote(text)} is not a valid ${field.name}: it must be from ${field.least} to ${field.most}${names}`,
  )
}

function valuesOfItem(field: Field, item: string): number[] {
  const [range = '', step, ...rest] = item.split('/')
  if (rest.length > 0) throw new PatternError(`${quote(item)} has more than one "/"`)
  const [first, last] = boundsOf(field, range, step !== undefined)
  const size = sizeOf(field)
  // A range may run over the end of the field, as 22-2 does for hours.
  const length = last >= first ? last - first + 1 : last - first + 1 + size
  const values: number[] = []
  for (let offset = 0; offset < length; offset += step === undefined ? 1 : stepOf(field, item, step)) {
    const value = first + offset
    values.push(value > field.most ? value - size : value)
  }
  return values
}

/** Sunday has two numbers, so a week has one value less than its range. */
function sizeOf(field: Field): number {
  return field.most - field.least + (field === WEEKDAY ? 0 : 1)
}

function boundsOf(field: Field, range: string, hasStep: boolean): [number, number] {
  const lastOfAll = field === WEEKDAY ? 6 : field.most
  if (range === '*' || (range === '?' && (field === DAY || field === WEEKDAY)))
    return [field.least, lastOfAll]
  const [from = '', to, ...rest] = range.split('-')
  if (rest.length > 0) throw new PatternError(`${quote(range)} has more than one "-"`)
  const first = valueOf(field, from)
  if (to !== undefined) return [first, valueOf(field, to)]
  return [first, hasStep ? lastOfAll : first]
}

function stepOf(field: Field, item: string, text: string): number {
  const step = /^\d{1,2}$/.test(text) ? Number(text) : NaN
  if (step >= 1 && step <= sizeOf(field)) return step
  throw new PatternError(`the step in ${quote(item)} must be from 1 to ${sizeOf(field)}`)
}
