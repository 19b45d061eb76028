/** The last occurrence before a moment, at random: it must be the one that is found by going forward. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { timingOf } from '../../../dist/schedule/timing.js'
import { atRandom } from '../../support/rounds.mjs'

const HOUR_MS = 3_600_000
const START = Date.UTC(2024, 0, 1)
/** Gaps and overlaps of an hour and of half an hour, and a date that was left out. */
const ZONES = ['UTC', 'Europe/Berlin', 'Australia/Lord_Howe', 'America/New_York', 'Pacific/Apia']
const PATTERNS = [
  '* * * * *',
  '*/30 * * * *',
  '30 2 * * *',
  '0 */2 * * *',
  '15,45 1-3 * * *',
  '0 0 L * *',
  '0 9 * * 1#2',
]

/** Changes of the clock in some of the zones; elsewhere a day as any other. */
const CHANGES = [
  Date.UTC(2024, 2, 31, 1),
  Date.UTC(2024, 9, 27, 1),
  Date.UTC(2024, 3, 6, 15),
  Date.UTC(2024, 9, 5, 15),
]

function times(draw) {
  const bounds = {
    startAt: draw.chance(0.3) ? START + draw.between(0, 48) * HOUR_MS + draw.between(0, 999) : null,
    endAt: draw.chance(0.2) ? START + draw.between(6000, 9000) * HOUR_MS : null,
  }
  if (draw.chance(0.3)) {
    return { cron: null, everyMs: draw.between(1000, 100 * HOUR_MS), timezone: null, ...bounds }
  }
  return { cron: draw.one(PATTERNS), everyMs: null, timezone: draw.one(ZONES), ...bounds }
}

/** Going forward from `notBefore`. */
function byForward(timing, before, notBefore) {
  let last = null
  for (let at = timing.next(notBefore - 1); at !== null && at < before; at = timing.next(at)) last = at
  return last
}

describe('the last occurrence before a moment', () => {
  it('is that which comes last on the way forward', async (t) => {
    let found = 0
    await atRandom(t, {}, ({ draw, show }) => {
      const asked = times(draw)
      const timing = timingOf(asked)
      const around = draw.chance(0.5) ? draw.one(CHANGES) : START + draw.between(0, 8760) * HOUR_MS
      // An occurrence itself is a moment like any other, and the last one before it is another.
      const near = around + draw.between(-5 * HOUR_MS, 5 * HOUR_MS)
      const before = draw.chance(0.3) ? (timing.next(near) ?? near) : near
      // Near enough for the way forward to be short.
      const span = asked.cron?.startsWith('* ') || asked.everyMs < HOUR_MS ? HOUR_MS : 1000 * HOUR_MS
      const notBefore = before - draw.between(0, span)
      show(() => `${JSON.stringify(asked)} between ${notBefore} and ${before}`)
      const expected = byForward(timing, before, notBefore)
      if (expected !== null) found += 1
      assert.equal(timing.previous(before, notBefore), expected)
    })
    assert.ok(found > 0, 'there was none to find')
  })

  for (const [everyMs, startAt, before, notBefore, last] of [
    [1000, 0, 5001, 5000, 5000],
    [1000, 0, 5000, 5000, null],
    [1000, 0, 5000, 4001, null],
    [1000, 0, 5000, 4000, 4000],
    [1000, 0, 5500, 5001, null],
    [1000, 0, 5500, 4900, 5000],
    [1000, 0, 5500, 0, 5000],
    [10_000, 0, 11_001, 10_000, 10_000],
    [10_000, 0, 11_001, 10_001, null],
    [10_000, 1600, 13_500, 12_000, null],
  ]) {
    it(`is ${last} of each ${everyMs} ms after ${startAt}, from ${notBefore} on and before ${before}`, () => {
      const timing = timingOf({ cron: null, everyMs, timezone: null, startAt, endAt: null })
      assert.equal(timing.previous(before, notBefore), last)
    })
  }
})
