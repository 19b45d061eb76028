import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { deferred, eventLog, settled } from '../../support/async.mjs'
import { recordingLogger } from '../../support/loggers.mjs'
import { override } from '../../support/override.mjs'

let queue, log, logger, sweeps
beforeEach((t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  log = eventLog()
  logger = recordingLogger()
  sweeps = []
})
afterEach(async (t) => {
  t.mock.timers.reset()
  await queue.shutdown(0)
})

/** A queue whose backend answers sweeps with these, the last one for ever. */
function open(answers, options = {}) {
  const recoverStuckJobs = async (...args) => {
    sweeps.push(args)
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    if (answer instanceof Error) throw answer
    return answer
  }
  queue = new JobQueue(override(new DummyBackend(), { recoverStuckJobs }), logger, {
    visibilityTimeoutMs: 10_000,
    onJobEvent: log.listener,
    ...options,
  })
}

async function pass(t, ms, step = 500) {
  for (let done = 0; done < ms; done += step) {
    t.mock.timers.tick(step)
    await settled()
  }
}

describe('startReaper', () => {
  it('sweeps at once and tells what it recovered', async () => {
    open([3])
    assert.deepEqual(await queue.startReaper(), { status: 'started', recovered: 3 })
    assert.deepEqual(log.events, [{ kind: 'reaper-recovered', handled: 3, saturated: false }])
    assert.deepEqual(sweeps, [[10_000]])
  })

  it('has begun its first sweep before it returns its promise', () => {
    open([0])
    const started = queue.startReaper()
    assert.deepEqual(sweeps, [[queue.visibilityTimeoutMs]])
    assert.ok(started instanceof Promise)
  })

  it('gives calls during the first sweep the very same promise', async () => {
    const reply = deferred()
    open([0])
    queue.backend.recoverStuckJobs = () => (sweeps.push([]), reply.promise)
    const started = queue.startReaper()
    assert.equal(queue.startReaper(), started)
    assert.equal(sweeps.length, 1)
    reply.resolve(2)
    assert.deepEqual(await started, { status: 'started', recovered: 2 })
    assert.deepEqual(await queue.startReaper(), { status: 'already-running' })
    assert.equal(sweeps.length, 1)
  })

  it('waits the interval from the end of the first sweep', async (t) => {
    const reply = deferred()
    open([0])
    queue.backend.recoverStuckJobs = () => (sweeps.push([]), reply.promise)
    const started = queue.startReaper(1000)
    await pass(t, 5000)
    reply.resolve(0)
    await started
    assert.equal(sweeps.length, 1)
    await pass(t, 500)
    assert.equal(sweeps.length, 1)
    await pass(t, 500)
    assert.equal(sweeps.length, 2)
  })

  it('after a stop during the first sweep begins one of its own', async () => {
    const reply = deferred()
    open([0])
    queue.backend.recoverStuckJobs = () => (sweeps.push([]), reply.promise)
    const first = queue.startReaper()
    queue.stopReaper()
    const second = queue.startReaper()
    assert.notEqual(second, first)
    assert.equal(sweeps.length, 2)
    reply.resolve(0)
    for (const started of [first, second])
      assert.deepEqual(await started, { status: 'started', recovered: 0 })
    assert.deepEqual(await queue.startReaper(), { status: 'already-running' })
  })

  it('calls the method that the backend has at each sweep', async (t) => {
    open([0])
    await queue.startReaper(1000)
    const replaced = []
    queue.backend.recoverStuckJobs = async (...args) => replaced.push(args)
    await pass(t, 1000)
    assert.deepEqual(replaced, [[10_000]])
  })

  it('rejects on a backend without recoverStuckJobs, and starts nothing', async (t) => {
    queue = new JobQueue(override(new DummyBackend(), { recoverStuckJobs: undefined }), logger)
    await assert.rejects(queue.startReaper(), { code: 'ERR_DURABL_UNSUPPORTED', message: /recoverStuckJobs/ })
    await pass(t, 120_000)
    assert.deepEqual(logger.entries, [])
  })

  it('sweeps at every interval until it is stopped', async (t) => {
    open([0])
    await queue.startReaper(2000)
    await pass(t, 10_000)
    assert.equal(sweeps.length, 6)
    queue.stopReaper()
    await pass(t, 10_000)
    assert.equal(sweeps.length, 6)
    assert.deepEqual(log.events, [])
  })

  it('sweeps every minute by default', async (t) => {
    open([0])
    await queue.startReaper()
    await pass(t, 59_500)
    assert.equal(sweeps.length, 1)
    await pass(t, 500)
    assert.equal(sweeps.length, 2)
  })

  it('twice is said to run already; after a stop it starts again', async () => {
    open([0])
    await queue.startReaper()
    assert.deepEqual(await queue.startReaper(), { status: 'already-running' })
    queue.stopReaper()
    queue.stopReaper()
    assert.deepEqual(await queue.startReaper(), { status: 'started', recovered: 0 })
  })

  it('that is stopped during its first sweep stays stopped', async (t) => {
    const reply = deferred()
    open([0])
    queue.backend.recoverStuckJobs = () => (sweeps.push([]), reply.promise)
    const started = queue.startReaper(1000)
    queue.stopReaper()
    reply.resolve(0)
    await started
    await pass(t, 10_000)
    assert.equal(sweeps.length, 1)
  })

  it('whose first sweep fails has started, and says so', async (t) => {
    open([new Error('down'), 2])
    assert.deepEqual(await queue.startReaper(1000), { status: 'started', recovered: null })
    assert.deepEqual(log.events, [{ kind: 'reaper-error', phase: 'startup', message: 'down' }])
    await pass(t, 1000)
    assert.deepEqual(log.events[1], { kind: 'reaper-recovered', handled: 2, saturated: false })
  })

  it('reports every failure as an event, and floods no log', async (t) => {
    open([0, new Error('down')])
    await queue.startReaper(1000)
    await pass(t, 20_000)
    assert.equal(log.events.filter(({ phase }) => phase === 'periodic').length, 20)
    assert.equal(logger.at('warn').length, 4)
    assert.equal(logger.at('error').length, 1)
  })

  it('goes on soon after a sweep that handled as many as it may', async (t) => {
    open([1000, 1000, 5])
    await queue.startReaper(60_000)
    await pass(t, 5000)
    assert.deepEqual(
      log.events.map(({ handled, saturated }) => [handled, saturated]),
      [
        [1000, true],
        [1000, true],
        [5, false],
      ],
    )
  })

  it('never has two sweeps under way', async (t) => {
    open([0])
    await queue.startReaper(1000)
    let underWay = 0
    const reply = deferred()
    queue.backend.recoverStuckJobs = () => ((underWay += 1), reply.promise)
    await pass(t, 10_000)
    assert.equal(underWay, 1)
    reply.resolve(0)
  })

  it('refuses a malformed interval', async () => {
    open([0])
    await assert.rejects(queue.startReaper(0), RangeError)
    await assert.rejects(queue.startReaper('often'), TypeError)
    assert.equal(sweeps.length, 0)
  })
})

