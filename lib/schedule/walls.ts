/**
 * The times of a pattern on a clock on the wall, which knows no time zone. Such a time is a number as well: the milliseconds
 * since 1970 of the same date and time in UTC.
 */
import type { DayRule, Pattern } from './pattern'

const SECOND_MS = 1000
const DAY_MS = 86_400_000

/** Patterns that don't come within nine years are not looked for any further: the 29th of February comes after eight at the latest. */
const FURTHEST_DAYS = 9 * 366

/** The first time of the pattern at or after `wall`; null if none comes within nine years. */
export function nextWall(pattern: Pattern, wall: number): number | null {
  const start = Math.ceil(wall / SECOND_MS) * SECOND_MS
  const firstDay = Math.floor(start / DAY_MS)
  for (let day = firstDay; day < firstDay + FURTHEST_DAYS; day += 1) {
    const skipped = firstOfNextMonth(pattern, day)
    if (skipped !== null) {
      day = skipped - 1
      continue
    }
    if (!isOnDay(pattern.days, day)) continue
    const time = timeOfDay(pattern, start - day * DAY_MS)
    if (time !== null) return day * DAY_MS + time
  }
  return null
}

/** The first day after a month in which the pattern does not run; null if it runs in the month of this day. */
function firstOfNextMonth({ months }: Pattern, day: number): number | null {
  const date = new Date(day * DAY_MS)
  const month = date.getUTCMonth()
  return months.includes(month + 1) ? null : Date.UTC(date.getUTCFullYear(), month + 1, 1) / DAY_MS
}

function isOnDay(rule: DayRule, day: number): boolean {
  const { monthDays, weekdays } = rule
  if (monthDays === null) return weekdays === null || isOnWeekday(rule, day)
  // If both fields restrict the days, either is enough: so cron has always read them.
  return isOnMonthDay(rule, day) || (weekdays !== null && isOnWeekday(rule, day))
}

function isOnMonthDay({ monthDays, onLastDay }: DayRule, day: number): boolean {
  const date = new Date(day * DAY_MS)
  return monthDays!.has(date.getUTCDate()) || (onLastDay && daysLeft(date) === 0)
}

function isOnWeekday({ weekdays, nthWeekdays, lastWeekdays }: DayRule, day: number): boolean {
  const date = new Date(day * DAY_MS)
  const weekday = date.getUTCDay()
  const nth = Math.ceil(date.getUTCDate() / 7)
  return (
    weekdays!.has(weekday) ||
    nthWeekdays.some(([on, which]) => on === weekday && which === nth) ||
    (lastWeekdays.has(weekday) && daysLeft(date) < 7)
  )
}

/** Days of its month after a date. */
function daysLeft(date: Date): number {
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate() - date.getUTCDate()
}

/** The first time of day at or after `from`, in milliseconds since midnight; null if there is none. On an earlier day, `from` is negative. */
function timeOfDay({ hours, minutes, seconds }: Pattern, from: number): number | null {
  const [fromHour, fromMinute, fromSecond] = [
    from / 3_600_000,
    (from / 60_000) % 60,
    (from / SECOND_MS) % 60,
  ].map(Math.floor) as [number, number, number]
  for (const hour of hours) {
    if (hour < fromHour) continue
    for (const minute of minutes) {
      if (hour === fromHour && minute < fromMinute) continue
      const isFirst = hour === fromHour && minute === fromMinute
      const second = isFirst ? seconds.find((value) => value >= fromSecond) : seconds[0]
      if (second !== undefined) return (hour * 3600 + minute * 60 + second) * SECOND_MS
    }
  }
  return null
}
