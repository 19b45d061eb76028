/** The extra of `ImmediateBackend`: `enqueue` resolves when the handler has run. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FatalJobError, ImmediateBackend, JobQueue } from 'durabl'
import { heldTimers } from '../../support/time.mjs'

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }
const SINGLE_FLIGHT = { dedupeKey: 'k', dedupeScope: 'pending' }
const NO_PATIENCE = { maxAttempts: 1 }

/**
 * Both ways of bringing a handler: through a queue, and straight to the backend as the first releases had it. `failing` is an enqueue
 * whose handler throws: it rejects with that in the one, and resolves in the other.
 */
const WAYS = {
  'queue.process': (backend) => {
    const queue = new JobQueue(backend, SILENT)
    const enqueue = queue.enqueue.bind(queue)
    const failing = async (message, ...args) => {
      await assert.rejects(enqueue(...args), { message })
    }
    return { enqueue, failing, handle: queue.process.bind(queue) }
  },
  registerHandler: (backend) => {
    const enqueue = backend.enqueue.bind(backend)
    const failing = async (_message, ...args) => {
      const before = backend.jobs.length
      assert.equal(await enqueue(...args), backend.jobs[before].id)
    }
    return { enqueue, failing, handle: backend.registerHandler.bind(backend) }
  },
}

for (const [way, arrange] of Object.entries(WAYS)) {
  describe(`by ${way}`, () => {
    test('enqueue resolves after the handler has run and the job has ended', async () => {
      const backend = new ImmediateBackend()
      const { enqueue, handle } = arrange(backend)
      const steps = []
      handle('t', async (job) => {
        await new Promise((resolve) => setImmediate(resolve))
        steps.push(job.data)
      })
      const id = await enqueue('t', 'ran')
      assert.equal(id, 'immediate-1')
      assert.deepEqual(steps, ['ran'])
      assert.deepEqual([backend.jobs[0].status, backend.jobs[0].attempt], ['completed', 1])
    })

    test('a failing handler fails its job before enqueue settles, and is not run again', async () => {
      const backend = new ImmediateBackend()
      const { failing, handle } = arrange(backend)
      let runs = 0
      handle('t', () => {
        runs += 1
        throw new Error('no luck')
      })
      await failing('no luck', 't', {})
      const [{ status, attempt, failReason, runAt, createdAt }] = backend.jobs
      assert.deepEqual([runs, status, attempt, failReason], [1, 'pending', 1, 'no luck'])
      assert.ok(runAt.getTime() >= createdAt.getTime() + 1000)
    })

    test('a failure without attempts left, or a fatal one, is final', async () => {
      const backend = new ImmediateBackend()
      const { failing, handle } = arrange(backend)
      handle('t', (job) => {
        throw job.data === 'fatal' ? new FatalJobError('hopeless') : new Error('no luck')
      })
      await failing('no luck', 't', 'last', NO_PATIENCE)
      await failing('hopeless', 't', 'fatal')
      assert.deepEqual(
        backend.jobs.map(({ status, failReason }) => [status, failReason]),
        [
          ['failed', 'no luck'],
          ['failed', 'hopeless'],
        ],
      )
    })

    test('a handler may settle by hand, once', async () => {
      const backend = new ImmediateBackend()
      const { failing, handle } = arrange(backend)
      const results = []
      handle('t', async (_, ctx) => {
        results.push(await ctx.fail('by hand'), await ctx.complete())
        throw new Error('too late')
      })
      await failing('too late', 't', {}, NO_PATIENCE)
      assert.deepEqual(results, [{ status: 'failed-terminal' }, { status: 'failed-terminal' }])
      assert.equal(backend.jobs[0].failReason, 'by hand')
    })

    test('the whole context is there', async () => {
      const backend = new ImmediateBackend()
      const { enqueue, handle } = arrange(backend)
      const seen = []
      handle('t', async (job, ctx) => {
        seen.push(job.status, ctx.signal.aborted, await ctx.heartbeat())
        await ctx.log('a line')
        await ctx.failFatal('by hand')
      })
      await enqueue('t', {})
      assert.deepEqual(seen, ['active', false, 'applied'])
      const [{ status, failReason, logs }] = backend.jobs
      assert.deepEqual([status, failReason, logs], ['failed', 'by hand', ['a line', 'Fatal: by hand']])
    })

    test('the context has signal and log of its own, and the rest on its class', async () => {
      const backend = new ImmediateBackend()
      const { enqueue, handle } = arrange(backend)
      let seen
      handle('t', async (_job, ctx) => {
        const { complete } = ctx
        seen = [Object.keys(ctx), await complete()]
      })
      await enqueue('t', {})
      assert.deepEqual(seen, [['signal', 'log'], { status: 'completed' }])
    })

    test('a delay is ignored', async () => {
      const backend = new ImmediateBackend()
      const { enqueue, handle } = arrange(backend)
      handle('t', () => {})
      await enqueue('t', {}, { delay: 3_600_000 })
      assert.equal(backend.jobs[0].status, 'completed')
    })

    test('a handler may enqueue, and waits for what it enqueued', async () => {
      const backend = new ImmediateBackend()
      const { enqueue, handle } = arrange(backend)
      const steps = []
      handle('outer', async () => {
        steps.push('outer begins')
        await enqueue('inner', {})
        steps.push('outer ends')
      })
      handle('inner', () => steps.push('inner'))
      await enqueue('outer', {})
      assert.deepEqual(steps, ['outer begins', 'inner', 'outer ends'])
    })

    test('a follower is run as soon as its key is free, before the first enqueue resolves', async () => {
      const backend = new ImmediateBackend()
      const { enqueue, handle } = arrange(backend)
      const steps = []
      handle('t', async (job) => {
        steps.push(`${job.data} begins`)
        if (job.data === 'first') {
          await enqueue('t', 'second', SINGLE_FLIGHT)
          assert.equal(await enqueue('t', 'third', SINGLE_FLIGHT), null)
        }
        steps.push(`${job.data} ends`)
      })
      await enqueue('t', 'first', SINGLE_FLIGHT)
      assert.deepEqual(steps, ['first begins', 'first ends', 'second begins', 'second ends'])
    })

    test('a job without a handler waits, and runs when one is brought', async () => {
      const backend = new ImmediateBackend()
      const { enqueue, handle } = arrange(backend)
      for (const priority of [2, 1]) await enqueue('t', priority, { priority })
      assert.equal(backend.jobs[0].status, 'pending')
      const seen = []
      handle('t', (job) => seen.push(job.data))
      assert.deepEqual(seen, [], 'not before the caller is done')
      await backend.shutdown()
      assert.deepEqual(seen, [1, 2])
    })
  })
}

