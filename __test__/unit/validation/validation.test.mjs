/** Nothing malformed reaches a backend: each call is refused, by name, before anything was recorded. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { BACKEND, CONSTRUCTORS, ENQUEUE, OTHERS, PAYLOADS, PROCESS } from './malformed.mjs'
import { CONTROL, CONTROL_OF_MANY } from './malformed-control.mjs'

const handler = async () => {}

/** Methods reject and constructors throw: a user may write either way of catching. */
async function caught(call) {
  try {
    await call()
  } catch (error) {
    return error
  }
  assert.fail('it was accepted')
}

function assertRefusal(error, errorClass, says) {
  assert.equal(error.constructor, errorClass, String(error))
  assert.equal(error.code, 'ERR_DURABL_INVALID_ARGUMENT')
  for (const words of says) assert.ok(error.message.includes(words), `“${words}” in “${error.message}”`)
  assert.ok(error.message.length < 350, `short: ${error.message}`)
}

describe('the queue refuses', () => {
  for (const [name, errorClass, says, call] of [
    ...ENQUEUE,
    ...PROCESS,
    ...OTHERS,
    ...CONTROL,
    ...CONTROL_OF_MANY,
  ]) {
    test(name, async () => {
      const backend = new DummyBackend()
      const queue = new JobQueue(backend)
      assertRefusal(await caught(() => call(queue)), errorClass, says)
      assert.equal(backend.jobs.length, 0)
      // Nothing is half-done: the same queue takes the right call.
      queue.process('t', handler)
      await queue.shutdown()
    })
  }

  for (const [name, errorClass, says, options] of [
    ['maxDrains negative', RangeError, ['"maxDrains"'], { maxDrains: -1 }],
    ['maxDrains a half', RangeError, ['"maxDrains"'], { maxDrains: 0.5 }],
    ['unknown option', TypeError, ['"maxDrains"?'], { maxDrain: 3 }],
  ]) {
    test(`runClaimed: ${name}`, async () => {
      const queue = new JobQueue(new DummyBackend())
      const claimed = await queue.claimOrEnqueue('t', {})
      assertRefusal(await caught(() => queue.runClaimed(claimed, handler, options)), errorClass, says)
      assert.deepEqual(await claimed.complete(), { status: 'completed' })
    })
  }
})

describe('constructors refuse', () => {
  for (const [name, errorClass, says, call] of CONSTRUCTORS) {
    test(name, async () => assertRefusal(await caught(call), errorClass, says))
  }
})

describe('backends refuse, also without a queue', () => {
  for (const [name, errorClass, says, call] of [...BACKEND, ...CONTROL]) {
    test(name, async () => {
      const backend = new DummyBackend()
      await backend.enqueue('t', {})
      const { claimToken } = await backend.claimNext('t')
      assertRefusal(await caught(() => call(backend)), errorClass, says)
      assert.equal(backend.jobs[0].status, 'active')
      assert.equal(backend.jobs[0].claimToken, claimToken)
    })
  }
})

describe('payloads that cannot be stored are refused in memory as well', () => {
  for (const [name, says, payload] of PAYLOADS) {
    test(name, async () => {
      const backend = new DummyBackend()
      const queue = new JobQueue(backend)
      for (const call of ['enqueue', 'claimOrEnqueue']) {
        const error = await caught(() => queue[call]('t', payload()))
        assert.equal(error.name, 'PayloadError')
        assert.equal(error.code, 'ERR_DURABL_PAYLOAD_NOT_ENCODABLE')
        for (const words of says) assert.ok(error.message.includes(words), error.message)
      }
      assert.equal(backend.jobs.length, 0)
    })
  }
})

describe('a call without a mistake is accepted', () => {
  const TAKEN = [
    ['no options', undefined],
    ['null for all options', null],
    [
      'every option undefined',
      { priority: undefined, delay: undefined, dedupeKey: undefined, coalesce: undefined },
    ],
    ['a scope without a key', { dedupeScope: 'pending' }],
    ['a delay out of a calculation', { delay: 1234.5678 }],
    ['a negative priority', { priority: -10 }],
    ['a cap below the delay', { backoffDelay: 5000, backoffMaxDelay: 1 }],
    ['an object without a prototype', Object.assign(Object.create(null), { priority: 1 })],
    ['a key with emoji', { dedupeKey: 'user:🙂' }],
  ]
  for (const [name, options] of TAKEN) {
    test(name, async () => {
      const backend = new DummyBackend()
      assert.equal(await new JobQueue(backend).enqueue('t', {}, options), 'dummy-1')
    })
  }

  test('fractions of a millisecond are rounded up', async () => {
    const backend = new DummyBackend({ clock: () => 0 })
    await new JobQueue(backend).enqueue('t', {}, { delay: 0.1 })
    assert.equal(backend.jobs[0].runAt.getTime(), 1)
  })

  test('options are read once, and later changes of them change nothing', async () => {
    const backend = new DummyBackend()
    const options = { priority: 1, dedupeKey: 'k' }
    await new JobQueue(backend).enqueue('t', {}, options)
    options.priority = 9
    assert.equal(backend.jobs[0].priority, 1)
  })
})
