import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { DummyBackend, JobQueue, TimeoutError } from 'durabl'
import { deferred, eventLog, never, settled } from '../../support/async.mjs'
import { recordingLogger } from '../../support/loggers.mjs'

let queue, backend, log, logger
beforeEach((t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  backend = new DummyBackend()
  log = eventLog()
  logger = recordingLogger()
  queue = new JobQueue(backend, logger, { onJobEvent: log.listener })
})
afterEach(async (t) => {
  t.mock.timers.reset()
  await queue.shutdown(0)
})

async function start(handler, config = {}) {
  await queue.enqueue('work', {}, { maxAttempts: 1 })
  queue.process('work', handler, { timeoutMs: 1000, ...config })
  await settled()
}

describe('a handler that runs past its timeoutMs', () => {
  it('is aborted, and its job fails', async (t) => {
    let signal
    await start((_job, ctx) => ((signal = ctx.signal), never()))
    t.mock.timers.tick(999)
    assert.equal(signal.aborted, false)
    t.mock.timers.tick(1)
    assert.equal(signal.aborted, true)
    assert.ok(signal.reason instanceof TimeoutError)
    assert.equal(signal.reason.code, 'ERR_DURABL_HANDLER_TIMEOUT')
    await settled()
    assert.equal(backend.jobs[0].status, 'failed')
    assert.match(backend.jobs[0].failReason, /1000/)
    assert.deepEqual(log.kinds(), ['claimed', 'failed'])
  })

  it('sees an aborted signal also if it asks only then', async (t) => {
    let ctx
    await start((_job, context) => ((ctx = context), never()))
    t.mock.timers.tick(1000)
    assert.equal(ctx.signal.aborted, true)
  })

  it('gives its slot to the next job', async (t) => {
    let runs = 0
    await start(() => ((runs += 1) === 1 ? never() : undefined))
    await queue.enqueue('work', {})
    await settled()
    assert.equal(runs, 1)
    t.mock.timers.tick(1000)
    await settled()
    assert.equal(runs, 2)
    assert.equal(backend.jobs[1].status, 'completed')
  })

  it('may settle by hand as it is aborted', async (t) => {
    await start((_job, ctx) => {
      ctx.signal.addEventListener('abort', () => void ctx.complete())
      return never()
    })
    t.mock.timers.tick(1000)
    await settled()
    assert.equal(backend.jobs[0].status, 'completed')
  })

  for (const [name, end] of [
    ['resolves', (late) => late.resolve()],
    ['rejects', (late) => late.reject(new Error('aborted'))],
  ]) {
    it(`and ${name} later changes nothing any more`, async (t) => {
      const late = deferred()
      await start(() => late.promise)
      t.mock.timers.tick(1000)
      await settled()
      end(late)
      await settled()
      assert.equal(backend.jobs[0].status, 'failed')
      assert.deepEqual(log.kinds(), ['claimed', 'failed'])
      assert.equal(logger.at('warn').length, 0)
    })
  }
})

it('a handler that ends in time is left alone', async (t) => {
  let signal
  await start((_job, ctx) => void (signal = ctx.signal))
  t.mock.timers.tick(10_000)
  assert.equal(signal.aborted, false)
  assert.equal(backend.jobs[0].status, 'completed')
})
