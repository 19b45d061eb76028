/**
 * The calendar against tables. `occurrences.jsonl` was made by brute force, by a program in another language with another library for time
 * zones. Its first rows are the nights on which clocks change.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { previewSchedule } from 'durabl'

const rows = readFileSync(new URL('occurrences.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map(JSON.parse)

const preview = (times, after, count) =>
  previewSchedule(times, { after: new Date(after), count }).map((date) => date.toISOString())

const inFull = (moments) => moments.map((moment) => new Date(moment).toISOString())

describe('occurrences of a pattern', () => {
  it('are given for at least two hundred cases', () => assert.ok(rows.length >= 200, `${rows.length}`))

  for (const { what, cron, timezone, after, next } of rows) {
    it(`${what === undefined ? '' : `${what}: `}${cron} in ${timezone} after ${after}`, () => {
      assert.deepEqual(preview({ cron, timezone }, after, next.length), inFull(next))
    })
  }
})

describe('a leap day', () => {
  it('comes after eight years where a century has none', () => {
    assert.deepEqual(preview({ cron: '0 0 29 2 *' }, '2096-03-01', 1), ['2104-02-29T00:00:00.000Z'])
  })
})

describe('equal distances', () => {
  it('are counted from 1970', () => {
    assert.deepEqual(preview({ everyMs: 90_000 }, '1970-01-01T00:01:00Z', 2), [
      '1970-01-01T00:01:30.000Z',
      '1970-01-01T00:03:00.000Z',
    ])
  })
  it('are counted from startAt, which is the first occurrence', () => {
    const startAt = new Date('2025-01-01T00:00:07Z')
    assert.deepEqual(preview({ everyMs: 60_000, startAt }, '2024-06-01', 2), [
      '2025-01-01T00:00:07.000Z',
      '2025-01-01T00:01:07.000Z',
    ])
  })
  it('go on after an occurrence, not with it', () => {
    assert.deepEqual(preview({ everyMs: 1000 }, '2025-01-01T00:00:01Z', 1), ['2025-01-01T00:00:02.000Z'])
  })
})

describe('the bounds of a schedule', () => {
  const startAt = new Date('2025-06-01T09:00:00Z')
  const endAt = new Date('2025-06-03T09:00:00Z')
  it('are occurrences themselves if the pattern has them', () => {
    assert.deepEqual(preview({ cron: '0 9 * * *', startAt, endAt }, '2025-01-01', 10), [
      '2025-06-01T09:00:00.000Z',
      '2025-06-02T09:00:00.000Z',
      '2025-06-03T09:00:00.000Z',
    ])
  })
  it('may be one moment', () => {
    assert.deepEqual(preview({ everyMs: 1000, startAt, endAt: startAt }, '2025-01-01', 10), [
      startAt.toISOString(),
    ])
  })
  it('leave nothing after the end', () => {
    assert.deepEqual(preview({ cron: '0 9 * * *', endAt }, '2025-06-03T09:00:00Z', 10), [])
  })
})

describe('a preview', () => {
  it('begins now, and has five occurrences, by default', () => {
    const before = Date.now()
    const dates = previewSchedule({ everyMs: 1000 })
    assert.equal(dates.length, 5)
    assert.ok(dates[0].getTime() > before && dates[0].getTime() <= Date.now() + 1000)
  })
})
