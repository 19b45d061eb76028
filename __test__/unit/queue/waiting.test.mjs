import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { getEventListeners } from 'node:events'
import { DummyBackend, JobQueue } from 'durabl'
import { deferred, settled } from '../../support/async.mjs'
import { recordingLogger } from '../../support/loggers.mjs'
import { heldTimers } from '../../support/time.mjs'

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }

/** A backend that counts the looks and the ids in them. */
class Watched extends DummyBackend {
  looks = []
  fails = false

  async ends(ids) {
    this.looks.push([...ids])
    if (this.fails) throw new Error('away')
    return super.ends(ids)
  }
}

function started(logger = SILENT) {
  const backend = new Watched()
  return { backend, queue: new JobQueue(backend, logger, { autoRecover: false }) }
}

async function complete(backend, id) {
  const { claimToken } = await backend.claimNext('t')
  await backend.complete(id, claimToken)
}

/** Tells whether a promise has an outcome by now. */
async function isOver(promise) {
  const pending = Symbol('pending')
  await settle()
  return (await Promise.race([promise, pending])) !== pending
}

/** Lets what is due run: all promises, and what they lead to. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

async function pass(ms) {
  for (let left = ms; left > 0; left -= 50) {
    mock.timers.tick(Math.min(50, left))
    await settle()
  }
}

test('all calls share a query, the pauses of which grow to a second', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const { backend, queue } = started()
  const ids = []
  for (let number = 0; number < 3; number += 1) ids.push(await backend.enqueue('t', {}))
  const waiting = Promise.all(ids.map((id) => queue.waitFor(id)))
  await settle()
  assert.deepEqual(backend.looks, [ids])
  await pass(1000)
  assert.ok(
    backend.looks.length >= 5 && backend.looks.length <= 8,
    `${backend.looks.length} looks in a second`,
  )
  assert.ok(backend.looks.every((look) => look.length === 3))
  await pass(10_000)
  const before = backend.looks.length
  await pass(10_000)
  assert.ok(backend.looks.length - before >= 9 && backend.looks.length - before <= 11)
  for (const id of ids) {
    const { claimToken } = await backend.claimNext('t')
    await backend.complete(id, claimToken)
  }
  await pass(1000)
  assert.deepEqual(
    (await waiting).map(({ status }) => status),
    ['completed', 'completed', 'completed'],
  )
  const last = backend.looks.length
  await pass(5000)
  assert.equal(backend.looks.length, last, 'nobody waits, and nothing looks')
})

test('two calls for one job ask for it once', async () => {
  const { backend, queue } = started()
  const id = await backend.enqueue('t', {})
  const waiting = Promise.all([queue.waitFor(id), queue.waitFor(id)])
  await settle()
  assert.ok(backend.looks.length > 0)
  // On a busy machine the next look may have come already.
  for (const look of backend.looks) assert.deepEqual(look, [id])
  const { claimToken } = await backend.claimNext('t')
  await backend.complete(id, claimToken)
  assert.equal((await waiting).length, 2)
})

test('the end of a job that this queue runs is seen at once', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const { backend, queue } = started()
  const gate = deferred()
  queue.process('t', () => gate.promise)
  const id = await queue.enqueue('t', {})
  const waiting = queue.waitFor(id)
  await pass(5000)
  const before = backend.looks.length
  gate.resolve()
  for (let turn = 0; turn < 10; turn += 1) await settle()
  assert.deepEqual(await waiting, { status: 'completed', result: undefined })
  assert.equal(backend.looks.length, before + 1)
  await queue.shutdown(0)
})

test('a job that is removed while it is waited for is not found', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const { backend, queue } = started()
  const id = await backend.enqueue('t', {})
  const waiting = queue.waitFor(id)
  await pass(500)
  backend.reset()
  await pass(1000)
  assert.deepEqual(await waiting, { status: 'not-found' })
})

test('a server that is away is asked again, and a time-out ends the wait all the same', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const { backend, queue } = started()
  const id = await backend.enqueue('t', {})
  backend.fails = true
  const bounded = queue.waitFor(id, { timeoutMs: 500 })
  const endless = queue.waitFor(id)
  await pass(3000)
  assert.deepEqual(await bounded, { status: 'timed-out' })
  backend.fails = false
  const { claimToken } = await backend.claimNext('t')
  await backend.failFatal(id, 'no', claimToken)
  await pass(1000)
  assert.deepEqual(await endless, { status: 'failed', ending: 'fatal', failReason: 'no' })
})

test('a backend that lacks the looks says so', async () => {
  const full = new DummyBackend()
  const backend = new Proxy(full, {
    get: (target, name) =>
      ['getJob', 'listJobs', 'ends'].includes(name) ? undefined : Reflect.get(target, name),
  })
  const queue = new JobQueue(backend, SILENT, { autoRecover: false })
  for (const [call, method] of [
    [() => queue.getJob('a'), 'getJob: this backend has no getJob()'],
    [() => queue.listJobs({ status: 'failed' }), 'listJobs: this backend has no listJobs()'],
    [() => queue.waitFor('a'), 'waitFor: this backend has no ends()'],
  ]) {
    await assert.rejects(call, { code: 'ERR_DURABL_UNSUPPORTED', message: method })
  }
})

test('one query asks for a thousand jobs at most', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const { backend, queue } = started()
  const ids = []
  for (let number = 0; number < 1001; number += 1) ids.push(await backend.enqueue('t', {}))
  const waits = Promise.allSettled(ids.map((id) => queue.waitFor(id)))
  await settle()
  assert.deepEqual(
    backend.looks.map((look) => look.length),
    [1000, 1],
  )
  await queue.shutdown()
  assert.ok((await waits).every(({ status }) => status === 'rejected'))
})

test('a job that ended in the last pause is seen when the time is up', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const { backend, queue } = started()
  const id = await backend.enqueue('t', {})
  const waiting = queue.waitFor(id, { timeoutMs: 10_500 })
  await pass(10_450)
  const before = backend.looks.length
  // By another process, whose end this queue hears nothing of.
  await complete(backend, id)
  mock.timers.tick(50)
  assert.equal((await waiting).status, 'completed')
  assert.equal(backend.looks.length, before + 1)
})

test('a job that has not ended is timed out by the look when the time is up', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const { backend, queue } = started()
  const waiting = queue.waitFor(await backend.enqueue('t', {}), { timeoutMs: 10_500 })
  await pass(10_450)
  assert.equal(await isOver(waiting), false)
  mock.timers.tick(50)
  assert.deepEqual([await isOver(waiting), await waiting], [true, { status: 'timed-out' }])
})

test('a last look that fails ends the wait as well', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const { backend, queue } = started()
  backend.fails = true
  const waiting = queue.waitFor(await backend.enqueue('t', {}), { timeoutMs: 500 })
  await pass(500)
  assert.deepEqual([await isOver(waiting), await waiting], [true, { status: 'timed-out' }])
})

test('a last look without an answer ends the wait after a second', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const { backend, queue } = started()
  const waiting = queue.waitFor(await backend.enqueue('t', {}), { timeoutMs: 500 })
  await pass(450)
  backend.ends = () => new Promise(() => {})
  await pass(1000)
  assert.equal(await isOver(waiting), false)
  await pass(50)
  assert.deepEqual(await waiting, { status: 'timed-out' })
})

test('calls that begin while a look is under way share the next one, which follows at once', async () => {
  const { backend, queue } = started()
  const ids = []
  for (let number = 0; number < 3; number += 1) ids.push(await backend.enqueue('t', {}))
  const gate = deferred()
  const looks = []
  backend.ends = async (asked) => {
    looks.push(asked)
    await gate.promise
    return asked.map((id) => ({ id, status: 'superseded' }))
  }
  const waits = [queue.waitFor(ids[0])]
  await settle()
  waits.push(queue.waitFor(ids[1]), queue.waitFor(ids[2]))
  await settle()
  assert.deepEqual(looks, [[ids[0]]])
  gate.resolve()
  await settled()
  assert.deepEqual(looks, [[ids[0]], [ids[1], ids[2]]])
  await Promise.all(waits)
})

test('a wait that is aborted looks no more, and leaves nothing behind', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const { backend, queue } = started()
  const id = await backend.enqueue('t', {})
  const controller = new AbortController()
  const waiting = queue.waitFor(id, { signal: controller.signal })
  const other = queue.waitFor(id)
  await settle()
  controller.abort(new Error('enough'))
  await assert.rejects(waiting, { message: 'enough' })
  assert.deepEqual(getEventListeners(controller.signal, 'abort'), [])
  await complete(backend, id)
  await pass(1000)
  assert.equal((await other).status, 'completed')
  const { length } = backend.looks
  await pass(5000)
  assert.equal(backend.looks.length, length)
})

test('a signal that outlives the wait keeps no listener of it', async () => {
  const { backend, queue } = started()
  const { signal } = new AbortController()
  const id = await backend.enqueue('t', {})
  await complete(backend, id)
  await queue.waitFor(id, { signal })
  assert.deepEqual(getEventListeners(signal, 'abort'), [])
})

test('the timer ends with the last wait, and begins with the next one', async () => {
  const before = heldTimers()
  const { backend, queue } = started()
  for (let turn = 0; turn < 2; turn += 1) {
    const ids = [await backend.enqueue('t', {}), await backend.enqueue('t', {})]
    const waits = ids.map((id) => queue.waitFor(id))
    await settle()
    assert.equal(heldTimers() - before, 1)
    await complete(backend, ids[0])
    await waits[0]
    assert.equal(heldTimers() - before, 1)
    await complete(backend, ids[1])
    await waits[1]
    assert.equal(heldTimers() - before, 0)
  }
})

test('a server that stays away is an error once, and news when it is back', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const logger = recordingLogger()
  const { backend, queue } = started(logger)
  const id = await backend.enqueue('t', {})
  backend.fails = true
  const waiting = queue.waitFor(id)
  await pass(20_000)
  backend.fails = false
  await complete(backend, id)
  await pass(1000)
  await waiting
  assert.deepEqual(
    logger.entries
      .filter(({ level }) => level !== 'debug')
      .map(({ level, failures }) => [level, failures])
      .slice(0, 5),
    [
      ['warn', 1],
      ['warn', 2],
      ['warn', 3],
      ['warn', 4],
      ['error', 5],
    ],
  )
  assert.equal(logger.at('error').length, 1)
  assert.match(logger.at('info').at(-1).message, /^waiting for the ends of jobs works again/)
})
