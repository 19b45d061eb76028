/** Slots of `ImmediateBackend`: how many handlers of a type run at once inside the calls that wait for them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nested, nesting } from '../../../dist/base/nesting.js'
import { InlineSlots } from '../../../dist/memory/inline-slots.js'
import { deferred } from '../../support/async.mjs'

/** Promises have their turn. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

/** Slots, and calls by name: which have begun, in order, and a way to end each. */
function arrange() {
  const slots = new InlineSlots()
  const begun = []
  const ends = new Map()
  const call = (name, type = 't') => {
    const end = deferred()
    ends.set(name, end)
    return slots.within(type, () => {
      begun.push(name)
      return end.promise
    })
  }
  return { slots, begun, call, end: (name) => ends.get(name).resolve(name), ends }
}

describe('a slot', () => {
  test('is free for every call without a limit', async () => {
    const { begun, call, end } = arrange()
    const calls = ['a', 'b', 'c'].map((name) => call(name))
    assert.deepEqual(begun, ['a', 'b', 'c'])
    for (const name of begun) end(name)
    assert.deepEqual(await Promise.all(calls), ['a', 'b', 'c'])
  })

  test('goes over to the calls in line, in their order; other types do not wait', async () => {
    const { slots, begun, call, end } = arrange()
    slots.limit('t', 1)
    const calls = ['a', 'b', 'c'].map((name) => call(name))
    void call('other', 'u')
    assert.deepEqual(begun, ['a', 'other'])
    end('a')
    assert.equal(await calls[0], 'a')
    await settled()
    assert.deepEqual(begun, ['a', 'other', 'b'])
    end('b')
    await settled()
    end('c')
    assert.deepEqual(await Promise.all(calls), ['a', 'b', 'c'])
    void call('later')
    assert.equal(begun.at(-1), 'later')
  })

  test('is free again after an error', async () => {
    const { slots, begun, call, ends } = arrange()
    slots.limit('t', 1)
    const [failing] = [call('a'), void call('b')]
    ends.get('a').reject(new Error('no'))
    await assert.rejects(failing, /no/)
    await settled()
    assert.deepEqual(begun, ['a', 'b'])
  })

  test('comes with a higher limit, for as many calls as it allows', async () => {
    const { slots, begun, call } = arrange()
    slots.limit('t', 1)
    for (const name of ['a', 'b', 'c', 'd']) void call(name)
    slots.limit('t', 3)
    await settled()
    assert.deepEqual(begun, ['a', 'b', 'c'])
  })

  test('does not go over to the next call while more run than a lower limit allows', async () => {
    const { slots, begun, call, end } = arrange()
    slots.limit('t', 3)
    for (const name of ['a', 'b', 'c', 'd']) void call(name)
    slots.limit('t', 1)
    for (const name of ['a', 'b']) {
      end(name)
      await settled()
      assert.deepEqual(begun, ['a', 'b', 'c'])
    }
    end('c')
    await settled()
    assert.deepEqual(begun, ['a', 'b', 'c', 'd'])
  })

  test('comes for no call with a limit of 0, nor for those in line', async () => {
    const { slots, begun, call, end } = arrange()
    slots.limit('t', 1)
    const running = call('a')
    const waiting = call('b')
    slots.limit('t', 0)
    assert.equal(await waiting, null)
    assert.equal(await call('c'), null)
    end('a')
    assert.equal(await running, 'a')
    assert.deepEqual(begun, ['a'])
    slots.limit('t', 1)
    void call('d')
    assert.deepEqual(begun, ['a', 'd'])
  })

  test('is not needed within a handler of the type, which waits for this very call', async () => {
    const { slots, begun, call, end } = arrange()
    slots.limit('t', 1)
    const job = { type: 't' }
    const handler = nested(() => call('inner'))
    const outer = slots.within('t', () => nesting(slots, job, () => handler(job)))
    await settled()
    assert.deepEqual(begun, ['inner'])
    end('inner')
    assert.equal(await outer, 'inner')
  })
})
