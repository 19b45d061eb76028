/** Each mistake in the times of a schedule is refused by name, before anything is stored. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { previewSchedule } from 'durabl'

const CRON = 'option "cron" is '
/** [times, class, part of the message] */
const MALFORMED = [
  [{}, TypeError, 'exactly one of "cron" and "everyMs" must be given; got neither'],
  [undefined, TypeError, 'got neither'],
  [{ cron: '* * * * *', everyMs: 1000 }, TypeError, 'got both'],
  [{ cron: 5 }, TypeError, 'option "cron" must be a string; got 5'],
  [{ cron: null }, TypeError, 'option "cron" must be a string; got null'],
  [{ cron: '' }, RangeError, 'it has 0 fields'],
  [{ cron: '* * * *' }, RangeError, 'it has 4 fields, and must have 5'],
  [{ cron: '* * * * * * *' }, RangeError, 'it has 7 fields'],
  [{ cron: '60 * * * *' }, RangeError, '"60" is not a valid minute: it must be from 0 to 59'],
  [{ cron: '* 24 * * *' }, RangeError, '"24" is not a valid hour'],
  [{ cron: '* * 0 * *' }, RangeError, '"0" is not a valid day of the month'],
  [{ cron: '* * 32 * *' }, RangeError, '"32" is not a valid day of the month'],
  [
    { cron: '* * * 13 *' },
    RangeError,
    '"13" is not a valid month: it must be from 1 to 12, or a name such as FEB',
  ],
  [{ cron: '* * * * 8' }, RangeError, '"8" is not a valid day of the week'],
  [{ cron: '* * * * MONDAY' }, RangeError, '"MONDAY" is not a valid day of the week'],
  [{ cron: '-1 * * * *' }, RangeError, '"" is not a valid minute'],
  [{ cron: '1.5 * * * *' }, RangeError, '"1.5" is not a valid minute'],
  [{ cron: '1e1 * * * *' }, RangeError, '"1e1" is not a valid minute'],
  [{ cron: '1,,2 * * * *' }, RangeError, '"" is not a valid minute'],
  [{ cron: '*/0 * * * *' }, RangeError, 'the step in "*/0" must be from 1 to 60'],
  [{ cron: '*/61 * * * *' }, RangeError, 'the step in "*/61"'],
  [{ cron: '0 */25 * * *' }, RangeError, 'the step in "*/25" must be from 1 to 24'],
  [{ cron: '0 0 */32 * *' }, RangeError, 'the step in "*/32" must be from 1 to 31'],
  [{ cron: '0 0 1 */13 *' }, RangeError, 'the step in "*/13" must be from 1 to 12'],
  [{ cron: '0 0 * * */8' }, RangeError, 'the step in "*/8" must be from 1 to 7'],
  [{ cron: '*/ * * * *' }, RangeError, 'the step in "*/"'],
  [{ cron: '1/2/3 * * * *' }, RangeError, 'more than one "/"'],
  [{ cron: '1-2-3 * * * *' }, RangeError, 'more than one "-"'],
  [{ cron: '? * * * *' }, RangeError, '"?" is not a valid minute'],
  [{ cron: 'L * * * *' }, RangeError, '"L" is not a valid minute'],
  [{ cron: '* * * * 5#6' }, RangeError, '"5#6" must name one of the five weeks'],
  [{ cron: '* * * * 5#3#1' }, RangeError, '"5#3#1" must name one of the five weeks'],
  [{ cron: '*/1e1 * * * *' }, RangeError, 'the step in "*/1e1" must be from 1 to 60'],
  [{ cron: '* * * * 5#' }, RangeError, '"5#" must name one'],
  [{ cron: '* * * * 9#1' }, RangeError, '"9" is not a valid day of the week'],
  [{ cron: '* * * * XL' }, RangeError, '"X" is not a valid day of the week'],
  [{ cron: '@reboot' }, RangeError, 'the names are @yearly'],
  [{ cron: '@constructor' }, RangeError, 'the names are @yearly'],
  [{ cron: '0 0 30 2 *' }, RangeError, 'it never comes: none of its months has a day 30'],
  [{ cron: '0 0 31 4,6,9,11 *' }, RangeError, 'it never comes: none of its months has a day 31'],
  [{ cron: '0 0 * 2 1#5' }, RangeError, 'it does not come within nine years'],
  [{ cron: `${'1,'.repeat(200)}1 * * * *` }, RangeError, 'it has 409 characters, and 256 are allowed'],
  [{ cron: '* * * * *', timezone: 'Europe/Berlni' }, RangeError, 'did you mean "Europe/Berlin"?'],
  [{ cron: '* * * * *', timezone: '' }, RangeError, 'an IANA name such as Europe/Berlin'],
  [{ cron: '* * * * *', timezone: 2 }, TypeError, 'option "timezone" must be a string; got 2'],
  [{ everyMs: 1000, timezone: 'UTC' }, TypeError, '"timezone" has no meaning with "everyMs"'],
  [{ everyMs: 0 }, RangeError, 'option "everyMs" must be a number from 1000'],
  [{ everyMs: 999 }, RangeError, 'option "everyMs"'],
  [{ everyMs: NaN }, RangeError, 'option "everyMs"'],
  [{ everyMs: Infinity }, RangeError, 'option "everyMs"'],
  [{ everyMs: '1000' }, TypeError, 'option "everyMs"'],
  [{ everyMs: 1000, startAt: 5 }, TypeError, 'option "startAt" must be a valid Date; got 5'],
  [{ everyMs: 1000, startAt: new Date(NaN) }, RangeError, 'option "startAt" must be a valid Date'],
  [
    { everyMs: 1000, startAt: new Date(2), endAt: new Date(1) },
    RangeError,
    'option "endAt" must not be before "startAt"',
  ],
  [{ everyMs: 1000, tz: 'UTC' }, TypeError, 'unknown option "tz"'],
  [{ corn: '* * * * *' }, TypeError, 'did you mean "cron"?'],
]

describe('malformed times of a schedule', () => {
  for (const [times, errorClass, part] of MALFORMED) {
    it(`${JSON.stringify(times)} (${part})`, () => {
      assert.throws(
        () => previewSchedule(times),
        (error) => {
          assert.equal(error.constructor.name, errorClass.name)
          assert.match(error.message, /^previewSchedule: /)
          assert.ok(error.message.includes(part), error.message)
          return true
        },
      )
    })
  }

  it('say which pattern it is', () => {
    assert.throws(() => previewSchedule({ cron: '61 * * * *' }), { message: new RegExp(`${CRON}"61 `) })
  })

  for (const options of [
    { count: 0 },
    { count: 1.5 },
    { count: 10_001 },
    { after: 'now' },
    { before: new Date() },
  ])
    it(`of a preview: ${JSON.stringify(options)}`, () => {
      assert.throws(
        () => previewSchedule({ everyMs: 1000 }, options),
        /^(Type|Range)Error: previewSchedule: /,
      )
    })
})
