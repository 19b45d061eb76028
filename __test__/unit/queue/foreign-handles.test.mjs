/** `runClaimed` with handles that are not this package's: of a user's backend, a test double, a decorator, another copy. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { DummyBackend, FatalJobError, JobQueue } from 'durabl'
import { deferred, eventLog, never, settled } from '../../support/async.mjs'
import { recordingLogger } from '../../support/loggers.mjs'

const KEY = { dedupeKey: 'k', dedupeScope: 'pending' }
const LEASE_MS = 30_000
const RESULTS = {
  complete: { status: 'completed' },
  fail: { status: 'retry-scheduled' },
  failFatal: { status: 'failed-terminal' },
  release: { status: 'released' },
  heartbeat: 'applied',
  log: undefined,
}

let backend, queue, log, logger, calls
beforeEach(() => {
  backend = new DummyBackend()
  log = eventLog()
  logger = recordingLogger()
  calls = []
  queue = new JobQueue(backend, logger, { onJobEvent: log.listener, visibilityTimeoutMs: LEASE_MS })
})
afterEach(() => queue.shutdown(0))

/** A handle made by hand, of a job that the queue's backend has never heard of. */
function double(methods = {}, fields = {}) {
  const handle = {
    ...{
      id: 'theirs',
      type: 'work',
      data: { n: 1 },
      status: 'active',
      attempt: 1,
      maxAttempts: 3,
      priority: 0,
    },
    ...{ runAt: new Date(), createdAt: new Date(), claimToken: 'their token', ...fields },
  }
  for (const [name, result] of Object.entries(RESULTS)) {
    const method = methods[name] ?? (async () => result)
    handle[name] = (...args) => (calls.push([name, ...args]), method(...args))
  }
  return handle
}

const boom = new Error('boom')
const fatal = new FatalJobError('no')
const throwing = (error) => () => {
  throw error
}
const settlements = () => calls.filter(([name]) => name !== 'heartbeat' && name !== 'log')

