/** `DummyBackend` tells when something may be claimable, so that a processor neither waits for a poll nor for a timer. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { runNode } from '../../support/child.mjs'

const SINGLE_FLIGHT = { dedupeKey: 'k', dedupeScope: 'pending' }

function listened(options) {
  const backend = new DummyBackend(options)
  const told = []
  const unsubscribe = backend.onJobAvailable((type) => told.push(type))
  return { backend, told, unsubscribe }
}

describe('a wake-up comes', () => {
  test('with a job, before enqueue has resolved', async () => {
    const { backend, told } = listened()
    const enqueued = backend.enqueue('t', {})
    assert.deepEqual(told, ['t'])
    await enqueued
  })

  test('with a released job', async () => {
    const { backend, told } = listened()
    await backend.claimOrEnqueue('t', {})
    assert.deepEqual(told, [])
    await backend.release('dummy-1')
    assert.deepEqual(told, ['t'])
  })

  test('with a recovered job', async () => {
    const time = { now: 0 }
    const { backend, told } = listened({ clock: () => time.now })
    await backend.claimOrEnqueue('t', {})
    time.now = 5000
    await backend.recoverStuckJobs(1000)
    assert.deepEqual(told, ['t'])
  })

  const JOB = { type: 't', data: {} }
  const HOURLY = { cron: '0 * * * *' }
  /** [what, the call, made before it] */
  for (const [what, call, before = async () => {}] of [
    ['enqueueDetailed', (backend) => backend.enqueueDetailed('t', {})],
    ['enqueueMany', (backend) => backend.enqueueMany([JOB])],
    ['enqueueManyDetailed', (backend) => backend.enqueueManyDetailed([JOB])],
    [
      'a retry',
      (backend) => backend.retry('dummy-1'),
      async (backend) => {
        await backend.claimOrEnqueue('t', {})
        await backend.failFatal('dummy-1', 'no')
      },
    ],
    [
      'a promotion',
      (backend) => backend.promote('dummy-1'),
      (backend) => backend.enqueue('t', {}, { delay: 9e6 }),
    ],
    [
      'another time',
      (backend) => backend.reschedule('dummy-1', { delay: 0 }),
      (backend) => backend.enqueue('t', {}, { delay: 9e6 }),
    ],
    ['the end of a pause', (backend) => backend.resume('t'), (backend) => backend.pause('t')],
    [
      'a schedule that is triggered',
      (backend) => backend.triggerSchedule('s'),
      (backend) => backend.schedule('s', HOURLY, JOB),
    ],
  ]) {
    test(`with ${what}`, async () => {
      const { backend, told } = listened()
      await before(backend)
      told.length = 0
      await call(backend)
      assert.deepEqual(told, ['t'])
    })
  }

  test('with a job that completeClaimed ends, for the one behind it', async () => {
    const { backend, told } = listened()
    const { id, claimToken } = await backend.claimOrEnqueue('t', {}, SINGLE_FLIGHT)
    await backend.enqueue('other', {}, SINGLE_FLIGHT)
    told.length = 0
    assert.equal(await backend.completeClaimed(id, claimToken), 'completed')
    assert.deepEqual(told, ['other'])
  })

  test('with the end of a job that held a follower back, for the follower’s type', async () => {
    const { backend, told } = listened()
    const { id, claimToken } = await backend.claimOrEnqueue('t', {}, SINGLE_FLIGHT)
    await backend.enqueue('other', {}, SINGLE_FLIGHT)
    told.length = 0
    await backend.complete(id, claimToken)
    assert.deepEqual(told, ['other'])
  })

  test('not with a job that is not made, or not yet due', async () => {
    const { backend, told } = listened()
    await backend.enqueue('t', {}, { dedupeKey: 'k' })
    told.length = 0
    await backend.enqueue('t', {}, { dedupeKey: 'k' })
    await backend.enqueue('t', {}, { delay: 60_000 })
    assert.deepEqual(told, [])
  })

  test('to every listener, also after one that throws, until it unsubscribes', async () => {
    const backend = new DummyBackend()
    const told = []
    backend.onJobAvailable(() => {
      throw new Error('a bad listener')
    })
    const unsubscribe = backend.onJobAvailable(() => told.push('it'))
    assert.equal(await backend.enqueue('t', {}), 'dummy-1')
    unsubscribe()
    unsubscribe()
    await backend.enqueue('t', {})
    assert.deepEqual(told, ['it'])
  })

  test('twice to a listener that listens twice', async () => {
    const backend = new DummyBackend()
    const told = []
    const listener = (type) => told.push(type)
    const unsubscribe = backend.onJobAvailable(listener)
    backend.onJobAvailable(listener)
    await backend.enqueue('t', {})
    unsubscribe()
    await backend.enqueue('t', {})
    assert.equal(told.length, 3)
  })
})