test('a second registerHandler replaces the first', async () => {
  const backend = new ImmediateBackend()
  const seen = []
  backend.registerHandler('t', () => seen.push('first'))
  backend.registerHandler('t', () => seen.push('second'))
  await backend.enqueue('t', {})
  assert.deepEqual(seen, ['second'])
})

test('clearHandlers forgets the handlers and keeps the jobs', async () => {
  const backend = new ImmediateBackend()
  backend.registerHandler('t', () => {})
  await backend.enqueue('t', {})
  backend.clearHandlers()
  await backend.enqueue('t', {})
  assert.deepEqual(
    backend.jobs.map(({ status }) => status),
    ['completed', 'pending'],
  )
})

test('reset forgets the jobs and keeps the handlers, and ids start again', async () => {
  const backend = new ImmediateBackend()
  const queue = new JobQueue(backend, SILENT)
  backend.registerHandler('registered', () => {})
  queue.process('processed', () => {})
  await backend.enqueue('registered', {})
  backend.reset()
  assert.deepEqual(backend.jobs, [])
  assert.equal(await backend.enqueue('registered', {}), 'immediate-1')
  assert.equal(await queue.enqueue('processed', {}), 'immediate-2')
  assert.deepEqual(
    backend.jobs.map(({ status }) => status),
    ['completed', 'completed'],
  )
})

