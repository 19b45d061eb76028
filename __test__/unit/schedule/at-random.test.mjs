/** The calendar at random: against two libraries where all three must agree, and by itself in every time zone there is. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CronExpressionParser } from 'cron-parser'
import { Cron } from 'croner'
import { previewSchedule } from 'durabl'
import { atRandom } from '../../support/rounds.mjs'

const DAY_MS = 86_400_000
const EPOCH = Date.UTC(2024, 0, 1)
/** Of these the offset never changes in these years: at a change the libraries differ, from one another and from us. */
const STEADY = [
  'UTC',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Asia/Tokyo',
  'America/Phoenix',
  'Pacific/Kiritimati',
]

/** One field; `names` stand for the values from `least` on. Both libraries refuse ranges that wrap, one of them a value twice. */
function field(draw, least, most, names = []) {
  const named = (number) => (names.length > 0 && draw.chance(0.3) ? names[number - least] : String(number))
  const step = () => draw.between(1, Math.max(1, Math.floor((most - least) / 2)))
  const [from, to] = [draw.between(least, most), draw.between(least, most)].sort((a, b) => a - b)
  switch (draw.between(0, 5)) {
    case 0:
      return named(from)
    case 1:
      return `${named(from)}-${named(to)}`
    case 2:
      return `*/${step()}`
    case 3:
      return `${least}-${most}/${step()}`
    case 4:
      return [...new Set([to, from, draw.between(least, most)])].map(named).join(',')
    default:
      return '*'
  }
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']

function pattern(draw) {
  // Where both fields restrict the days, the libraries differ on a star with a step.
  const byWeekday = draw.chance(0.5)
  const day = byWeekday ? '*' : draw.chance(0.1) ? 'L' : field(draw, 1, 28)
  const weekday = byWeekday ? field(draw, 0, 6, WEEKDAYS) : '*'
  const fields = [field(draw, 0, 59), field(draw, 0, 23), day, field(draw, 1, 12, MONTHS), weekday]
  return (draw.chance(0.3) ? [field(draw, 0, 59), ...fields] : fields).join(' ')
}

/** At most `count` occurrences after a moment, by a library; none is looked for in vain for long. */
const byCroner = (cron, timezone, after, count) =>
  new Cron(cron, { timezone, paused: true }).nextRuns(count, after).map((date) => date.toISOString())

function byCronParser(cron, timezone, after, count) {
  const expression = CronExpressionParser.parse(cron, { tz: timezone, currentDate: after })
  return Array.from({ length: count }, () => new Date(expression.next().getTime()).toISOString())
}

describe('patterns at random', () => {
  it('come when croner and cron-parser say, where no clock changes', async (t) => {
    await atRandom(t, { share: 0.5 }, ({ draw, show }) => {
      const cron = pattern(draw)
      const timezone = draw.one(STEADY)
      const after = new Date(EPOCH + draw.between(0, 1000 * DAY_MS))
      const count = draw.between(1, 5)
      show(() => `${cron} in ${timezone} after ${after.toISOString()}`)
      const ours = previewSchedule({ cron, timezone }, { after, count }).map((date) => date.toISOString())
      assert.deepEqual(ours, byCroner(cron, timezone, after, count), 'croner')
      assert.deepEqual(ours, byCronParser(cron, timezone, after, count), 'cron-parser')
    })
  })

  it('that are not patterns are refused in words, and never take long to read', async (t) => {
    const alphabet = '0123456789*/-,#?L @JANMONFRI5'
    await atRandom(t, { share: 0.2 }, ({ draw, show }) => {
      const length = draw.between(0, 60)
      const cron = Array.from({ length }, () => draw.one(alphabet)).join('')
      show(() => cron)
      try {
        previewSchedule({ cron }, { count: 1 })
      } catch (error) {
        assert.match(error.message, /^previewSchedule: option "cron" is /)
      }
    })
  })
})

describe('in every time zone', () => {
  const from = new Date(Date.UTC(2024, 0, 1))
  const until = Date.UTC(2027, 0, 1)

  for (const [cron, least] of [
    ['30 2 * * *', 1090],
    ['0 0 * * *', 1090],
    ['0 */6 * * *', 4380],
  ])
    it(`${cron} comes again and again for three years, each time later than before`, () => {
      for (const timezone of Intl.supportedValuesOf('timeZone')) {
        const dates = previewSchedule(
          { cron, timezone, endAt: new Date(until) },
          { after: from, count: 5000 },
        )
        const times = dates.map((date) => date.getTime())
        assert.ok(times.length >= least, `${timezone}: ${times.length}`)
        assert.ok(
          times.every((time, i) => i === 0 || time > times[i - 1]),
          timezone,
        )
      }
    })
})

describe('work is bounded', () => {
  /** Counted, not timed: how often the calendar asks `Intl` for the time in the zone. */
  const asked = (times, after) => {
    const { formatToParts } = Intl.DateTimeFormat.prototype
    let count = 0
    Intl.DateTimeFormat.prototype.formatToParts = function (...args) {
      count += 1
      return formatToParts.apply(this, args)
    }
    try {
      previewSchedule(times, { after: new Date(after), count: 1 })
    } finally {
      Intl.DateTimeFormat.prototype.formatToParts = formatToParts
    }
    return count
  }

  for (const [what, times, after] of [
    [
      'a time of each second of a day that the calendar skips',
      '0-59 0-59 0-23 30 12 *',
      '2011-12-29T12:00:00Z',
    ],
    ['a star, and a day that comes once in four years', '* * * 29 2 *', '2025-03-01T00:00:00Z'],
  ])
    it(`for ${what}`, () => {
      const count = asked({ cron: times, timezone: 'Pacific/Apia' }, after)
      assert.ok(count < 20_000, `Intl was asked ${count} times`)
    })

  it('for each second of an hour that is repeated', () => {
    const count = asked({ cron: '0-59 0-59 2 * * *', timezone: 'Europe/Berlin' }, '2025-10-26T01:00:00Z')
    assert.ok(count < 20_000, `Intl was asked ${count} times`)
  })
})
