/** Schedules in words. */
import type { ScheduleRow } from '../wire'
import { length } from './format'

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const SHORT_DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']
const NICKNAMES: Readonly<Record<string, string>> = {
  '@hourly': 'every hour',
  '@daily': 'every day at 00:00',
  '@midnight': 'every day at 00:00',
  '@weekly': 'every Sunday at 00:00',
  '@monthly': 'on the 1st of each month at 00:00',
  '@yearly': 'on January 1 at 00:00',
  '@annually': 'on January 1 at 00:00',
}

const ONES: Readonly<Record<number, string>> = {
  1000: 'every second',
  60_000: 'every minute',
  3_600_000: 'every hour',
  86_400_000: 'every day',
}

const two = (text: string) => text.padStart(2, '0')
const isNumber = (text: string) => /^\d+$/.test(text)

function ordinal(text: string): string {
  const value = Number(text)
  const rest = value % 10
  const isTeen = Math.floor(value / 10) === 1
  return `${value}${isTeen || rest < 1 || rest > 3 ? 'th' : (['st', 'nd', 'rd'][rest - 1] ?? 'th')}`
}

function dayName(text: string): string | null {
  const index = isNumber(text) ? Number(text) % 7 : SHORT_DAYS.indexOf(text.toUpperCase())
  return DAYS[index] ?? null
}

function onDays(day: string, month: string, weekday: string): string | null {
  if (month !== '*') return null
  if (day === '*' && weekday === '*') return 'every day'
  if (day === '*' && (weekday === '1-5' || weekday.toUpperCase() === 'MON-FRI')) return 'on weekdays'
  if (day === '*') {
    const names = weekday.split(',').map(dayName)
    return names.includes(null) ? null : `every ${names.join(', ')}`
  }
  if (weekday !== '*') return null
  if (day === 'L') return 'on the last day of each month'
  return isNumber(day) ? `on the ${ordinal(day)} of each month` : null
}

/** Only steps that divide the range are evenly spaced, over and over. */
const stepOf = (field: string, of: number): string | undefined => {
  const step = /^\*\/(\d+)$/.exec(field)?.[1]
  return of % Number(step) === 0 ? step : undefined
}

/** The pattern in words; null if it takes more than these. */
function patternInWords(pattern: string): string | null {
  const nickname = NICKNAMES[pattern.trim().toLowerCase()]
  if (nickname !== undefined) return nickname
  const fields = pattern.trim().split(/\s+/)
  if (fields.length !== 5) return null
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = fields
  const days = onDays(day, month, weekday)
  if (days === null) return null
  const everyDay = days === 'every day' ? '' : `, ${days}`
  if (hour === '*') {
    if (minute === '*') return `every minute${everyDay}`
    const step = stepOf(minute, 60)
    if (step) return `every ${step} minutes${everyDay}`
    return isNumber(minute) ? `every hour at minute ${minute}${everyDay}` : null
  }
  if (!isNumber(minute)) return null
  const step = stepOf(hour, 24)
  if (step) return `every ${step} hours at minute ${minute}${everyDay}`
  if (!/^\d+(,\d+)*$/.test(hour)) return null
  return `${days} at ${hour
    .split(',')
    .map((one) => `${two(one)}:${two(minute)}`)
    .join(' and ')}`
}

export function inWords({ cron, everyMs }: ScheduleRow): string {
  if (everyMs !== null) return ONES[everyMs] ?? `every ${length(everyMs).replace('.0 ', ' ')}`
  return (cron && patternInWords(cron)) ?? 'by a pattern'
}
