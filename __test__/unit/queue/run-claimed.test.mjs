import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { DummyBackend, JobQueue, LeaseLostError } from 'durabl'
import { deferred, eventLog, never, settled } from '../../support/async.mjs'
import { recordingLogger } from '../../support/loggers.mjs'
import { override } from '../../support/override.mjs'

const KEY = { dedupeKey: 'k', dedupeScope: 'pending' }

let backend, queue, log, logger
beforeEach(() => {
  backend = new DummyBackend()
  log = eventLog()
  logger = recordingLogger()
  open()
})
afterEach(() => queue.shutdown(0))

function open(methods = {}, options = {}) {
  queue = new JobQueue(override(backend, methods), logger, { onJobEvent: log.listener, ...options })
}

/** Claims whose lease is so short are not taken for fresh after a moment: they are renewed before their handler starts. */
const SHORT = { visibilityTimeoutMs: 100 }
const grownOld = () => {
  for (const end = performance.now() + 15; performance.now() < end;);
}

const claim = (data, options = KEY) => queue.claimOrEnqueue('work', data, options)
const statuses = () => backend.jobs.map(({ status }) => status)

describe('runClaimed', () => {
  it('rethrows a value that is no error', async () => {
    await assert.rejects(
      queue.runClaimed(await claim({}), () => {
        throw undefined
      }),
      (error) => error === undefined,
    )
  })

  it('takes a settlement by hand', async () => {
    await queue.runClaimed(await claim({}), (_job, ctx) => ctx.failFatal('by hand'))
    assert.deepEqual(statuses(), ['failed'])
  })

  it('rejects with both errors if the failure cannot be written', async () => {
    open({
      fail: async () => {
        throw new Error('down')
      },
    })
    const run = queue.runClaimed(await claim({}), () => {
      throw new Error('boom')
    })
    await assert.rejects(run, (error) => {
      assert.ok(error instanceof AggregateError)
      assert.deepEqual(
        error.errors.map(({ message }) => message),
        ['boom', 'down'],
      )
      return true
    })
  })

  it('rejects if the completion cannot be written', async () => {
    open({
      complete: async () => {
        throw new Error('down')
      },
    })
    await assert.rejects(
      queue.runClaimed(await claim({}), () => {}),
      { message: 'down' },
    )
  })

  it('does not start on a lease that is lost', async () => {
    const handle = await claim({})
    await handle.complete()
    await assert.rejects(
      queue.runClaimed(handle, () => assert.fail('must not start')),
      LeaseLostError,
    )
  })

  it('does not start once the shutdown has begun, and gives the job back', async () => {
    const reply = deferred()
    open({ heartbeat: () => reply.promise }, SHORT)
    const handle = await claim({})
    grownOld()
    const run = queue.runClaimed(handle, () => assert.fail('must not start'))
    const refused = assert.rejects(run, { code: 'ERR_DURABL_SHUT_DOWN' })
    const down = queue.shutdown()
    reply.resolve('applied')
    await settled()
    // Not only when the grace for running handlers is over.
    assert.deepEqual(statuses(), ['pending'])
    await refused
    await down
    assert.deepEqual(
      backend.jobs.map(({ attempt }) => attempt),
      [0],
    )
  })

  it('rejects when the lease is lost in mid-run', async () => {
    open({ complete: async () => ({ status: 'lease-lost' }) })
    await assert.rejects(
      queue.runClaimed(await claim({}), () => {}),
      { code: 'ERR_DURABL_LEASE_LOST' },
    )
  })

  it('works for a handle that was copied', async () => {
    await queue.runClaimed({ ...(await claim({})) }, () => {})
    assert.deepEqual(statuses(), ['completed'])
  })

  it('refuses a malformed handle or handler, and unknown options', async () => {
    const handle = await claim({})
    await assert.rejects(
      queue.runClaimed({}, () => {}),
      TypeError,
    )
    await assert.rejects(queue.runClaimed(handle, 'work'), TypeError)
    await assert.rejects(
      queue.runClaimed(handle, () => {}, { maxDrain: 1 }),
      /maxDrains/,
    )
  })
})

describe('followers', () => {
  it('that fail end the draining with their error', async () => {
    const run = queue.runClaimed(await claim('first'), async (job) => {
      if (job.data === 'second') throw new Error('second failed')
      await claim('second')
    })
    await assert.rejects(run, { message: 'second failed' })
  })

  it('of another key or type are left alone', async () => {
    await queue.enqueue('work', {}, { dedupeKey: 'other' })
    await queue.enqueue('other', {})
    await queue.runClaimed(await claim({}), () => {})
    assert.deepEqual(statuses(), ['pending', 'pending', 'completed'])
  })

  it('that cannot be claimed are left to the processors, with a warning', async () => {
    open({
      claimNextByKey: async () => {
        throw new Error('down')
      },
    })
    await queue.runClaimed(await claim(1), () => claim(2))
    assert.deepEqual(statuses(), ['completed', 'pending'])
    assert.equal(logger.at('warn').length, 1)
  })

  it('are not claimed once the shutdown has begun', async () => {
    const handle = await claim(1)
    await queue.runClaimed(handle, async () => {
      await claim(2)
      void queue.shutdown()
    })
    assert.deepEqual(statuses(), ['completed', 'pending'])
  })
})

describe('the lease of a claimed job', () => {
  it('is renewed while the handler runs', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
    const beats = []
    open({ heartbeat: (...args) => (beats.push(args), backend.heartbeat(...args)) })
    queue.runClaimed(await claim({}), never).catch(() => {})
    await settled()
    assert.equal(beats.length, 0, 'it is fresh')
    for (let n = 0; n < 8; n += 1) {
      t.mock.timers.tick(100_000)
      await settled()
    }
    assert.equal(beats.length, 8)
    t.mock.timers.reset()
  })
})
