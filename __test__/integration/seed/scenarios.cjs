/**
 * The first release's documentation as tests: each of its samples and promises, as an app would use it. Loaded as an ES module
 * and as CommonJS, so it gets the package and the test functions handed in.
 */
const assert = require('node:assert/strict')
const { once, EventEmitter } = require('node:events')

/** Log entries of a queue about failures that a test causes on purpose. */
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * @param durabl the package's exports
 * @param test `node:test`
 * @param connect gives a test a connected client and a database of its own
 * @param atEnd runs a step when a test has ended, the last one first
 * @param pollUntil asks until something holds
 */
function seedScenarios({ durabl, test, connect, atEnd, pollUntil }) {
  const { JobQueue, MongoJobQueue } = durabl

  /** A started backend and a queue on it, shut down with the test. */
  async function start(t, options = {}) {
    const { db } = await connect(t)
    const backend = new MongoJobQueue({ db, logger: quiet, ...options })
    await backend.startup()
    // A job that is claimed and forgotten must stay so, and not run half a minute later.
    const queue = new JobQueue(backend, quiet, { autoRecover: false })
    atEnd(t, () => queue.shutdown(2000))
    return { db, backend, queue }
  }

  /** Resolves to the job once it has this status. Handlers tell us when to look; the store may be a moment behind. */
  function becomes(backend, id, status) {
    return pollUntil(`the job is ${status}`, async () => {
      const job = await backend.findOne({ id })
      return job.status === status && job
    })
  }

  for (const [way, finish] of [
    ['completes by hand', (ctx) => ctx.complete()],
    ['just returns', () => {}],
  ]) {
    test(`a processor whose handler ${way} runs each job once, with its data`, async (t) => {
      const { backend, queue } = await start(t)
      const runs = []
      const sent = new EventEmitter()
      queue.process(
        'welcome-email',
        async (job, ctx) => {
          runs.push(job.data.userId)
          await finish(ctx)
          sent.emit('one')
        },
        { concurrency: 4, pollInterval: 5000 },
      )
      const done = once(sent, 'one')
      const id = await queue.enqueue(
        'welcome-email',
        { userId: 'u_123' },
        { dedupeKey: 'welcome-email:u_123' },
      )
      assert.equal(typeof id, 'string')
      await done
      await becomes(backend, id, 'completed')
      assert.deepEqual(runs, ['u_123'])
    })
  }

  test('a second enqueue of a dedupe key gives null while the first job is pending or active, and an id afterwards', async (t) => {
    const { backend, queue } = await start(t)
    const enqueue = () =>
      queue.enqueue('welcome-email', { userId: 'u_1' }, { dedupeKey: 'welcome-email:u_1' })
    const gate = new EventEmitter()
    const id = await enqueue()
    assert.equal(await enqueue(), null, 'while it is pending')

    const started = once(gate, 'started')
    queue.process('welcome-email', async (job, ctx) => {
      const opened = once(gate, 'open')
      gate.emit('started')
      await opened
      await ctx.complete()
    })
    await started
    assert.equal(await enqueue(), null, 'while it is active')
    gate.emit('open')
    await becomes(backend, id, 'completed')
    const again = once(gate, 'started')
    assert.equal(typeof (await enqueue()), 'string')
    await again
    gate.emit('open')
  })

  test('with change streams a job is picked up long before the next poll', async (t) => {
    const { db, backend, queue } = await start(t, { useChangeStreams: true })
    const picked = new EventEmitter()
    queue.process('sync', () => void picked.emit('up'))
    await pollUntil('the stream is open', () => backend.isChangeStreamsActive())

    // Another engine, as in another process: nothing but the stream can tell the first.
    const other = new JobQueue(new MongoJobQueue({ db, collectionName: 'jobs', logger: quiet }), quiet)
    atEnd(t, () => other.shutdown(2000))
    const up = once(picked, 'up')
    const enqueuedAt = performance.now()
    await other.enqueue('sync', {})
    await up
    // The poll is 60 s away.
    assert.ok(performance.now() - enqueuedAt < 5000)
  })

  test('claimOrEnqueue gives a handle to the winner; completing it frees the key', async (t) => {
    const { backend, queue } = await start(t)
    const claim = () =>
      queue.claimOrEnqueue(
        'reschedule',
        { userId: 'u_1' },
        { dedupeKey: 'reschedule:u_1', dedupeScope: 'pending' },
      )
    const handle = await claim()
    assert.equal(handle.status, 'active')
    assert.equal(handle.attempt, 1)
    assert.deepEqual(handle.data, { userId: 'u_1' })
    assert.equal(await claim(), null, 'somebody is running')
    assert.equal(await claim(), null, 'and one run is queued behind')
    assert.deepEqual(pick(await queue.getStats('reschedule'), 'active', 'pending'), { active: 1, pending: 1 })
    await handle.complete()
    assert.equal((await backend.findOne({ id: handle.id })).status, 'completed')
  })

  test('a handle that fails is retried by a processor', async (t) => {
    const { backend, queue } = await start(t)
    const options = { dedupeKey: 'reschedule:u_2', dedupeScope: 'pending', backoffDelay: 20 }
    const handle = await queue.claimOrEnqueue('reschedule', { userId: 'u_2' }, options)
    await handle.fail(String(new Error('calendar unreachable')))
    const attempts = []
    queue.process('reschedule', async (job, ctx) => {
      attempts.push(job.attempt)
      await ctx.complete()
    })
    const job = await becomes(backend, handle.id, 'completed')
    assert.deepEqual(attempts, [2])
    assert.equal(job.attempt, 2)
  })

  test('scope pending lets one follower wait behind the active job; pending+active lets none', async (t) => {
    const { backend, queue } = await start(t)
    for (const [dedupeScope, follower] of [
      ['pending', 'string'],
      ['pending+active', 'object'],
    ]) {
      const options = { dedupeKey: `key of ${dedupeScope}`, dedupeScope }
      assert.ok(await queue.enqueue(dedupeScope, {}, options))
      assert.ok(await backend.claimNext(dedupeScope))
      assert.equal(typeof (await queue.enqueue(dedupeScope, {}, options)), follower)
      assert.equal(await queue.enqueue(dedupeScope, {}, options), null)
    }
  })

  test('lower priorities run first, and delayed jobs when they are due', async (t) => {
    const { queue } = await start(t)
    const order = []
    const all = new EventEmitter()
    await queue.enqueue('print', 'late', { delay: 3000, priority: -100 })
    await queue.enqueue('print', 'ten', { priority: 10 })
    await queue.enqueue('print', 'zero')
    await queue.enqueue('print', 'minus one', { priority: -1 })
    const done = once(all, 'done')
    queue.process('print', (job) => {
      order.push(job.data)
      if (order.length === 4) all.emit('done')
    })
    await done
    assert.deepEqual(order, ['minus one', 'zero', 'ten', 'late'])
  })

  test('a job that keeps failing ends as failed after maxAttempts', async (t) => {
    const { backend, queue } = await start(t)
    const attempts = []
    const options = { maxAttempts: 2, backoffDelay: 10, backoff: 'fixed' }
    const id = await queue.enqueue('doomed', {}, options)
    queue.process('doomed', async (job, ctx) => {
      attempts.push(job.attempt)
      await ctx.fail(`try ${job.attempt}`)
    })
    const job = await becomes(backend, id, 'failed')
    assert.deepEqual(attempts, [1, 2])
    assert.equal(job.failReason, 'try 2')
  })

  test('failFatal skips the retries', async (t) => {
    const { backend, queue } = await start(t)
    const id = await queue.enqueue('hopeless', {})
    queue.process('hopeless', (job, ctx) => ctx.failFatal('no such user'))
    const job = await becomes(backend, id, 'failed')
    assert.equal(job.attempt, 1)
    assert.equal(job.failReason, 'no such user')
  })

  test('a handler logs and sends heartbeats', async (t) => {
    const { backend, queue } = await start(t)
    const id = await queue.enqueue('long', {})
    queue.process('long', async (job, ctx) => {
      await ctx.log('half way')
      await ctx.heartbeat()
      await ctx.complete()
    })
    const job = await becomes(backend, id, 'completed')
    assert.deepEqual(
      job.logs.map(({ message }) => message),
      ['half way'],
    )
  })

  test('the reaper returns the jobs of dead workers to pending', async (t) => {
    const { backend, queue } = await start(t)
    const id = await queue.enqueue('orphan', {})
    assert.equal((await backend.claimNext('orphan')).id, id)
    assert.equal(await backend.recoverStuckJobs(60_000), 0, 'its lease is still good')
    await pollUntil('its lease is over', async () => (await backend.recoverStuckJobs(1)) === 1)
    assert.equal((await backend.findOne({ id })).status, 'pending')
  })

  test('getStats counts by status, of a type or of all', async (t) => {
    const { queue } = await start(t)
    await queue.enqueue('a', {})
    await queue.enqueue('a', {}, { delay: 60_000 })
    await queue.enqueue('b', {})
    assert.equal((await queue.getStats('a')).pending, 2)
    assert.equal((await queue.getStats()).pending, 3)
  })

  test('startup may be called on the queue, and shutdown ends its work', async (t) => {
    const { db } = await connect(t)
    const queue = new JobQueue(new MongoJobQueue({ db, logger: quiet }), quiet)
    await queue.startup()
    await queue.startup()
    queue.process('x', () => {})
    await queue.shutdown()
    await assert.rejects(queue.enqueue('x', {}), { code: 'ERR_DURABL_SHUT_DOWN' })
  })

  memoryScenarios({ durabl, test })
}

