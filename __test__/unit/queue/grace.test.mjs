/** The time that a shutdown gives to handlers: it may become shorter while it is waited for, and leaves no timer behind. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Grace } from '../../../dist/queue/grace.js'
import { deferred, never, settled } from '../../support/async.mjs'
import { heldTimers } from '../../support/time.mjs'

/** Asserts that of so many milliseconds none or few have passed: far less than any two figures here are apart. */
function assertAbout(leftMs, expectedMs) {
  assert.ok(leftMs <= expectedMs && leftMs > expectedMs - 5000, `${leftMs} ms are left of ${expectedMs}`)
}

describe('the time that is left', () => {
  test('is at first the whole, in whole milliseconds', () => {
    const left = new Grace(60_000).left()
    assertAbout(left, 60_000)
    assert.ok(Number.isInteger(left))
  })

  test('is none at the end, and never less', () => {
    assert.equal(new Grace(0).left(), 0)
    assert.equal(new Grace(-500).left(), 0)
  })

  test('counts the time on top of it from the same end', () => {
    assertAbout(new Grace(60_000).left(20_000), 80_000)
    assertAbout(new Grace(-20_000).left(60_000), 40_000)
  })

  test('becomes shorter by a later call, and never longer', () => {
    const grace = new Grace(60_000)
    grace.shorten(90_000)
    assertAbout(grace.left(), 60_000)
    grace.shorten(30_000)
    assertAbout(grace.left(), 30_000)
    grace.shorten(0)
    assert.equal(grace.left(), 0)
  })
})

describe('a promise that is waited for', () => {
  for (const [name, promise] of [
    ['is fulfilled', Promise.resolve()],
    ['is rejected', Promise.reject(new Error('no'))],
  ]) {
    test(`and ${name} is covered, and holds the process no longer`, async () => {
      const before = heldTimers()
      assert.equal(await new Grace(60_000).covers(promise), true)
      assert.equal(heldTimers() - before, 0)
    })
  }

  test('for longer than the grace is not covered', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    let covered
    void new Grace(1000).covers(never(), 500).then((is) => (covered = is))
    t.mock.timers.tick(1000)
    await settled()
    assert.equal(covered, undefined)
    t.mock.timers.tick(500)
    await settled()
    assert.equal(covered, false)
  })

  test('ends with a grace that becomes shorter meanwhile', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const grace = new Grace(60_000)
    let covered
    void grace.covers(never()).then((is) => (covered = is))
    grace.shorten(100)
    t.mock.timers.tick(100)
    await settled()
    assert.equal(covered, false)
  })

  test('has one timer, however often the grace becomes shorter, and none afterwards', async () => {
    const before = heldTimers()
    const grace = new Grace(60_000)
    const gate = deferred()
    const covers = grace.covers(gate.promise)
    grace.shorten(50_000)
    grace.shorten(40_000)
    assert.equal(heldTimers() - before, 1)
    gate.resolve()
    assert.equal(await covers, true)
    grace.shorten(30_000)
    assert.equal(heldTimers() - before, 0)
  })
})
