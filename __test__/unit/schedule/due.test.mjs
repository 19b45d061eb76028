/** The occurrences that a schedule makes jobs of, by how late it is. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { firingOf } from '../../../dist/schedule/due.js'

const EACH_SECOND = { cron: null, everyMs: 1000, timezone: null, startAt: null, endAt: null }
const ONCE = { ...EACH_SECOND, missed: 'once', maxLateMs: null, maxCatchUp: 100, overlap: 'allow' }
const ALL = { ...ONCE, missed: 'all' }

/** [what, spec, now, skipped, occurrences, last]; it waited for 5000. */
const FIRINGS = [
  ['at its very moment', ONCE, 5000, [], [5000], 5000],
  ['at the very moment of a later one', ONCE, 8000, [], [8000], 8000],
  ['right before a later one', ONCE, 7999, [], [7000], 7000],
  ['all of them', ALL, 7000, [], [5000, 6000, 7000], 7000],
  ['as many as are made up for', { ...ALL, maxCatchUp: 2 }, 7000, [], [6000, 7000], 7000],
  ['one exactly as late as it may be', { ...ALL, maxLateMs: 2000 }, 8000, [], [6000, 7000, 8000], 8000],
  ['none that is later', { ...ALL, maxLateMs: 1999 }, 8000, [], [7000, 8000], 8000],
  ['none but the last of them left out', ALL, 7000, [5000, 6000], [7000], 7000],
  ['the newest that is not left out', ONCE, 7000, [7000], [6000], 7000],
  ['none, since all are left out', ONCE, 5500, [5000], [], 5000],
  ['the moment it waited for, before its times changed', { ...ONCE, startAt: 5500 }, 5400, [], [5000], 5000],
]

describe('a schedule that is due makes', () => {
  for (const [what, spec, now, skipped, occurrences, lastAt] of FIRINGS) {
    test(what, () => {
      const firing = firingOf({ spec, nextRunAt: 5000, skipped }, now)
      const nextRunAt = spec.startAt ?? Math.floor(now / 1000) * 1000 + 1000
      assert.deepEqual(firing, { occurrences, lastAt, nextRunAt })
    })
  }

  test('its last one, after which none comes', () => {
    const spec = { ...ONCE, endAt: 5999 }
    assert.deepEqual(firingOf({ spec, nextRunAt: 5000, skipped: [] }, 9000), {
      ...{ occurrences: [5000], lastAt: 5000, nextRunAt: null },
    })
  })
})