/** The two in-memory backends, as tests of an app's own code use them. */
function memoryScenarios({ durabl: { DummyBackend, ImmediateBackend, JobQueue }, test }) {
  test('DummyBackend records what a service enqueues, and runs nothing', async () => {
    const backend = new DummyBackend()
    const queue = new JobQueue(backend)
    const myService = { doThing: () => queue.enqueue('thing', { id: 42 }, { dedupeKey: 'thing:42' }) }
    assert.equal(await myService.doThing(), 'dummy-1')
    assert.equal(await myService.doThing(), null)
    assert.equal(backend.jobs.length, 1)
    assert.equal(backend.jobs[0].dedupeKey, 'thing:42')
    assert.equal(backend.jobs[0].status, 'pending')
  })

  for (const [how, register] of [
    ['queue.process', (queue, backend, handler) => queue.process('thing', handler)],
    ['registerHandler', (queue, backend, handler) => backend.registerHandler('thing', handler)],
  ]) {
    test(`ImmediateBackend has run the handler of ${how} when enqueue resolves`, async () => {
      const backend = new ImmediateBackend()
      const queue = new JobQueue(backend)
      const seen = []
      register(queue, backend, async (job, ctx) => {
        seen.push(job.data)
        await ctx.complete()
      })
      assert.equal(await queue.enqueue('thing', { id: 1 }), 'immediate-1')
      assert.deepEqual(seen, [{ id: 1 }])
      assert.equal((await queue.getStats()).completed, 1)
    })
  }
}

function pick(object, ...names) {
  return Object.fromEntries(names.map((name) => [name, object[name]]))
}

module.exports = { seedScenarios }
