import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { deferred, eventLog, never, settled } from '../../support/async.mjs'
import { recordingLogger } from '../../support/loggers.mjs'
import { override } from '../../support/override.mjs'

let backend, log, logger, queue, unhandled
const onUnhandled = (error) => unhandled.push(error)

beforeEach(() => {
  unhandled = []
  process.on('unhandledRejection', onUnhandled)
  backend = new DummyBackend()
  log = eventLog()
  logger = recordingLogger()
})

afterEach(async () => {
  await queue.shutdown(0)
  await settled()
  process.removeListener('unhandledRejection', onUnhandled)
  assert.deepEqual(unhandled, [])
})

/** Runs one job by this handler, on the backend with these methods replaced. */
async function run(handler, { methods = {}, options = {}, config = {} } = {}) {
  queue = new JobQueue(override(backend, methods), logger, { onJobEvent: log.listener })
  await queue.enqueue('work', { n: 1 }, options)
  queue.process('work', handler, config)
  await settled()
  return backend.jobs[0]
}

describe('a handler that returns', () => {
  for (const [name, handler] of [
    ['nothing', () => {}],
    ['a value', () => ({ then: 'not a function' })],
    ['a promise', async () => 'ignored'],
    ['a foreign promise', () => ({ then: (resolve) => resolve() })],
  ]) {
    it(`${name} completes its job`, async () => {
      const job = await run(handler)
      assert.equal(job.status, 'completed')
      assert.deepEqual(log.kinds(), ['claimed', 'completed'])
    })
  }
})

describe('a handler that throws', () => {
  const failing = [
    [
      'synchronously',
      () => {
        throw new Error('boom')
      },
    ],
    [
      'asynchronously',
      async () => {
        throw new Error('boom')
      },
    ],
    ['through a foreign promise', () => ({ then: (_, reject) => reject(new Error('boom')) })],
    [
      'from a `then`',
      () => ({
        then() {
          throw new Error('boom')
        },
      }),
    ],
  ]
  for (const [name, handler] of failing) {
    it(`${name} fails its attempt, which is retried`, async () => {
      const job = await run(handler)
      assert.equal(job.status, 'pending')
      assert.equal(job.failReason, 'boom')
      const { durationMs, ...event } = log.events[1]
      assert.deepEqual(event, {
        ...{ kind: 'failed', type: 'work', jobId: 'dummy-1' },
        ...{ attempt: 1, maxAttempts: 3, terminal: false, reason: 'boom' },
      })
      assert.ok(durationMs >= 0)
      assert.equal(logger.at('warn').length, 1)
    })
  }

  it('fails its job when attempts are used up', async () => {
    const job = await run(failing[0][1], { options: { maxAttempts: 1 } })
    assert.equal(job.status, 'failed')
    assert.equal(log.events[1].terminal, true)
    assert.equal(logger.at('error').length, 1)
  })
})

describe('a handler that settles by hand', () => {
  it('fails, whatever it returns', async () => {
    let result
    const job = await run(async (_job, { fail }) => void (result = await fail('not today')))
    assert.deepEqual(result, { status: 'retry-scheduled' })
    assert.equal(job.failReason, 'not today')
    assert.equal(job.status, 'pending')
  })

  it('settles once: later settlements give the result of the first and write nothing', async () => {
    const calls = []
    const methods = {
      fail: (...args) => (calls.push('fail'), backend.fail(...args)),
      complete: (...args) => (calls.push('complete'), backend.complete(...args)),
    }
    let results
    await run(
      async (_job, ctx) => {
        results = await Promise.all([ctx.fail('first'), ctx.complete(), ctx.failFatal('third')])
        results.push(await ctx.complete())
      },
      { methods },
    )
    assert.deepEqual(calls, ['fail'])
    assert.deepEqual(results, Array(4).fill({ status: 'retry-scheduled' }))
  })

  it('and then throws stays settled, with a warning', async () => {
    const job = await run(async (_job, ctx) => {
      await ctx.complete()
      throw new Error('too late')
    })
    assert.equal(job.status, 'completed')
    assert.equal(logger.at('warn')[0].err.message, 'too late')
  })

  it('has settled only when the write is durable', async () => {
    const write = deferred()
    const steps = []
    const methods = {
      complete: (...args) => write.promise.then(() => (steps.push('durable'), backend.complete(...args))),
    }
    await run(async (_job, ctx) => (await ctx.complete(), steps.push('returned')), { methods })
    assert.deepEqual(steps, [])
    write.resolve()
    await settled()
    assert.deepEqual(steps, ['durable', 'returned'])
  })

  it('is told when the write fails, and may settle again', async () => {
    let first
    const methods = {
      complete: async () => {
        throw new Error('down')
      },
    }
    const job = await run(
      async (_job, ctx) => {
        await ctx.complete().catch((error) => void (first = error.message))
        await ctx.fail('could not complete')
      },
      { methods },
    )
    assert.equal(first, 'down')
    assert.equal(job.failReason, 'could not complete')
  })

  it('without waiting harms nothing when the write fails', async () => {
    const methods = {
      complete: async () => {
        throw new Error('down')
      },
    }
    await run((_job, ctx) => void ctx.complete(), { methods })
    assert.equal(logger.at('error')[0].err.message, 'down')
  })

  it('after it has returned gets the result of the run, and asks the backend nothing', async () => {
    let ctx
    const calls = []
    const methods = {
      heartbeat: async () => void calls.push('heartbeat'),
      fail: async () => void calls.push('fail'),
    }
    await run((_job, context) => void (ctx = context), { methods })
    assert.deepEqual(await ctx.fail('late'), { status: 'completed' })
    assert.equal(await ctx.heartbeat(), 'lease-lost')
    assert.deepEqual(calls, [])
  })
})