describe('with fake timers', () => {
  const start = Date.UTC(2024, 0, 1)
  const fake = (t) => t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: start })

  test('at the moment at which a job expires that no claim has met', async (t) => {
    fake(t)
    const { backend } = listened()
    await backend.enqueue('t', {}, { delay: 1_000, expiresInMs: 5_000, dedupeKey: 'k' })
    await backend.enqueue('t', {}, { expiresInMs: 20_000 })
    t.mock.timers.tick(5_999)
    assert.deepEqual(backend.getJobsByStatus('failed'), [])
    t.mock.timers.tick(1)
    const [expired, ...others] = backend.getJobsByStatus('failed')
    assert.deepEqual([expired.dedupeKey, expired.ending, others], ['k', 'expired', []])
    t.mock.timers.tick(14_000)
    assert.equal(backend.getJobsByStatus('failed').length, 2)
  })

  test('a wake-up comes when a delayed job is due, and not before', async (t) => {
    fake(t)
    const { backend, told } = listened()
    await backend.enqueue('t', {}, { delay: 60_000 })
    t.mock.timers.tick(59_999)
    assert.deepEqual(told, [])
    t.mock.timers.tick(1)
    assert.deepEqual(told, [''])
  })

  test('a wake-up comes when a retry is due, and not before', async (t) => {
    fake(t)
    const { backend, told } = listened({ random: () => 0 })
    const { id, claimToken } = await backend.claimOrEnqueue('t', {}, { backoff: 'fixed', backoffDelay: 2000 })
    await backend.fail(id, 'not yet', claimToken)
    const delay = backend.jobs[0].runAt.getTime() - start
    assert.ok(delay > 0)
    assert.deepEqual(told, [])
    t.mock.timers.tick(delay - 1)
    assert.deepEqual(told, [])
    t.mock.timers.tick(1)
    assert.deepEqual(told, [''])
    assert.equal((await backend.claimNext('t')).attempt, 2)
  })

  test('a wake-up comes to one listener when another has left', async (t) => {
    fake(t)
    const { backend, told, unsubscribe } = listened()
    const toldNext = []
    backend.onJobAvailable((type) => toldNext.push(type))
    await backend.enqueue('t', {}, { delay: 1000 })
    unsubscribe()
    t.mock.timers.tick(1000)
    assert.deepEqual([told, toldNext], [[], ['']])
  })

  test('the soonest of several is told first, and the later ones as well', async (t) => {
    fake(t)
    const { backend, told } = listened()
    for (const delay of [3000, 1000, 2000]) await backend.enqueue('t', {}, { delay })
    for (const count of [1, 2, 3]) {
      t.mock.timers.tick(1000)
      assert.equal(told.length, count)
    }
    t.mock.timers.tick(100_000)
    assert.equal(told.length, 3)
  })

  test('jobs delayed before the first listener came are told as well', async (t) => {
    fake(t)
    const backend = new DummyBackend()
    await backend.enqueue('t', {}, { delay: 1000 })
    const told = []
    backend.onJobAvailable((type) => told.push(type))
    t.mock.timers.tick(1000)
    assert.deepEqual(told, [''])
  })

  test('a processor starts delayed jobs and retries on time', async (t) => {
    fake(t)
    const queue = new JobQueue(new DummyBackend({ random: () => 0 }), {
      debug() {},
      info() {},
      warn() {},
      error() {},
    })
    const starts = []
    queue.process('t', (job) => {
      starts.push([Date.now() - start, job.attempt])
      if (job.attempt < 3) throw new Error('not yet')
    })
    await queue.enqueue('t', {}, { delay: 5000, backoffDelay: 2000 })
    for (let second = 0; second < 12; second += 1) {
      t.mock.timers.tick(1000)
      await settled()
    }
    assert.deepEqual(starts, [
      [5000, 1],
      [7000, 2],
      [9000, 3],
    ])
    await queue.shutdown(0)
  })

  test('a processor starts a job in the same tick, with no timer at all', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate', 'Date'], now: start })
    const queue = new JobQueue(new DummyBackend())
    const started = []
    queue.process('t', (job) => started.push(job.data))
    await settled()
    await queue.enqueue('t', 'a')
    await settled()
    assert.deepEqual(started, ['a'])
    await queue.shutdown(0)
  })
})

/** Lets what waits for nothing but promises go on. */
async function settled() {
  for (let n = 0; n < 50; n += 1) await Promise.resolve()
}

test('a job that is due in an hour keeps no process alive', async () => {
  const program = `
    const { DummyBackend } = require('durabl')
    const backend = new DummyBackend()
    backend.onJobAvailable(() => {})
    backend.enqueue('t', {}, { delay: 3_600_000 }).then((id) => console.log(id))
  `
  const { stdout, code, timedOut } = await runNode(['-e', program])
  assert.deepEqual([stdout, code, timedOut], ['dummy-1\n', 0, false])
})
