import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { deferred } from '../../support/async.mjs'

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

function started() {
  const backend = new Watched()
  return { backend, queue: new JobQueue(backend, SILENT, { autoRecover: false }) }
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
  assert.deepEqual(backend.looks, [[id]])
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