describe('a settlement that finds something else', () => {
  for (const [found, kinds, level] of [
    [{ status: 'lease-lost' }, ['claimed', 'lease-lost'], 'warn'],
    [{ status: 'not-found' }, ['claimed'], 'warn'],
    [{ status: 'already-terminal', terminalStatus: 'failed' }, ['claimed'], 'warn'],
    [{ status: 'superseded' }, ['claimed', 'superseded'], 'info'],
  ]) {
    it(`${found.status}: is reported as what it is`, async () => {
      let result
      await run(async (_job, ctx) => void (result = await ctx.fail('x')), {
        methods: { fail: async () => found },
      })
      assert.deepEqual(result, found)
      assert.deepEqual(log.kinds(), kinds)
      assert.equal(logger.at(level).length, 1)
    })
  }
})

describe('when both the handler and the write of its failure fail', () => {
  for (const [name, methods] of [
    [
      'rejects',
      {
        fail: async () => {
          throw new Error('down')
        },
      },
    ],
    [
      'throws',
      {
        fail: () => {
          throw new Error('down')
        },
      },
    ],
  ]) {
    it(`both errors are reported (the write ${name})`, async () => {
      await run(
        () => {
          throw new Error('boom')
        },
        { methods },
      )
      const [{ err }] = logger.at('error')
      assert.ok(err instanceof AggregateError)
      assert.deepEqual(
        err.errors.map((error) => error.message),
        ['boom', 'down'],
      )
    })
  }

  it('the processor goes on', async () => {
    let runs = 0
    const failOnce = {
      fail: async () => {
        throw new Error('down')
      },
    }
    await run(
      () => {
        if ((runs += 1) === 1) throw new Error('boom')
      },
      { methods: failOnce },
    )
    await queue.enqueue('work', {})
    await settled()
    assert.equal(backend.jobs[1].status, 'completed')
  })
})

describe('the log of a run', () => {
  it('is written in order, before the verdict', async () => {
    const written = []
    const slow = [deferred(), deferred()]
    const methods = {
      log: async (...args) => (await slow.shift().promise, written.push(args[1]), backend.log(...args)),
      complete: (...args) => (written.push('complete'), backend.complete(...args)),
    }
    const [first, second] = slow
    await run((_job, ctx) => void (ctx.log('one'), ctx.log('two')), { methods })
    second.resolve()
    await settled()
    assert.deepEqual(written, [])
    first.resolve()
    await settled()
    assert.deepEqual(written, ['one', 'two', 'complete'])
    assert.deepEqual(backend.jobs[0].logs, ['one', 'two'])
  })

  it('never fails a job, nor its own promise', async () => {
    const methods = {
      log: async () => {
        throw new Error('down')
      },
    }
    const job = await run(async (_job, ctx) => void (await ctx.log('line')), { methods })
    assert.equal(job.status, 'completed')
    const [warning, ...others] = logger.at('warn')
    assert.match(warning.message, /job log/)
    assert.equal(warning.err.message, 'down')
    assert.deepEqual(others, [])
  })

  it('takes any value', async () => {
    const job = await run(async (_job, ctx) => void (await ctx.log({ step: 1 })))
    assert.deepEqual(job.logs, ['{ step: 1 }'])
  })

  it('that cannot be written holds the verdict up for a bounded time only', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
    const job = await run((_job, ctx) => void ctx.log('line'), { methods: { log: never } })
    assert.equal(job.status, 'active')
    t.mock.timers.tick(10_000)
    await settled()
    assert.equal(job.status, 'completed')
    assert.match(logger.at('warn')[0].err.message, /not written in time: 1$/)
  })
})

describe('the context', () => {
  it('has methods that can be taken off it', async () => {
    const job = await run(async (_job, { complete, log: addLine }) => {
      await addLine('line')
      await complete()
    })
    assert.deepEqual(job.logs, ['line'])
  })

  it('has one signal, which is not aborted', async () => {
    let signals
    await run((_job, ctx) => void (signals = [ctx.signal, ctx.signal]))
    assert.ok(signals[0] instanceof AbortSignal)
    assert.equal(signals[0], signals[1])
    assert.equal(signals[0].aborted, false)
  })

  it('renews the lease by hand', async () => {
    let result
    const calls = []
    const methods = { heartbeat: (...args) => (calls.push(args), backend.heartbeat(...args)) }
    await run(async (_job, ctx) => void (result = await ctx.heartbeat()), { methods })
    assert.equal(result, 'applied')
    assert.equal(calls[0][0], 'dummy-1')
  })
})
