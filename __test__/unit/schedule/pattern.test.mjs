/** Cron patterns as they are read, and their times on the wall. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parsePattern } from '../../../dist/schedule/pattern.js'
import { nextWall } from '../../../dist/schedule/walls.js'

/** [what, pattern, one that means the same] */
const SAME = [
  ['spaces around and between', '  0\t9   * * *  ', '0 0 9 * * *'],
  ['as many characters as are allowed', '0 9 * * *'.padEnd(256), '0 9 * * *'],
  ['a list out of order', '50,10 17,3 * * *', '10,50 3,17 * * *'],
  ['months over the end of a year', '0 0 1 11-2 *', '0 0 1 1,2,11,12 *'],
  ['days over the end of a month', '0 0 30-2 * *', '0 0 1,2,30,31 * *'],
  ['weekdays over the end of a week', '0 0 * * 5-1', '0 0 * * 0,1,5,6'],
  ['hours over the end of a day, by steps', '0 22-3/2 * * *', '0 0,2,22 * * *'],
  ['the longest step of a minute', '*/60 * * * *', '0 * * * *'],
  ['the longest step of a day of the month', '0 0 */31 * *', '0 0 1 * *'],
  ['the longest step of a month', '0 0 1 */12 *', '0 0 1 1 *'],
  ['the longest step of a day of the week', '0 0 * * */7', '0 0 * * 0'],
  ['the shortest step', '*/1 * * * *', '* * * * *'],
  ['a step from a weekday on', '0 0 * * 1/3', '0 0 * * 1,4'],
  ['a step from a value on', '40/10 * * * *', '40,50 * * * *'],
  ['names in any case', '0 0 * Feb MON-fri', '0 0 * 2 1-5'],
  ['a name of a whole pattern', '@Weekly', '0 0 * * 0'],
  ['Sunday by its other number', '0 0 * * 7', '0 0 * * 0'],
]

/** [pattern, whether it follows elapsed time] */
const ELAPSED = [
  ['* * * * *', true],
  ['0 * * * *', true],
  ['*/5 2 * * *', true],
  ['0 */2 * * *', true],
  ['0 1,*/6 * * *', true],
  ['0 2 * * *', false],
  ['* 0 2 * * *', false],
  ['0 0-23 * * *', false],
]

/** [pattern, time on the wall, the first one at or after it] */
const WALLS = [
  ['* * * * * *', 0, 0],
  ['* * * * * *', 1, 1000],
  ['* * * * * *', 999, 1000],
  ['* * * * * *', 1000, 1000],
  ['* * * * *', 1, 60_000],
  ['0 0 28,30 2 *', Date.UTC(2025, 0, 1), Date.UTC(2025, 1, 28)],
  ['0 0 L * *', Date.UTC(2024, 1, 1), Date.UTC(2024, 1, 29)],
  ['0 0 L,28 * *', Date.UTC(2025, 0, 29), Date.UTC(2025, 0, 31)],
  ['0 0 *,L * 1', Date.UTC(2025, 0, 1), Date.UTC(2025, 0, 6)],
  ['0 0 1 * *,5L', Date.UTC(2025, 0, 2), Date.UTC(2025, 1, 1)],
  ['0 0 13 * 5', Date.UTC(2025, 0, 1), Date.UTC(2025, 0, 3)],
  ['0 0 13 * 5L', Date.UTC(2025, 0, 14), Date.UTC(2025, 0, 31)],
  ['0 0 * * 5#5', Date.UTC(2025, 1, 1), Date.UTC(2025, 4, 30)],
  ['0 0 29 2 *', Date.UTC(2096, 2, 1), Date.UTC(2104, 1, 29)],
]

describe('a pattern', () => {
  for (const [what, one, other] of SAME) {
    test(`with ${what} is read`, () => {
      assert.deepEqual(parsePattern(one), parsePattern(other))
    })
  }

  for (const [pattern, isElapsed] of ELAPSED) {
    test(`${pattern} follows ${isElapsed ? 'elapsed time' : 'the clock on the wall'}`, () => {
      assert.equal(parsePattern(pattern).isElapsed, isElapsed)
    })
  }

  for (const [pattern, wall, next] of WALLS) {
    test(`${pattern} comes at ${next} from ${wall} on`, () => {
      assert.equal(nextWall(parsePattern(pattern), wall), next)
    })
  }

  test('may name the last day of each month, and no later one', () => {
    for (const [index, days] of [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].entries()) {
      const month = index + 1
      const asked = Date.UTC(2024, index, 1)
      assert.equal(nextWall(parsePattern(`0 0 ${days} ${month} *`), asked), Date.UTC(2024, index, days))
      const refused = { message: `it never comes: none of its months has a day ${days + 1}` }
      if (days < 31) assert.throws(() => parsePattern(`0 0 ${days + 1} ${month} *`), refused)
    }
  })

  test('that never comes has no next time', () => {
    assert.equal(nextWall(parsePattern('0 0 * 2 1#5'), 0), null)
  })
})
