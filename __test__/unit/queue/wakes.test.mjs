/**
 * Calls that make jobs due wake this queue's own workers at once, by the type and the time that they know. No backend has to do that. Calls
 * without an effect wake none.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { afterTransaction } from '../../../dist/backend/after-transaction.js'
import { deferred, settled } from '../../support/async.mjs'
import { LegacyBackend } from '../../support/legacy-backend.mjs'

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }
const NOW = Date.UTC(2030, 0, 1)

/** A queue whose backend gives these answers, and what its driver and its listener of changes are told. */
function played(answers) {
  const backend = Object.assign(new DummyBackend(), answers, { transactions: {} })
  const told = { wakes: [], cancelled: [], changes: [] }
  const onJobChange = (change) => told.changes.push(change)
  const queue = new JobQueue(backend, SILENT, { autoRecover: false, onJobChange })
  queue.driver.wake = (...args) => void told.wakes.push(args)
  queue.driver.jobCancelled = (...args) => void told.cancelled.push(args)
  return { backend, queue, told }
}

const answering = (answer) => async () => answer

describe('workers are woken', () => {
  for (const [name, answers, call, wakes] of [
    ['by a promotion', { promote: answering({ status: 'promoted' }) }, (q) => q.promote('j'), [[null, 0]]],
    [
      'by no promotion without effect',
      { promote: answering({ status: 'not-found' }) },
      (q) => q.promote('j'),
      [],
    ],
    [
      'by a retry, at its time',
      { retry: answering({ status: 'retried' }) },
      (q) => q.retry('j', { delay: 70 }),
      [[null, 70]],
    ],
    ['by no retry without effect', { retry: answering({ status: 'not-found' }) }, (q) => q.retry('j'), []],
    [
      'by a new delay',
      { reschedule: answering({ status: 'rescheduled' }) },
      (q) => q.reschedule('j', { delay: 500 }),
      [[null, 500]],
    ],
    [
      'by a new moment',
      { reschedule: answering({ status: 'rescheduled' }) },
      (q) => q.reschedule('j', { runAt: new Date(NOW + 900) }),
      [[null, 900]],
    ],
    [
      'at once by a moment that has passed',
      { reschedule: answering({ status: 'rescheduled' }) },
      (q) => q.reschedule('j', { runAt: new Date(NOW - 900) }),
      [[null, 0]],
    ],
    [
      'at once by another priority',
      { reschedule: answering({ status: 'rescheduled' }) },
      (q) => q.reschedule('j', { priority: 1 }),
      [[null, 0]],
    ],
    [
      'by no new moment without effect',
      { reschedule: answering({ status: 'not-found' }) },
      (q) => q.reschedule('j', { delay: 500 }),
      [],
    ],
    [
      'by the end of a pause, of its type',
      { resume: answering({ status: 'resumed' }) },
      (q) => q.resume('work'),
      [['work', 0]],
    ],
    [
      'by the promotion of many, though it changed but one',
      { ends: answering([{ id: 'j', status: 'pending' }]), promoteEach: answering(1) },
      (q) => q.promoteMany({ ids: ['j'] }),
      [[null, 0]],
    ],
    [
      'by no promotion of many that changed none',
      { ends: answering([{ id: 'j', status: 'pending' }]), promoteEach: answering(0) },
      (q) => q.promoteMany({ ids: ['j'] }),
      [],
    ],
    [
      'by a new job, at its time',
      { enqueue: answering('j') },
      (q) => q.enqueue('work', {}, { delay: 30 }),
      [['work', 30]],
    ],
    ['by no duplicate', { enqueue: answering(null) }, (q) => q.enqueue('work', {}, { dedupeKey: 'k' }), []],
    [
      'by many new jobs, at the first time of each type',
      { enqueueMany: async (jobs) => jobs.map((_, n) => ({ status: 'created', id: `j${n}` })) },
      (q) =>
        q.enqueueMany([
          { type: 'a', data: 1, options: { delay: 40 } },
          { type: 'b', data: 1 },
          { type: 'a', data: 1, options: { delay: 20 } },
        ]),
      [
        ['a', 20],
        ['b', 0],
      ],
    ],
    [
      'by the one new job of a list',
      { enqueueMany: answering([{ status: 'created', id: 'j' }]) },
      (q) => q.enqueueMany([{ type: 'a', data: 1, options: { delay: 40 } }]),
      [['a', 40]],
    ],
    [
      'by no duplicate of a list',
      { enqueueMany: answering([{ status: 'duplicate', id: null }]) },
      (q) => q.enqueueMany([{ type: 'a', data: 1, options: { dedupeKey: 'k' } }]),
      [],
    ],
    ['by no call for no job', {}, (q) => q.enqueueMany([]), []],
  ]) {
    test(name, async (t) => {
      t.mock.timers.enable({ apis: ['Date'], now: NOW })
      const { queue, told } = played(answers)
      await call(queue)
      assert.deepEqual(told.wakes, wakes)
    })
  }

  test('by the end of a run by its handle: a processor may run what waited behind it', async () => {
    const { queue, told } = played({})
    const handle = await queue.claimOrEnqueue('work', {}, { dedupeKey: 'k' })
    told.wakes.length = 0
    await queue.runClaimed(handle, () => {})
    assert.deepEqual(told.wakes, [['work', 0]])
  })
})