test('a claimed handle is its owner’s to run; what waits behind it runs when it is settled', async () => {
  const backend = new ImmediateBackend()
  const queue = new JobQueue(backend, SILENT)
  const seen = []
  queue.process('t', (job) => seen.push(job.data))
  const handle = await queue.claimOrEnqueue('t', 'by hand', SINGLE_FLIGHT)
  assert.notEqual(await queue.enqueue('t', 'behind', SINGLE_FLIGHT), null)
  assert.deepEqual(seen, [])
  await handle.complete()
  assert.deepEqual(seen, ['behind'])
})

test('a job that its owner gives back is not run by another worker at once', async () => {
  const backend = new ImmediateBackend()
  const queue = new JobQueue(backend, SILENT)
  const seen = []
  queue.process('t', (job) => seen.push(job.data))
  const handle = await queue.claimOrEnqueue('t', 'by hand', SINGLE_FLIGHT)
  await handle.release()
  assert.deepEqual(seen, [])
  assert.equal(backend.jobs[0].status, 'pending')
})

test('a handler that takes its time is not taken for dead', async () => {
  const time = { now: 0 }
  const backend = new ImmediateBackend({ clock: () => time.now })
  backend.registerHandler('t', async () => {
    time.now += 3_600_000
    assert.equal(await backend.recoverStuckJobs(1000), 0)
  })
  await backend.enqueue('t', {})
  assert.equal(backend.jobs[0].status, 'completed')
})

test('jobs enqueued at once run side by side', async () => {
  const backend = new ImmediateBackend()
  const started = []
  let open
  const gate = new Promise((resolve) => (open = resolve))
  backend.registerHandler('t', async (job) => {
    started.push(job.data)
    if (started.length === 3) open()
    await gate
  })
  await Promise.all([1, 2, 3].map((n) => backend.enqueue('t', n)))
  assert.deepEqual(started, [1, 2, 3])
})

test('settlements go through the methods of a subclass', async () => {
  const completed = []
  class Watched extends ImmediateBackend {
    complete(jobId, claimToken) {
      completed.push(jobId)
      return super.complete(jobId, claimToken)
    }
  }
  const backend = new Watched()
  backend.registerHandler('t', () => {})
  await backend.enqueue('t', {})
  assert.deepEqual(completed, ['immediate-1'])
})

test('a handler gets results from its ctx, though a subclass answers as the first releases did', async () => {
  class Old extends ImmediateBackend {
    async complete(jobId, claimToken) {
      await super.complete(jobId, claimToken)
    }
    async fail() {
      return false
    }
    async heartbeat() {
      return false
    }
  }
  const backend = new Old()
  const said = []
  backend.registerHandler('completes', async (_job, ctx) => said.push(await ctx.complete()))
  backend.registerHandler('fails', async (_job, ctx) => {
    said.push(await ctx.heartbeat(), await ctx.fail('because'))
  })
  await backend.enqueue('completes', {})
  await backend.enqueue('fails', {})
  assert.deepEqual(said, [{ status: 'completed' }, 'lease-lost', { status: 'lease-lost' }])
})

test('a number of handlers does not bound jobs that run inside of their enqueue: they would wait for each other', async () => {
  const queue = new JobQueue(new ImmediateBackend(), SILENT)
  const ran = []
  const processor = queue.process('t', async (job) => {
    if (job.data < 3) await queue.enqueue('t', job.data + 1)
    ran.push(job.data)
  })
  processor.setConcurrency(1)
  await queue.enqueue('t', 1)
  assert.deepEqual(ran, [3, 2, 1])
  await queue.shutdown()
})

test('a processor that stops takes no other job’s reason for the process to stay', async () => {
  const queue = new JobQueue(new ImmediateBackend(), SILENT)
  const processor = queue.process('t', () => {})
  const handle = await queue.claimOrEnqueue('by hand', {}, SINGLE_FLIGHT)
  const before = heldTimers()
  let held
  await queue.runClaimed(handle, async () => {
    await processor.stop()
    held = heldTimers() - before
  })
  assert.ok(held > 0)
  await queue.shutdown()
})
