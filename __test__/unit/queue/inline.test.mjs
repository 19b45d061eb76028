import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { FatalJobError, ImmediateBackend, JobQueue } from 'durabl'
import { deferred, eventLog, never, settled } from '../../support/async.mjs'
import { recordingLogger } from '../../support/loggers.mjs'

let backend, queue, log, logger
beforeEach(() => {
  backend = new ImmediateBackend()
  log = eventLog()
  logger = recordingLogger()
  queue = new JobQueue(backend, logger, { onJobEvent: log.listener })
})
afterEach(() => queue.shutdown(0))

const first = () => backend.jobs[0]

describe('a processor on a backend that runs jobs inside enqueue', () => {
  it('has run when enqueue resolves', async () => {
    const seen = []
    queue.process('work', async (job) => (await settled(), seen.push(job.data)))
    assert.equal(await queue.enqueue('work', 1), 'immediate-1')
    assert.deepEqual(seen, [1])
    assert.equal(first().status, 'completed')
    assert.deepEqual(log.kinds(), ['claimed', 'completed'])
  })

  it('fails its job, and then enqueue rejects with the very error', async () => {
    const boom = new Error('boom')
    queue.process('work', () => {
      throw boom
    })
    await assert.rejects(queue.enqueue('work', {}), (error) => {
      assert.equal(first().failReason, 'boom')
      return error === boom
    })
    assert.deepEqual(log.kinds(), ['claimed', 'failed'])
    assert.equal(logger.at('warn').length, 1)
  })

  it('fails its job for good', async () => {
    queue.process('work', () => {
      throw new FatalJobError('no')
    })
    await assert.rejects(queue.enqueue('work', {}), FatalJobError)
    assert.equal(first().status, 'failed')
    assert.equal(log.events[1].kind, 'fail-fatal')
  })

  it('settles by hand, once, and knows the result', async () => {
    let results
    queue.process('work', async (_job, ctx) => {
      await ctx.log('line')
      results = [await ctx.heartbeat(), await ctx.fail('by hand'), await ctx.complete()]
    })
    await queue.enqueue('work', {})
    assert.deepEqual(results, ['applied', { status: 'retry-scheduled' }, { status: 'retry-scheduled' }])
    assert.equal(first().failReason, 'by hand')
    assert.deepEqual(first().logs, ['line', 'Failed: by hand'])
  })

  it('enforces timeoutMs', async () => {
    let signal
    queue.process('work', (_job, ctx) => ((signal = ctx.signal), never()), { timeoutMs: 5 })
    await assert.rejects(queue.enqueue('work', {}), { code: 'ERR_DURABL_HANDLER_TIMEOUT' })
    assert.equal(signal.aborted, true)
    assert.match(first().failReason, /timeoutMs/)
  })

  it('lets enqueue resolve when its handler throws after it has completed its job', async () => {
    queue.process('work', async (_job, ctx) => {
      await ctx.complete()
      throw new Error('too late')
    })
    await queue.enqueue('work', {})
    assert.equal(first().status, 'completed')
  })

  it('has enqueueMany tell of jobs that were made, whether or not their handlers fail', async () => {
    queue.process('work', (job) => {
      if (job.data === 1) throw new Error('boom')
    })
    const results = await queue.enqueueMany([1, 2].map((data) => ({ type: 'work', data })))
    assert.deepEqual(results, [
      { status: 'created', id: 'immediate-1' },
      { status: 'created', id: 'immediate-2' },
    ])
    assert.deepEqual(
      backend.jobs.map(({ failReason }) => failReason),
      ['boom', undefined],
    )
  })

  it('keeps the failure of a follower from the enqueue before it', async () => {
    const key = { dedupeKey: 'k', dedupeScope: 'pending' }
    queue.process('work', async (job) => {
      if (job.data === 2) throw new Error('boom')
      await queue.enqueue('work', 2, key)
    })
    await queue.enqueue('work', 1, key)
    assert.deepEqual(
      backend.jobs.map(({ status, failReason }) => [status, failReason]),
      [
        ['completed', undefined],
        ['pending', 'boom'],
      ],
    )
  })

  it('is one per type', () => {
    queue.process('work', () => {})
    assert.throws(() => queue.process('work', () => {}), { code: 'ERR_DURABL_DUPLICATE_PROCESSOR' })
  })

  it('holds the shutdown up for the grace, and is released after it', async () => {
    const graceMs = 100
    queue.process('work', never)
    const enqueued = queue.enqueue('work', {})
    await settled()
    let isDown = false
    const from = performance.now()
    const down = queue.shutdown(graceMs).then(() => (isDown = true))
    await settled()
    assert.deepEqual([isDown, first().status], [false, 'active'])
    await down
    // A timer may be early by a fraction of a millisecond.
    assert.ok(performance.now() - from >= graceMs - 1)
    await enqueued
    assert.equal(first().status, 'pending')
    assert.equal(first().attempt, 0)
    assert.deepEqual(log.kinds(), ['claimed', 'shutdown-released'])
  })

  it('does not run for a queue that is shut down', async () => {
    queue.process('work', () => assert.fail('must not run'))
    await queue.shutdown()
    await backend.enqueue('work', {})
    assert.equal(first().status, 'pending')
  })

  it('runs a claimed job and its followers', async () => {
    const key = { dedupeKey: 'k', dedupeScope: 'pending' }
    const ran = []
    const handle = await queue.claimOrEnqueue('work', 1, key)
    await queue.runClaimed(handle, async (job) => {
      ran.push(job.data)
      if (job.data === 1) await queue.enqueue('work', 2, key)
    })
    assert.deepEqual(ran, [1, 2])
  })

  it('must be one that can register handlers', () => {
    const { enqueue, claimOrEnqueue, claimNext, complete, fail } = backend
    const incomplete = { enqueue, claimOrEnqueue, claimNext, complete, fail, executesInline: true }
    const other = new JobQueue(incomplete, logger)
    assert.throws(() => other.process('work', () => {}), { code: 'ERR_DURABL_UNSUPPORTED' })
  })
})