describe('in a transaction', () => {
  /** The looks at a session keep no process alive. */
  let alive
  before(() => (alive = setInterval(() => {}, 1000)))
  after(() => clearInterval(alive))

  const session = () => ({ isActive: true, inTransaction: inProgress, endSession() {} })
  function inProgress() {
    return this.isActive
  }

  const CALLS = {
    enqueue: (queue, options) => queue.enqueue('work', {}, options),
    enqueueDetailed: (queue, options) => queue.enqueueDetailed('work', {}, options),
    enqueueMany: (queue, options) => queue.enqueueMany([{ type: 'work', data: {} }], options),
  }

  for (const [name, call] of Object.entries(CALLS)) {
    test(`${name} wakes workers once that is over, and not before`, async () => {
      const woken = deferred()
      const { queue, told } = played({
        enqueue: answering('j'),
        enqueueDetailed: answering({ status: 'created', id: 'j' }),
        enqueueMany: answering([{ status: 'created', id: 'j' }]),
      })
      queue.driver.wake = (...args) => woken.resolve(args)
      const within = session()
      await call(queue, { session: within })
      await settled()
      assert.deepEqual([told.wakes, told.changes], [[], []])
      within.isActive = false
      assert.deepEqual(await woken.promise, ['work', 0])
    })

    test(`${name} is refused by a backend that would drop the session in silence`, async () => {
      const backend = new LegacyBackend()
      const queue = new JobQueue(backend, SILENT)
      await assert.rejects(call(queue, { session: session() }), (error) => {
        assert.equal(error.code, 'ERR_DURABL_UNSUPPORTED')
        assert.match(error.message, new RegExp(`^${name}: this backend has no transactions`))
        return true
      })
      assert.deepEqual(backend.jobs, [])
    })
  }

  test('a delay counts from the call: what is left of it is waited for', async () => {
    const woken = deferred()
    const { queue } = played({ enqueue: answering('j') })
    queue.driver.wake = (...args) => woken.resolve(args)
    const within = session()
    await queue.enqueue('work', {}, { delay: 60_000, session: within })
    within.isActive = false
    const [type, delayMs] = await woken.promise
    assert.equal(type, 'work')
    assert.ok(delayMs < 60_000 && delayMs > 0, `${delayMs}`)
  })

  test('a duplicate wakes no worker', async () => {
    const { queue, told } = played({ enqueue: answering(null) })
    const within = session()
    await queue.enqueue('work', {}, { dedupeKey: 'k', session: within })
    within.isActive = false
    const over = deferred()
    afterTransaction(within, over.resolve)
    await over.promise
    assert.deepEqual(told.wakes, [])
  })
})

describe('a cancellation', () => {
  for (const [status, cancelled, changes] of [
    ['requested', [['j', 'why']], [{ kind: 'cancelled', jobId: 'j', ended: false }]],
    ['cancelled', [], [{ kind: 'cancelled', jobId: 'j', ended: true }]],
    ['already-terminal', [], []],
    ['not-found', [], []],
  ]) {
    test(`that finds "${status}" is told to ${cancelled.length} own runs and as ${changes.length} changes`, async () => {
      const { queue, told } = played({ cancel: answering({ status }) })
      await queue.cancel('j', { reason: 'why' })
      assert.deepEqual([told.cancelled, told.changes], [cancelled, changes])
    })
  }
})