describe('a handle of any origin', () => {
  it('is completed by its own method, once', async () => {
    let seen
    await queue.runClaimed(double(), (job) => void (seen = job))
    assert.deepEqual(settlements(), [['complete']])
    assert.deepEqual(log.kinds(), ['completed'])
    assert.deepEqual([seen.id, seen.data, seen.claimToken], ['theirs', { n: 1 }, 'their token'])
    assert.equal('complete' in seen, false)
  })

  it('fails by its own method with the message, and the very error is thrown', async () => {
    await assert.rejects(queue.runClaimed(double(), throwing(boom)), (error) => error === boom)
    assert.deepEqual(settlements(), [['fail', 'boom']])
  })

  it('fails for good by its own method', async () => {
    await assert.rejects(queue.runClaimed(double(), throwing(fatal)), (error) => error === fatal)
    assert.deepEqual(settlements(), [['failFatal', 'no']])
  })

  it('has the event that the result of its method says', async () => {
    for (const [result, kind, terminal] of [
      ['retry-scheduled', 'failed', false],
      ['failed-terminal', 'failed', true],
      ['superseded', 'superseded', undefined],
    ]) {
      log.events.length = 0
      const handle = double({ fail: async () => ({ status: result }) })
      await assert.rejects(queue.runClaimed(handle, throwing(boom)))
      assert.deepEqual([log.kinds(), log.events[0].terminal], [[kind], terminal])
    }
  })

  it('has no event of its end before its method has resolved', async () => {
    const reply = deferred()
    const run = queue.runClaimed(double({ complete: () => reply.promise }), () => {})
    await settled()
    assert.deepEqual(log.events, [])
    reply.resolve({ status: 'completed' })
    await run
    assert.deepEqual(log.kinds(), ['completed'])
  })

  it('whose complete rejects has runClaimed reject with that, and is not failed', async () => {
    const handle = double({ complete: () => Promise.reject(boom) })
    await assert.rejects(
      queue.runClaimed(handle, () => {}),
      (error) => error === boom,
    )
    assert.deepEqual(settlements(), [['complete']])
  })

  it('whose handler and fail both reject has runClaimed reject with both, the handler’s first', async () => {
    const down = new Error('down')
    const handle = double({ fail: () => Promise.reject(down) })
    await assert.rejects(queue.runClaimed(handle, throwing(boom)), (error) => {
      assert.ok(error instanceof AggregateError)
      assert.equal(error.errors[0], boom)
      assert.equal(error.errors[1], down)
      return true
    })
  })

  it('is logged to, renewed and settled by hand through its own methods', async () => {
    await queue.runClaimed(double(), async (_job, ctx) => {
      await ctx.log('a line')
      await ctx.heartbeat()
      await ctx.failFatal('by hand')
    })
    assert.deepEqual(calls, [['log', 'a line'], ['heartbeat'], ['failFatal', 'by hand']])
  })

  it('may keep fields and methods on a class', async () => {
    class Handle {
      #id = 'of a class'
      get id() {
        return this.#id
      }
      get type() {
        return 'work'
      }
      get data() {
        return 7
      }
      async complete() {
        calls.push(['complete', this.#id])
        return { status: 'completed' }
      }
    }
    const seen = []
    await queue.runClaimed(new Handle(), ({ id, type, data }) => seen.push(id, type, data))
    assert.deepEqual(seen, ['of a class', 'work', 7])
    assert.deepEqual(calls, [['complete', 'of a class']])
  })

  it('is recognised by its own mark: a copy with other methods goes by those, and is reported once', async () => {
    const handle = await queue.claimOrEnqueue('work', {})
    log.events.length = 0
    const copy = { ...handle, complete: () => (calls.push(['complete']), handle.complete()) }
    await queue.runClaimed(copy, () => {})
    assert.deepEqual(calls, [['complete']])
    assert.deepEqual(log.kinds(), ['completed'])
    assert.equal(backend.jobs[0].status, 'completed')
  })

  it('of this package whose method was replaced goes by the new one', async () => {
    for (const handle of [await queue.claimOrEnqueue('work', {}), await backend.claimOrEnqueue('work', {})]) {
      calls.length = 0
      handle.complete = async () => (calls.push(['complete']), { status: 'completed' })
      await queue.runClaimed(handle, () => {})
      assert.deepEqual(calls, [['complete']])
    }
  })
})

describe('the lease of a handle of any origin', () => {
  beforeEach((t) => t.mock.timers.enable({ apis: ['setTimeout', 'Date'] }))
  afterEach((t) => t.mock.timers.reset())

  const pass = async (t, ms) => {
    for (let done = 0; done < ms; done += 500) {
      t.mock.timers.tick(500)
      await settled()
    }
  }

  it('is renewed every third of it, and no more after the end', async (t) => {
    const end = deferred()
    const run = queue.runClaimed(double(), () => end.promise)
    await pass(t, 2 * LEASE_MS)
    assert.deepEqual(calls, Array(6).fill(['heartbeat']))
    end.resolve()
    await run
    calls.length = 0
    await pass(t, LEASE_MS)
    assert.deepEqual(calls, [])
  })

  it('that is lost aborts the signal, and nothing is settled', async (t) => {
    let signal
    const handle = double({ heartbeat: async () => 'lease-lost' })
    const run = queue.runClaimed(handle, (_job, ctx) => ((signal = ctx.signal), never()))
    run.catch(() => {})
    await pass(t, LEASE_MS / 3)
    assert.equal(signal.aborted, true)
    assert.deepEqual(settlements(), [])
    assert.deepEqual([log.kinds(), log.events[0].op], [['lease-lost'], 'heartbeat'])
  })

  for (const [name, heartbeat] of [
    ['unanswered', never],
    ['rejected', () => Promise.reject(new Error('down'))],
  ]) {
    it(`whose renewals stay ${name} is lost at its deadline`, async (t) => {
      let signal
      const run = queue.runClaimed(double({ heartbeat }), (_job, ctx) => ((signal = ctx.signal), never()))
      run.catch(() => {})
      await pass(t, LEASE_MS - 2000)
      assert.equal(signal.aborted, false)
      await pass(t, 2000)
      assert.equal(signal.aborted, true)
      assert.deepEqual(settlements(), [])
      assert.deepEqual([log.kinds(), log.events[0].op], [['lease-lost'], 'heartbeat-deadline'])
    })
  }
})

describe('followers', () => {
  it('are claimed by the backend, and run by their own methods', async () => {
    const followers = [double({}, { id: 'second', data: { n: 2 } }), null]
    const asked = []
    backend.claimNextByKey = async (...args) => (asked.push(args), followers.shift())
    const first = double({ fail: async () => ({ status: 'superseded' }) }, { id: 'first', ...KEY })
    const ran = []
    const run = queue.runClaimed(first, (job) => {
      ran.push(job.id)
      if (job.id === 'first') throw boom
    })
    await assert.rejects(run, (error) => error === boom)
    assert.deepEqual(ran, ['first', 'second'])
    assert.deepEqual(settlements(), [['fail', 'boom'], ['complete']])
    assert.deepEqual(asked, [
      ['work', 'k'],
      ['work', 'k'],
    ])
    assert.deepEqual(log.kinds(), ['superseded', 'claimed', 'completed'])
  })
})

describe('a shutdown', () => {
  it('gives the grace, aborts, and releases by the backend', async () => {
    for (const status of ['released', 'superseded']) {
      log.events.length = 0
      const released = []
      backend.release = async (...args) => (released.push(args), { status })
      queue = new JobQueue(backend, logger, { onJobEvent: log.listener })
      let signal
      const run = queue.runClaimed(double(), (_job, ctx) => ((signal = ctx.signal), never()))
      const rejected = assert.rejects(run, { code: 'ERR_DURABL_SHUT_DOWN', message: /shutting down/ })
      await settled()
      await queue.shutdown(0)
      await rejected
      assert.equal(signal.aborted, true)
      assert.deepEqual(released, [['theirs', 'their token', { endOfRun: true }]])
      assert.deepEqual(settlements(), [])
    }
  })

  it('is not held up by a release that hangs', async () => {
    backend.release = never
    queue.runClaimed(double(), never).catch(() => {})
    await settled()
    const started = performance.now()
    await queue.shutdown(0)
    assert.ok(performance.now() - started < 1500)
  })

  it('refuses what begins after it: the queue is shutting down', async () => {
    const down = queue.shutdown()
    for (const refused of [
      () => queue.claimOrEnqueue('work', {}),
      () => queue.runClaimed(double(), () => {}),
    ])
      await assert.rejects(refused(), { code: 'ERR_DURABL_SHUT_DOWN', message: /shutting down/ })
    await down
  })

  it('releases a claim that was on its way when it began', async () => {
    const reply = deferred()
    const released = []
    backend.claimOrEnqueue = () => reply.promise
    backend.release = async (...args) => (released.push(args), { status: 'released' })
    const claim = queue.claimOrEnqueue('work', {})
    const rejected = assert.rejects(claim, { code: 'ERR_DURABL_SHUT_DOWN', message: /shutting down/ })
    const down = queue.shutdown()
    reply.resolve(double())
    await rejected
    await down
    assert.deepEqual(released, [['theirs', 'their token', { endOfRun: true }]])
    assert.deepEqual(log.events, [])
  })
})