describe('the concurrency of a processor inside enqueue', () => {
  /** Handlers that end when a test says so; `steps` tells what has begun and ended. */
  function gated(config) {
    const steps = []
    const gates = new Map()
    const handler = async (job) => {
      steps.push(`${job.data} begins`)
      const gate = deferred()
      gates.set(job.data, gate)
      await gate.promise
      steps.push(`${job.data} ends`)
    }
    queue.process('work', handler, config)
    return { steps, end: (data) => gates.get(data).resolve() }
  }

  it('is 1 by default: the second handler starts after the first has ended', async () => {
    const { steps, end } = gated()
    const enqueued = [queue.enqueue('work', 'a'), queue.enqueue('work', 'b')]
    await settled()
    assert.deepEqual(steps, ['a begins'])
    assert.equal(backend.jobs[1].status, 'pending')
    end('a')
    await enqueued[0]
    await settled()
    assert.deepEqual(steps, ['a begins', 'a ends', 'b begins'])
    end('b')
    assert.equal(await enqueued[1], 'immediate-2')
  })

  it('follows the processor, in the order of the calls', async () => {
    const { steps, end } = gated({ concurrency: 2 })
    const enqueued = ['a', 'b', 'c', 'd'].map((data) => queue.enqueue('work', data))
    await settled()
    assert.deepEqual(steps, ['a begins', 'b begins'])
    end('b')
    await settled()
    assert.deepEqual(steps.slice(2), ['b ends', 'c begins'])
    for (const next of ['a', 'c', 'd']) {
      end(next)
      await settled()
    }
    await Promise.all(enqueued)
    assert.deepEqual(steps.slice(4), ['a ends', 'd begins', 'c ends', 'd ends'])
  })

  it('is of one type: another one does not wait', async () => {
    const { steps } = gated()
    const seen = []
    queue.process('other', (job) => void seen.push(job.data))
    void queue.enqueue('work', 'a')
    await queue.enqueue('other', 1)
    assert.deepEqual([steps, seen], [['a begins'], [1]])
  })

  it('comes free when a handler fails', async () => {
    queue.process('work', async (job) => {
      await settled()
      if (job.data === 1) throw new Error('boom')
    })
    const enqueued = [queue.enqueue('work', 1), queue.enqueue('work', 2)]
    await assert.rejects(enqueued[0], { message: 'boom' })
    assert.equal(await enqueued[1], 'immediate-2')
    assert.equal(backend.jobs[1].status, 'completed')
  })

  it('does not count what a handler of the type enqueues itself, at whatever depth', async () => {
    const steps = []
    queue.process('work', async (job) => {
      steps.push(`work ${job.data} begins`)
      if (job.data > 0) await queue.enqueue('between', job.data - 1)
      steps.push(`work ${job.data} ends`)
    })
    queue.process('between', (job) => queue.enqueue('work', job.data))
    await queue.enqueue('work', 2)
    assert.deepEqual(steps, [
      ...['work 2 begins', 'work 1 begins', 'work 0 begins'],
      ...['work 0 ends', 'work 1 ends', 'work 2 ends'],
    ])
  })

  it('counts the work that a handler has left behind when it ended', async () => {
    const [late, hold] = [deferred(), deferred()]
    const steps = []
    let leftBehind
    queue.process('work', async (job) => {
      steps.push(`${job.data} begins`)
      if (job.data === 'leaves') leftBehind = late.promise.then(() => queue.enqueue('work', 'left'))
      if (job.data === 'holds') await hold.promise
      steps.push(`${job.data} ends`)
    })
    await queue.enqueue('work', 'leaves')
    const holding = queue.enqueue('work', 'holds')
    late.resolve()
    await settled()
    assert.deepEqual(steps.slice(2), ['holds begins'])
    hold.resolve()
    await Promise.all([holding, leftBehind])
    assert.deepEqual(steps.slice(3), ['holds ends', 'left begins', 'left ends'])
  })
})

describe('an inline backend of the first releases', () => {
  it('whose context resolves to nothing still works', async () => {
    const said = []
    const ctx = {
      complete: async () => void said.push('complete'),
      fail: async (reason) => void said.push(reason),
    }
    let registered
    const old = {
      executesInline: true,
      registerHandler: (_type, handler) => (registered = handler),
      enqueue: async () => 'id',
      claimOrEnqueue: async () => null,
      claimNext: async () => null,
      complete: async () => {},
      fail: async () => {},
    }
    const other = new JobQueue(old, logger, { onJobEvent: log.listener })
    const outcomes = [
      () => {},
      () => {
        throw new Error('boom')
      },
    ]
    other.process('work', () => outcomes.shift()())
    for (const id of ['a', 'b']) await registered({ id, type: 'work', attempt: 1, maxAttempts: 3 }, ctx)
    assert.deepEqual(said, ['complete', 'boom'])
    assert.deepEqual(log.kinds(), ['claimed', 'completed', 'claimed', 'failed'])
    await other.shutdown()
  })
})

it('a processor that has stopped is handed no job, and the job waits', async () => {
  const processor = queue.process('work', () => {})
  await processor.stop()
  void queue.enqueue('work', {}).catch(() => {})
  await settled()
  assert.equal(first().status, 'pending')
  assert.deepEqual(log.kinds(), [])
})
