/** Reasons for a process to live, which end one by one or all at once. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { KeepAlive } from '../../../dist/base/keep-alive.js'
import { heldTimers } from '../../support/time.mjs'

let keepAlive, before
beforeEach(() => {
  before = heldTimers()
  keepAlive = new KeepAlive()
})
afterEach(() => keepAlive.drop())

/** The number of timers that hold the process because of it: there is no reason for more than one. */
const held = () => heldTimers() - before

test('nothing holds the process before there is a reason', () => assert.equal(held(), 0))

test('one timer holds the process, however many reasons there are, until the last has ended', () => {
  keepAlive.hold()
  keepAlive.hold()
  assert.equal(held(), 1)
  keepAlive.release()
  assert.equal(held(), 1)
  keepAlive.release()
  assert.equal(held(), 0)
})

test('a reason after the last one holds it again', () => {
  keepAlive.hold()
  keepAlive.release()
  keepAlive.hold()
  assert.equal(held(), 1)
  keepAlive.release()
  assert.equal(held(), 0)
})

test('all reasons can be dropped at once, and count no longer', () => {
  keepAlive.hold()
  keepAlive.hold()
  keepAlive.drop()
  assert.equal(held(), 0)
  keepAlive.hold()
  assert.equal(held(), 1)
  keepAlive.release()
  assert.equal(held(), 0)
})
