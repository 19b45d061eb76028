/** Numbers, lengths of time and moments, for people. */
import type { Count } from '../wire'
import type { Zone } from './state'

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

export const whole = (value: number): string => WHOLE.format(value)

/** Up to five digits exactly, above that in short. */
export const short = (value: number): string => (value < 100_000 ? WHOLE.format(value) : SHORT.format(value))

export function counted({ count, precision }: Count): string {
  if (precision === 'at-least') return `${short(count)}+`
  return precision === 'estimate' ? `~${short(count)}` : short(count)
}

const UNITS: readonly (readonly [number, string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
]

/** Two units at most: `2 h 5 min`. */
export function length(ms: number | null): string {
  if (ms === null) return '–'
  if (ms > 0 && ms < 1) return '< 1 ms'
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`
  const at = UNITS.findIndex(([size]) => ms >= size)
  const [size, unit] = UNITS[at] as readonly [number, string]
  const next = UNITS[at + 1]
  const count = Math.floor(ms / size)
  const rest = next === undefined ? 0 : Math.floor((ms - count * size) / next[0])
  return rest > 0 && next !== undefined ? `${count} ${unit} ${rest} ${next[1]}` : `${count} ${unit}`
}

export function ago(at: number, now: number): string {
  const ms = now - at
  if (Math.abs(ms) < 1500) return 'now'
  const [size, unit] = UNITS.find(([unitSize]) => Math.abs(ms) >= unitSize) ?? [1000, 's']
  const text = `${Math.floor(Math.abs(ms) / size)} ${unit}`
  return ms > 0 ? `${text} ago` : `in ${text}`
}

const formats = new Map<string, Intl.DateTimeFormat>()

function format(zone: Zone, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options)
  let found = formats.get(key)
  if (found === undefined) {
    found = new Intl.DateTimeFormat('sv-SE', { ...options, ...(zone === 'utc' && { timeZone: 'UTC' }) })
    formats.set(key, found)
  }
  return found
}

const DAY = { year: 'numeric', month: '2-digit', day: '2-digit' } as const
const CLOCK = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const

const inRange = (at: number) => Math.abs(at) <= 8.64e15

/** `2026-11-30 08:15:02.123`, with the milliseconds if they tell things apart. */
export function exact(at: number, zone: Zone): string {
  if (!inRange(at)) return String(at)
  const text = format(zone, { ...DAY, ...CLOCK }).format(at)
  return `${text}.${String(((at % 1000) + 1000) % 1000).padStart(3, '0')}${zone === 'utc' ? 'Z' : ''}`
}

/** Without the day if it is today. */
export function clock(at: number, zone: Zone, now: number): string {
  if (!inRange(at)) return String(at)
  const day = format(zone, DAY)
  const time = format(zone, CLOCK).format(at)
  return day.format(at) === day.format(now) ? time : `${day.format(at)} ${time}`
}

/** As a field for a moment has it: `2026-11-30T08:15:02`. */
export const fieldOf = (at: number, zone: Zone): string =>
  inRange(at)
    ? format(zone, { ...DAY, ...CLOCK })
        .format(at)
        .replace(' ', 'T')
    : ''

export function momentOf(field: string, zone: Zone): number | null {
  const at = Date.parse(zone === 'utc' ? `${field}Z` : field)
  return Number.isNaN(at) ? null : at
}

export const minute = (at: number, zone: Zone): string =>
  format(zone, { hour: '2-digit', minute: '2-digit' }).format(at)

export function bytes(count: number): string {
  if (count < 1024) return `${count} B`
  return count < 1024 * 1024 ? `${(count / 1024).toFixed(1)} kB` : `${(count / 1024 / 1024).toFixed(1)} MB`
}

const MOST_CHARACTERS = 80

/** The beginning and the end of a name that is long. */
export const shortened = (text: string): string =>
  text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 20)}…${text.slice(-19)}`

/** Characters that show nothing, or turn the text around, by their codes. */
export const visible = (text: string): string =>
  text.replace(
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