describe('a reaper that an app started', () => {
  it('sweeps no more after the shutdown', async (t) => {
    open([0])
    await queue.startReaper(1000)
    await pass(t, 3000)
    assert.ok(sweeps.length > 1)
    const { length } = sweeps
    await queue.shutdown(0)
    await pass(t, 10_000)
    assert.equal(sweeps.length, length)
  })
})

describe('recovery by default', () => {
  it('sweeps while there are processors', async (t) => {
    open([1])
    await pass(t, 30_000)
    assert.equal(sweeps.length, 0)
    queue.process('work', () => {})
    queue.process('other', () => {})
    await pass(t, 100_000)
    assert.ok(sweeps.length >= 8 && sweeps.length <= 13, `${sweeps.length} sweeps in ten timeouts`)
    assert.equal(log.events[0].kind, 'reaper-recovered')
  })

  it('can be turned off', async (t) => {
    open([1], { autoRecover: false })
    queue.process('work', () => {})
    await pass(t, 100_000)
    assert.equal(sweeps.length, 0)
  })

  it('ends with the shutdown', async (t) => {
    open([1])
    queue.process('work', () => {})
    await queue.shutdown(0)
    await pass(t, 100_000)
    assert.equal(sweeps.length, 0)
  })

  it('returns the job of a worker that died', async (t) => {
    const backend = new DummyBackend()
    await backend.enqueue('work', {})
    await backend.claimNext('work')
    queue = new JobQueue(backend, logger, { visibilityTimeoutMs: 10_000 })
    queue.process('work', () => {})
    await pass(t, 30_000)
    assert.equal(backend.jobs[0].status, 'completed')
    assert.equal(backend.jobs[0].attempt, 2)
  })
})
