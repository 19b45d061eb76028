import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { DummyBackend, JobQueue, LeaseLostError } from 'durabl'
import { deferred, eventLog, never, settled } from '../../support/async.mjs'
import { recordingLogger } from '../../support/loggers.mjs'
import { override } from '../../support/override.mjs'

let queue, backend, log, logger, beats
beforeEach((t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  backend = new DummyBackend()
  log = eventLog()
  logger = recordingLogger()
  beats = []
})
afterEach(async (t) => {
  t.mock.timers.reset()
  await queue.shutdown(0)
})

/** Runs one job whose lease lasts 40 s on a backend with these methods replaced. */
async function start(handler, methods = {}, config = {}) {
  const heartbeat = methods.heartbeat ?? ((...args) => backend.heartbeat(...args))
  const counted = (...args) => (beats.push(args), heartbeat(...args))
  queue = new JobQueue(override(backend, { ...methods, heartbeat: counted }), logger, {
    visibilityTimeoutMs: 40_000,
    onJobEvent: log.listener,
    autoRecover: false,
  })
  await queue.enqueue('work', {})
  queue.process('work', handler, { pollInterval: 1000, ...config })
  await settled()
}

async function pass(t, ms, step = 1000) {
  for (let done = 0; done < ms; done += step) {
    t.mock.timers.tick(Math.min(step, ms - done))
    await settled()
  }
}

describe('a lease', () => {
  it('is renewed every quarter of the visibility timeout while the handler runs, and not after', async (t) => {
    const end = deferred()
    await start(() => end.promise)
    await pass(t, 100_000)
    assert.equal(beats.length, 10)
    assert.deepEqual(beats[0], ['dummy-1', backend.jobs[0].claimToken])
    end.resolve()
    await settled()
    await pass(t, 100_000)
    assert.equal(beats.length, 10)
    assert.deepEqual(log.kinds(), ['claimed', 'completed'])
  })

  it('is renewed as often as the processor says', async (t) => {
    await start(never, {}, { heartbeatIntervalMs: 2000 })
    await pass(t, 20_000)
    assert.equal(beats.length, 10)
  })

  it('that another has taken aborts the handler, and nothing is written', async (t) => {
    const written = []
    const methods = { heartbeat: async () => 'lease-lost' }
    for (const name of ['complete', 'fail', 'failFatal', 'release'])
      methods[name] = async () => void written.push(name)
    let context
    await start(async (_job, ctx) => {
      context = ctx
      await new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)))
    }, methods)
    await pass(t, 10_000)
    assert.ok(context.signal.reason instanceof LeaseLostError)
    assert.equal(context.signal.reason.code, 'ERR_DURABL_LEASE_LOST')
    const { durationMs, ...event } = log.events[1]
    assert.deepEqual(event, { kind: 'lease-lost', type: 'work', jobId: 'dummy-1', op: 'heartbeat' })
    assert.ok(durationMs >= 0)
    assert.deepEqual(await context.complete(), { status: 'lease-lost' })
    assert.deepEqual(written, [])
    assert.equal(log.events.length, 2)
  })

  it('that a heartbeat by hand finds lost ends the run as well', async () => {
    let result
    await start(
      async (_job, ctx) => {
        result = await ctx.heartbeat()
        assert.equal(ctx.signal.aborted, true)
      },
      { heartbeat: async () => 'lease-lost' },
    )
    assert.equal(result, 'lease-lost')
    assert.deepEqual(log.kinds(), ['claimed', 'lease-lost'])
    assert.equal(backend.jobs[0].status, 'active')
  })

  for (const [name, method, begin] of [
    ['a claim', 'claimNext', () => queue.process('work', () => assert.fail('must not start'))],
    [
      'the renewal that begins a run by hand',
      'heartbeat',
      async () => {
        const handle = await queue.claimOrEnqueue('other', {})
        // So old that it is renewed before its handler starts.
        for (const end = performance.now() + 15; performance.now() < end;);
        const run = queue.runClaimed(handle, () => assert.fail('must not start'))
        await assert.rejects(run, LeaseLostError)
      },
    ],
  ])
    it(`that is over when ${name} is answered is lost, and no handler starts`, async () => {
      /** As of a process that stands still in between. */
      const late = async (...args) => {
        const answer = await backend[method](...args)
        const end = performance.now() + 150
        while (performance.now() < end);
        return answer
      }
      queue = new JobQueue(override(backend, { [method]: late }), logger, {
        visibilityTimeoutMs: 100,
        onJobEvent: log.listener,
        autoRecover: false,
      })
      await queue.enqueue('work', {})
      await begin()
      await settled()
      assert.equal(log.kinds().at(-1), 'lease-lost')
      assert.ok(backend.jobs.every(({ status }) => status !== 'failed'))
    })

  it('counts as lost a margin before its end if renewals never answer', async (t) => {
    let signal
    await start((_job, ctx) => ((signal = ctx.signal), never()), { heartbeat: never })
    await pass(t, 38_000)
    assert.equal(signal.aborted, false)
    await pass(t, 1500, 100)
    assert.equal(signal.aborted, true)
    assert.equal(beats.length, 1)
  })

  it('survives renewals that fail, as long as one comes through in time', async (t) => {
    let failures = 0
    const heartbeat = async (...args) => {
      if ((failures += 1) % 4 !== 0) throw new Error('down')
      return backend.heartbeat(...args)
    }
    let signal
    await start((_job, ctx) => ((signal = ctx.signal), never()), { heartbeat })
    await pass(t, 200_000, 500)
    assert.equal(signal.aborted, false)
    assert.ok(logger.at('warn').length > 10)
  })

  it('is counted from before the renewal was sent', async (t) => {
    const reply = deferred()
    let signal
    let asked = 0
    await start((_job, ctx) => ((signal = ctx.signal), never()), {
      heartbeat: () => ((asked += 1) === 1 ? reply.promise : never()),
    })
    // Sent after 10 s, answered after 30 s: valid until 50 s, and not until 70 s.
    await pass(t, 30_000)
    reply.resolve('applied')
    await settled()
    await pass(t, 20_000)
    assert.equal(signal.aborted, true)
  })

  it('is not lost to a renewal that crosses the settlement', async (t) => {
    const [beat, write] = [deferred(), deferred()]
    const end = deferred()
    await start(() => end.promise, {
      heartbeat: () => beat.promise,
      complete: (...args) => write.promise.then(() => backend.complete(...args)),
    })
    await pass(t, 10_000)
    end.resolve()
    await settled()
    beat.resolve('lease-lost')
    await settled()
    write.resolve()
    await settled()
    assert.deepEqual(log.kinds(), ['claimed', 'completed'])
  })
})
