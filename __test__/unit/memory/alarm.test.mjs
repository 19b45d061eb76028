/** One timer for the soonest of many moments. */
import assert from 'node:assert/strict'
import { describe, mock, test } from 'node:test'
import { Alarm } from '../../../dist/memory/alarm.js'
import { atEnd } from '../../support/cleanup.mjs'

/** An alarm for a list of moments, on timers that stand still; each ring takes the moments that have passed. */
function arrange(t, ...moments) {
  mock.timers.reset()
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 })
  atEnd(t, () => mock.timers.reset())
  const rings = []
  const alarm = new Alarm(
    () => (moments.length === 0 ? null : Math.min(...moments)),
    () => Date.now(),
    () => {
      rings.push(Date.now())
      moments = moments.filter((moment) => moment > Date.now())
    },
  )
  const add = (moment) => {
    moments.push(moment)
    alarm.add(moment)
  }
  /** Millisecond by millisecond: within one step all timers see its end. */
  const pass = (ms) => {
    for (let n = 0; n < ms; n += 1) mock.timers.tick(1)
  }
  return { alarm, rings, add, pass }
}

describe('an alarm', () => {
  test('rings at each of its moments, once it is started', (t) => {
    const { alarm, rings, pass } = arrange(t, 30, 10, 20)
    pass(40)
    assert.deepEqual(rings, [])
    const later = arrange(t, 30, 10, 20)
    later.alarm.start()
    later.pass(40)
    assert.deepEqual(later.rings, [10, 20, 30])
    alarm.stop()
  })

  test('rings at a moment that is added, sooner or later than the others, and once at one that is added twice', (t) => {
    const { alarm, rings, add, pass } = arrange(t, 20)
    alarm.start()
    for (const moment of [10, 30, 10, 20]) add(moment)
    pass(40)
    assert.deepEqual(rings, [10, 20, 30])
  })

  test('rings soon for a moment that has passed, and not within the call', (t) => {
    const { rings, add, pass } = arrange(t)
    pass(5)
    add(3)
    assert.deepEqual(rings, [])
    pass(1)
    assert.deepEqual(rings, [6])
  })

  test('does not ring once it is stopped, until it is started again', (t) => {
    const { alarm, rings, pass } = arrange(t, 10)
    alarm.start()
    alarm.stop()
    pass(20)
    assert.deepEqual(rings, [])
    alarm.start()
    pass(1)
    assert.deepEqual(rings, [21])
  })

  test('without a moment does not ring', (t) => {
    const { alarm, rings, pass } = arrange(t)
    alarm.start()
    pass(10)
    assert.deepEqual(rings, [])
  })
})
