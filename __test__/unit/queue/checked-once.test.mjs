/** A backend that offers twins is given what the queue has checked; a method that is overridden gets what the app gave. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import { checkedOnce } from '../../../dist/backend/checked.js'
import { silentLogger } from '../../support/loggers.mjs'

const METHODS = ['enqueue', 'enqueueDetailed', 'enqueueMany', 'enqueueManyDetailed', 'claimOrEnqueue']
const MANY = ['enqueueMany', 'enqueueManyDetailed']
const DUPLICATE = { status: 'duplicate', id: null }
const ANSWERS = {
  enqueueDetailed: DUPLICATE,
  enqueueMany: [DUPLICATE],
  enqueueManyDetailed: [DUPLICATE],
}

/** A class of backends with twins, which note how they are called. */
function arrange() {
  const calls = []
  const nothing = (name) => ANSWERS[name] ?? null
  const noting = (name) => [name, async (...args) => (calls.push([name, ...args]), nothing(name))]
  class Backend {}
  const called =
    (name) =>
    async (...args) => (calls.push([`public ${name}`, ...args]), nothing(name))
  for (const name of METHODS) Backend.prototype[name] = called(name)
  for (const name of ['claimNext', 'complete', 'fail', 'failFatal', 'findOne', 'getStats', 'log']) {
    Backend.prototype[name] = async () => null
  }
  checkedOnce(Backend.prototype, Object.fromEntries(METHODS.map(noting)))
  return { Backend, calls, called }
}

const CALLS = {
  enqueue: (queue, options) => queue.enqueue('t', 1, options),
  enqueueMany: (queue, options) => queue.enqueueMany([{ type: 't', data: 1, options }]),
  enqueueDetailed: (queue, options) => queue.enqueueDetailed('t', 1, options),
  enqueueManyDetailed: (queue, options) =>
    queue.enqueueMany([{ type: 't', data: 1, options }], { detailed: true }),
  claimOrEnqueue: (queue, options) => queue.claimOrEnqueue('t', 1, options),
}

for (const [name, call] of Object.entries(CALLS)) {
  test(`${name} of a backend with twins is given what was checked`, async () => {
    const { Backend, calls } = arrange()
    const backend = new Backend()
    await call(new JobQueue(backend, silentLogger), { priority: 7 })
    const [[twin, on, settings]] = calls
    assert.equal(calls.length, 1)
    assert.equal(twin, name)
    assert.equal(on, backend)
    const job = MANY.includes(name) ? settings[0] : settings
    assert.deepEqual([job.type, job.priority, job.maxAttempts], ['t', 7, 3])
  })

  const replacements = {
    'of the object': (backend, method) => Object.assign(backend, { [name]: method }),
    'of the class': (backend, method) => Object.assign(Object.getPrototypeOf(backend), { [name]: method }),
    'of a subclass': (backend, method) =>
      Object.setPrototypeOf(
        backend,
        Object.assign(Object.create(Object.getPrototypeOf(backend)), { [name]: method }),
      ),
  }
  for (const [how, replace] of Object.entries(replacements)) {
    test(`${name} that is replaced after the queue was made gets what the app gave: ${how}`, async () => {
      const { Backend, calls, called } = arrange()
      const backend = new Backend()
      const queue = new JobQueue(backend, silentLogger)
      replace(backend, called(name))
      const options = { priority: 7 }
      await call(queue, options)
      const [[method, first, , third]] = calls
      assert.equal(calls.length, 1)
      assert.equal(method, `public ${name}`)
      assert.equal(MANY.includes(name) ? first[0].options : third, options)
    })
  }
}

test('MongoJobQueue has twins of all of them', async () => {
  const given = []
  const opened = { engine: {}, codec: null, refuseUnusable() {} }
  const queue = Object.assign(Object.create(MongoJobQueue.prototype), { opened })
  for (const [name, call] of Object.entries(CALLS)) {
    let reads = 0
    const options = {
      get priority() {
        reads += 1
        return 0
      },
    }
    // Without a codec it fails, but after the options were read.
    await assert.rejects(call(new JobQueue(queue, silentLogger), options))
    given.push([name, reads])
  }
  assert.deepEqual(given, [
    ['enqueue', 1],
    ['enqueueMany', 1],
    ['enqueueDetailed', 1],
    ['enqueueManyDetailed', 1],
    ['claimOrEnqueue', 1],
  ])
})
