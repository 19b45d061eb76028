/** The server's clock, as claims show it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClaimClock } from '../../../dist/orchestrator/clock.js'

const MINUTE_MS = 60_000

function isAbout(clock, awayMs) {
  const away = clock.now() - Date.now()
  assert.ok(Math.abs(away - awayMs) < 500, `it is away by ${away} ms`)
}

test('without a claim it is the process’s own', () => {
  isAbout(new ClaimClock(), 0)
})

for (const awayMs of [10 * MINUTE_MS, -10 * MINUTE_MS]) {
  test(`claims by a server that is ${awayMs / MINUTE_MS} minutes away show its time`, () => {
    const clock = new ClaimClock()
    clock.note(new Date(Date.now() + awayMs))
    isAbout(clock, awayMs)
    // A claim that waited for its turn shows an earlier time.
    clock.note(new Date(Date.now() + awayMs - 2000))
    for (const none of [undefined, new Date(NaN)]) clock.note(none)
    isAbout(clock, awayMs)
  })
}
