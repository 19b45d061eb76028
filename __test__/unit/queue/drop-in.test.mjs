/** Programs as users of the TypeScript package wrote them, 0.1 to 0.3, run unchanged. Their types: `__test__/types/{legacy,names}.mts`. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import * as durabl from 'durabl'
import {
  DummyBackend,
  FatalJobError,
  ImmediateBackend,
  JobQueue,
  MongoJobQueue,
  withGlobalQueue,
} from 'durabl'

it('every name of a value that they import is there', () => {
  const names = [
    ...[
      'JobQueue',
      'MongoJobQueue',
      'DummyBackend',
      'ImmediateBackend',
      'MongoChangeStreamWatcher',
      'FatalJobError',
    ],
    ...['setGlobalBackend', 'getGlobalBackend', 'getDefaultQueue', 'createJobQueue', 'withGlobalQueue'],
    ...['consoleLogger', 'defaultLogger'],
  ]
  assert.deepEqual(
    names.filter((name) => durabl[name] === undefined),
    [],
  )
  for (const method of ['getCollection', 'isChangeStreamsActive', 'cleanupOldJobs', 'batchHeartbeat'])
    assert.equal(typeof MongoJobQueue.prototype[method], 'function')
})

describe('0.1: a service that claims and settles by hand, on a backend of the suite', () => {
  for (const Backend of [DummyBackend, ImmediateBackend]) {
    it(Backend.name, async () => {
      const backend = new Backend()
      const done = []
      const reschedule = async (userId) => {
        const options = { dedupeKey: `reschedule:${userId}`, dedupeScope: 'pending' }
        const handle = await backend.claimOrEnqueue('reschedule', { userId }, options)
        if (!handle) return 'queued behind'
        try {
          if (userId === 'bad') throw new Error('no such user')
          done.push(handle.data.userId)
          await handle.complete()
          return 'ran'
        } catch (err) {
          await handle.fail(String(err))
          return 'failed'
        }
      }
      assert.deepEqual([await reschedule('u_1'), await reschedule('bad')], ['ran', 'failed'])
      assert.deepEqual(done, ['u_1'])
      assert.deepEqual(
        backend.jobs.map(({ status, failReason }) => [status, failReason]),
        [
          ['completed', undefined],
          ['pending', 'Error: no such user'],
        ],
      )
    })
  }
})

describe('0.1: a worker that settles by its context', () => {
  it('runs inside enqueue by registerHandler, which never rejects', async () => {
    const backend = new ImmediateBackend()
    backend.registerHandler('mail', async (job, { complete, failFatal, log, heartbeat }) => {
      await log(`mail to ${job.data.to}`)
      await heartbeat()
      if (job.data.to === '') return failFatal('nobody to write to')
      await complete()
    })
    const queue = new JobQueue(backend)
    await queue.enqueue('mail', { to: 'ada' })
    await queue.enqueue('mail', { to: '' })
    assert.deepEqual(
      backend.jobs.map(({ status, logs }) => [status, logs[0]]),
      [
        ['completed', 'mail to ada'],
        ['failed', 'mail to '],
      ],
    )
  })
})

describe('0.3: a suite that shares one ImmediateBackend', () => {
  const backend = new ImmediateBackend()
  const queue = new JobQueue(backend)
  const sent = []
  queue.process('mail', async (job, { signal, log }) => {
    if (signal.aborted) return
    await log('sending')
    if (job.data === 'bad') throw new FatalJobError('bounced')
    sent.push(job.data)
  })
  beforeEach(() => (sent.length = 0))
  afterEach(() => backend.reset())

  it('sends', async () => {
    assert.equal(await queue.enqueue('mail', 'first'), 'immediate-1')
    assert.deepEqual(sent, ['first'])
  })

  it('sends again after the reset, and rejects where the handler throws', async () => {
    await queue.enqueue('mail', 'second')
    await assert.rejects(queue.enqueue('mail', 'bad'), FatalJobError)
    assert.deepEqual(sent, ['second'])
    assert.deepEqual(
      backend.jobs.map(({ id, status }) => [id, status]),
      [
        ['immediate-1', 'completed'],
        ['immediate-2', 'failed'],
      ],
    )
  })
})

describe('0.3: doubles and spies', () => {
  it('a spied logger, backend and event sink hear what they did', async () => {
    const logger = { debug: mock.fn(), info: mock.fn(), warn: mock.fn(), error: mock.fn(), child: mock.fn() }
    logger.child.mock.mockImplementation(() => logger)
    const backend = new DummyBackend()
    const recover = mock.method(backend, 'recoverStuckJobs')
    const events = []
    const queue = new JobQueue(backend, logger, { onJobEvent: (event) => events.push(event.kind) })
    assert.deepEqual(logger.child.mock.calls[0].arguments, [{ category: 'JobQueue' }])
    const [one, other] = [queue.startReaper(), queue.startReaper()]
    assert.equal(one, other)
    assert.deepEqual(recover.mock.calls[0].arguments, [queue.visibilityTimeoutMs])
    assert.deepEqual(await one, { status: 'started', recovered: 0 })
    const handle = await queue.claimOrEnqueue('t', {})
    const complete = mock.method(handle, 'complete')
    await queue.runClaimed(handle, async () => {})
    assert.equal(complete.mock.callCount(), 1)
    assert.deepEqual(events, ['claimed', 'completed'])
    assert.deepEqual(backend.recoverStuckJobsCalls, [queue.visibilityTimeoutMs])
    await queue.shutdown()
  })

  it('a global queue for a block of code', async () => {
    const backend = new DummyBackend()
    await withGlobalQueue(backend, () => durabl.getDefaultQueue().enqueue('t', 1))
    assert.equal(backend.jobs.length, 1)
  })
})
