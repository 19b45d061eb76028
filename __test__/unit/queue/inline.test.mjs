import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { FatalJobError, ImmediateBackend, JobQueue } from 'durabl'
import { eventLog, never, settled } from '../../support/async.mjs'
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

  it('fails its job, and enqueue resolves all the same', async () => {
    queue.process('work', () => {
      throw new Error('boom')
    })
    await queue.enqueue('work', {})
    assert.equal(first().failReason, 'boom')
    assert.deepEqual(log.kinds(), ['claimed', 'failed'])
    assert.equal(logger.at('warn').length, 1)
  })

  it('fails its job for good', async () => {
    queue.process('work', () => {
      throw new FatalJobError('no')
    })
    await queue.enqueue('work', {})
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
    assert.deepEqual(first().logs, ['line'])
  })

  it('enforces timeoutMs', async () => {
    let signal
    queue.process('work', (_job, ctx) => ((signal = ctx.signal), never()), { timeoutMs: 5 })
    await queue.enqueue('work', {})
    assert.equal(signal.aborted, true)
    assert.match(first().failReason, /timeoutMs/)
  })

  it('is one per type', () => {
    queue.process('work', () => {})
    assert.throws(() => queue.process('work', () => {}), { code: 'ERR_DURABL_DUPLICATE_PROCESSOR' })
  })

  it('holds the shutdown up for the grace, and is released after it', async () => {
    queue.process('work', never)
    const enqueued = queue.enqueue('work', {})
    await settled()
    await queue.shutdown(0)
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
