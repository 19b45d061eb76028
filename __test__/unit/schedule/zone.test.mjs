/** Clocks on the wall: their changes, and the instants of their times. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Zone } from '../../../dist/schedule/zone.js'

const at = (text) => Date.parse(`${text}Z`)
const shown = (instant) => new Date(instant).toISOString().slice(0, 19)

/** [zone, from, until, the first change after `from` and not after `until`] */
const CHANGES = [
  ['UTC', '2025-01-01T00:00', '2026-01-01T00:00', null],
  ['Europe/Berlin', '2025-01-01T00:00', '2025-03-30T00:59:59', null],
  ['Europe/Berlin', '2025-01-01T00:00', '2025-03-30T01:00', '2025-03-30T01:00:00'],
  ['Europe/Berlin', '2025-03-30T00:59:59', '2025-12-01T00:00', '2025-03-30T01:00:00'],
  ['Europe/Berlin', '2025-03-30T01:00', '2025-12-01T00:00', '2025-10-26T01:00:00'],
  ['Australia/Lord_Howe', '2025-01-01T00:00', '2025-12-01T00:00', '2025-04-05T15:00:00'],
  ['Pacific/Apia', '2011-12-25T00:00', '2012-01-10T00:00', '2011-12-30T10:00:00'],
]

/** [what, zone, time on the wall, instant] */
const INSTANTS = [
  ['an ordinary time', 'Europe/Berlin', '2025-07-01T12:00', '2025-07-01T10:00:00'],
  ['a time far east', 'Pacific/Kiritimati', '2025-07-01T12:00', '2025-06-30T22:00:00'],
  ['the last second before a gap', 'Europe/Berlin', '2025-03-30T01:59:59', '2025-03-30T00:59:59'],
  ['the first second of a gap', 'Europe/Berlin', '2025-03-30T02:00', '2025-03-30T01:00:00'],
  ['the last second of a gap', 'Europe/Berlin', '2025-03-30T02:59:59', '2025-03-30T01:00:00'],
  ['the first second after a gap', 'Europe/Berlin', '2025-03-30T03:00', '2025-03-30T01:00:00'],
  ['a time that happens twice', 'Europe/Berlin', '2025-10-26T02:30', '2025-10-26T00:30:00'],
  ['the second after the repeated hour', 'Europe/Berlin', '2025-10-26T03:00', '2025-10-26T02:00:00'],
  ['half an hour that happens twice', 'Australia/Lord_Howe', '2025-04-06T01:45', '2025-04-05T14:45:00'],
  ['a date that was left out', 'Pacific/Apia', '2011-12-30T12:00', '2011-12-30T10:00:00'],
]

describe('a time zone', () => {
  for (const [name, from, until, change] of CHANGES) {
    test(`${name} changes between ${from} and ${until} at ${change}`, () => {
      const found = new Zone(name).nextChange(at(from), at(until))
      assert.equal(found === null ? null : shown(found), change)
    })
  }

  for (const [what, name, wall, instant] of INSTANTS) {
    test(`${name}: ${what} is one instant`, () => {
      assert.equal(shown(new Zone(name).instantOf(at(wall))), instant)
    })
  }

  test('shows each time of a day on which its clock changes', () => {
    for (const [instant, wall] of [
      ['2025-10-26T00:00', '2025-10-26T02:00'],
      ['2025-10-26T00:59:59.999', '2025-10-26T02:59:59.999'],
      ['2025-10-26T01:00', '2025-10-26T02:00'],
      ['2025-10-26T23:00', '2025-10-27T00:00'],
    ])
      assert.equal(new Zone('Europe/Berlin').wallAt(at(instant)), at(wall))
  })
})
