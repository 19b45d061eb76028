/** The extras of `DummyBackend`: it records calls, and its jobs can be looked at and changed. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DummyBackend, ImmediateBackend, JobQueue } from 'durabl'

describe('a service that enqueues is tested by what it enqueued', () => {
  test('jobs are recorded and not run', async () => {
    const backend = new DummyBackend()
    await new JobQueue(backend).enqueue('thing', { n: 42 }, { dedupeKey: 'thing:42' })
    assert.equal(backend.jobs.length, 1)
    assert.equal(backend.jobs[0].dedupeKey, 'thing:42')
    assert.equal(backend.jobs[0].status, 'pending')
  })

  test('a recorded job has no fields but those that say something', async () => {
    const backend = new DummyBackend({ clock: () => 1000 })
    await backend.enqueue('t', { a: 1 })
    assert.deepStrictEqual(backend.jobs, [
      {
        id: 'dummy-1',
        type: 't',
        data: { a: 1 },
        status: 'pending',
        priority: 0,
        attempt: 0,
        maxAttempts: 3,
        runAt: new Date(1000),
        createdAt: new Date(1000),
        logs: [],
      },
    ])
  })

  test('a recorded job shows its options', async () => {
    const backend = new DummyBackend({ clock: () => 1000 })
    const options = { priority: 5, maxAttempts: 9, dedupeKey: 'k', dedupeScope: 'pending', backoff: 'fixed' }
    await backend.enqueue('t', {}, { ...options, delay: 500, backoffDelay: 10, backoffMaxDelay: 20 })
    const [job] = backend.jobs
    for (const [name, value] of Object.entries(options)) assert.equal(job[name], value, name)
    assert.deepEqual([job.runAt.getTime(), job.backoffDelay, job.backoffMaxDelay], [1500, 10, 20])
  })

  test('the payload is the very object that was passed', async () => {
    const backend = new DummyBackend()
    const data = { a: 1 }
    await backend.enqueue('t', data)
    assert.equal(backend.jobs[0].data, data)
    assert.equal((await backend.claimNext('t')).data, data)
  })

  test('ids count up, and from the start after a reset', async () => {
    const backend = new DummyBackend()
    assert.deepEqual([await backend.enqueue('t', 1), await backend.enqueue('t', 2)], ['dummy-1', 'dummy-2'])
    backend.reset()
    assert.deepEqual(backend.jobs, [])
    assert.equal(await backend.enqueue('t', 3), 'dummy-1')
  })

  test('a held key uses up no id', async () => {
    const backend = new DummyBackend()
    await backend.enqueue('t', 1, { dedupeKey: 'k' })
    await backend.enqueue('t', 2, { dedupeKey: 'k' })
    assert.equal(await backend.enqueue('t', 3), 'dummy-2')
  })

  test('a reset frees keys, and old tokens fit no new job', async () => {
    const backend = new DummyBackend()
    await backend.enqueue('t', {}, { dedupeKey: 'k' })
    const before = await backend.claimNext('t')
    backend.reset()
    assert.equal(await backend.enqueue('t', {}, { dedupeKey: 'k' }), before.id)
    await backend.claimNext('t')
    assert.deepEqual(await backend.complete(before.id, before.claimToken), { status: 'lease-lost' })
  })

  test('a list of jobs that was taken early shows the later ones', async () => {
    const backend = new DummyBackend()
    const { jobs } = backend
    await backend.enqueue('t', {})
    assert.equal(jobs.length, 1)
    backend.reset()
    assert.equal(jobs.length, 0)
  })

  test('jobs are found by type and by status', async () => {
    const backend = new DummyBackend()
    for (const type of ['a', 'b', 'a']) await backend.enqueue(type, type)
    await backend.claimNext('a')
    assert.deepEqual(
      backend.getJobsByType('a').map(({ id }) => id),
      ['dummy-1', 'dummy-3'],
    )
    assert.deepEqual(
      backend.getJobsByStatus('pending').map(({ id }) => id),
      ['dummy-2', 'dummy-3'],
    )
    assert.deepEqual(backend.getJobsByType('c'), [])
  })

  test('job logs are strings there, and entries where a job is found', async () => {
    const backend = new DummyBackend({ clock: () => 7 })
    const id = await backend.enqueue('t', {})
    await backend.log(id, 'one')
    assert.deepEqual(backend.jobs[0].logs, ['one'])
    assert.deepEqual((await backend.findOne({ id })).logs, [{ timestamp: new Date(7), message: 'one' }])
  })
})

describe('the bounds of a job’s log', () => {
  const logged = async (backend, ...lines) => {
    const id = await backend.enqueue('t', {})
    for (const line of lines) await backend.log(id, line)
    return backend.jobs.at(-1).logs
  }

  for (const Backend of [DummyBackend, ImmediateBackend]) {
    test(`${Backend.name} has those of the real one, and they can be set`, async () => {
      const backend = new Backend()
      assert.deepEqual([backend.maxLogEntries, backend.maxLogMessageBytes], [1000, 4000])
      backend.maxLogEntries = 2
      backend.maxLogMessageBytes = 20
      const logs = await logged(backend, 'one', 'two', 'x'.repeat(50))
      assert.equal(logs.length, 2)
      assert.equal(logs[0], 'two')
      assert.ok(logs[1].length <= 20)
      backend.maxLogEntries = 1
      assert.deepEqual(await logged(backend, 'a', 'b'), ['b'])
    })

    test(`${Backend.name} takes them as options`, async () => {
      const backend = new Backend({ maxLogEntries: 1, maxLogMessageBytes: 16 })
      const logs = await logged(backend, 'one', 'x'.repeat(50))
      assert.equal(logs.length, 1)
      assert.ok(logs[0].length <= 16)
      assert.throws(() => new Backend({ maxLogEntries: 0 }), RangeError)
      assert.throws(() => new Backend({ maxLogMessageBytes: 'long' }), TypeError)
    })
  }
})

describe('calls of recoverStuckJobs', () => {
  test('are recorded with their timeout, until a reset', async () => {
    const backend = new DummyBackend()
    await backend.recoverStuckJobs()
    await backend.recoverStuckJobs(0)
    await new JobQueue(backend, undefined, { visibilityTimeoutMs: 1234 }).startReaper()
    assert.deepEqual(backend.recoverStuckJobsCalls, [undefined, 0, 1234])
    backend.reset()
    assert.deepEqual(backend.recoverStuckJobsCalls, [])
  })
})

describe('a method that a test replaces on the backend is the one that is called', () => {
  for (const Backend of [DummyBackend, ImmediateBackend]) {
    test(`by runs on ${Backend.name}, from the next call on`, async () => {
      const backend = new Backend()
      const calls = []
      const queue = new JobQueue(backend)
      const ended = []
      queue.process('t', async (_job, ctx) => {
        for (const method of ['log', 'heartbeat', 'complete']) {
          const original = backend[method].bind(backend)
          backend[method] = (...args) => (calls.push(method), original(...args))
        }
        await ctx.log('a line')
        await ctx.heartbeat()
        ended.push(1)
      })
      await queue.enqueue('t', {})
      while (backend.jobs[0].status !== 'completed') await new Promise(setImmediate)
      assert.deepEqual(calls, ['log', 'heartbeat', 'complete'])
      assert.equal(ended.length, 1)
      await queue.shutdown()
    })

    test(`by handles of ${Backend.name}, for any claimer`, async () => {
      const backend = new Backend()
      const queue = new JobQueue(backend)
      const calls = []
      const handles = [await backend.claimOrEnqueue('t', {}), await queue.claimOrEnqueue('t', {})]
      for (const method of ['log', 'heartbeat', 'complete']) {
        backend[method] = async (...args) => void calls.push([method, args[0]])
      }
      for (const handle of handles) {
        await handle.log('a line')
        await handle.heartbeat()
        await handle.complete()
      }
      assert.deepEqual(
        calls,
        handles.flatMap(({ id }) => ['log', 'heartbeat', 'complete'].map((method) => [method, id])),
      )
    })
  }
})

describe('recorded jobs are live', () => {
  test('they show what has happened since', async () => {
    const backend = new DummyBackend()
    await backend.enqueue('t', {})
    const [job] = backend.jobs
    const { id, claimToken } = await backend.claimNext('t')
    assert.equal(job.status, 'active')
    await backend.complete(id, claimToken)
    assert.equal(job.status, 'completed')
  })

  test('a test may make a job due', async () => {
    const backend = new DummyBackend()
    await backend.enqueue('t', {}, { delay: 3_600_000 })
    assert.equal(await backend.claimNext('t'), null)
    backend.jobs[0].runAt = new Date(0)
    assert.equal((await backend.claimNext('t')).id, 'dummy-1')
  })

  test('a claimed job is a copy: a handler that changes it changes no record', async () => {
    const backend = new DummyBackend()
    await backend.enqueue('t', {})
    const job = await backend.claimNext('t')
    job.status = 'pending'
    job.runAt.setTime(0)
    assert.equal(backend.jobs[0].status, 'active')
    assert.notEqual(backend.jobs[0].runAt.getTime(), 0)
  })
})

test('a backend may outlive a queue: the next one goes on with its jobs', async () => {
  const backend = new DummyBackend()
  const first = new JobQueue(backend)
  await first.enqueue('t', 1)
  await first.shutdown()
  const second = new JobQueue(backend)
  const ran = new Promise((resolve) => second.process('t', (job) => resolve(job.data)))
  assert.equal(await ran, 1)
  await second.shutdown()
})

test('two backends know nothing of each other', async () => {
  const [one, other] = [new DummyBackend(), new DummyBackend()]
  await one.enqueue('t', {}, { dedupeKey: 'k' })
  assert.equal(await other.enqueue('t', {}, { dedupeKey: 'k' }), 'dummy-1')
  assert.equal(other.jobs.length, 1)
})
