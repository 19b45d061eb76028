/** The engine hears of slots: it claims a job for each that is free, and must not for one that a handler still holds. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { deferred, never, settled } from '../../support/async.mjs'
import { driver, engine, job, jobs, log, process } from './support/addon-driver.mjs'
import { encode } from '../../support/fake-engine.mjs'

describe('a slot is free', () => {
  it('with the verdict of a handler that has ended, in one call', async () => {
    process(() => {})
    const [runId] = engine.claim([job(0)])
    await settled()
    assert.deepEqual(engine.freed, [runId])
    assert.equal(engine.calls, 1)
  })

  for (const [name, end] of [
    ['has settled its job by itself', (_runId, ctx) => ctx.complete()],
    ['has lost its lease', (runId) => engine.emit({ kind: 'lease-lost', runIds: [runId] })],
  ]) {
    it(`when its handler ends, and not before: one that ${name} works on`, async () => {
      const gate = deferred()
      let ctx
      process((_job, context) => ((ctx = context), gate.promise))
      const [runId] = engine.claim([job(0)])
      await end(runId, ctx)
      await settled()
      assert.deepEqual(engine.freed, [])
      gate.resolve()
      await settled()
      assert.deepEqual(engine.freed, [runId])
    })
  }

  it('though the verdict waits for log lines, only with it', async () => {
    let logged
    driver.settler.log = () => new Promise((resolve) => (logged = resolve))
    process((_job, ctx) => void ctx.log('line'))
    const [runId] = engine.claim([job(0)])
    await settled()
    // Without its verdict the engine would take the run for one that none will come of.
    assert.deepEqual(engine.freed, [])
    logged()
    await settled()
    assert.deepEqual([engine.freed, engine.verdicts[0].kind], [[runId], 'complete'])
  })

  it('though the verdict of a handler that settles again waits for log lines, only with it', async () => {
    engine.answers = false
    let logged
    driver.settler.log = () => new Promise((resolve) => (logged = resolve))
    process(async (_job, ctx) => {
      await ctx.complete().catch(() => {})
      void ctx.log('line')
    })
    const [runId] = engine.claim([job(0)])
    await settled()
    engine.fail(runId, 'down')
    await settled()
    assert.deepEqual(engine.freed, [])
    logged()
    await settled()
    assert.deepEqual([engine.freed, engine.verdicts.length], [[runId], 2])
  })
})

describe('every slot comes free once,', () => {
  beforeEach((t) => t.mock.timers.enable({ apis: ['setTimeout'] }))
  afterEach((t) => t.mock.timers.reset())

  /** Ways for the runs of four jobs to end, of which the first is started. */
  const ways = {
    'of handlers that return': { handler: () => {} },
    'of handlers that throw': {
      handler: () => {
        throw new Error('boom')
      },
    },
    'of handlers that settle by themselves': { handler: (_job, ctx) => ctx.fail('no') },
    'of handlers that settle by themselves and do not wait for it': {
      handler: (_job, ctx) => void ctx.complete(),
    },
    'of handlers that time out': {
      config: { timeoutMs: 50, concurrency: 4 },
      handler: never,
      end: (t) => t.mock.timers.tick(50),
    },
    'of jobs that are given back': {
      handler: async ({ data }) => data === 0 && (await gate.promise),
      end: (t) => {
        t.mock.timers.tick(3000)
        gate.resolve()
      },
    },
    'of jobs whose leases are lost, started and not': {
      handler: () => gate.promise,
      end: (_t, runIds) => {
        engine.emit({ kind: 'lease-lost', runIds })
        gate.resolve()
      },
    },
    'of jobs that the engine takes back': {
      handler: never,
      end: (_t, runIds) => engine.emit({ kind: 'taken-back', runIds }),
    },
    'of jobs that a shutdown releases': {
      handler: never,
      end: () => {
        driver.quiesce()
        driver.releaseAll()
      },
    },
    'of jobs whose verdicts cannot be written': {
      answers: false,
      config: { concurrency: 4 },
      handler: () => {},
      end: (_t, runIds) => runIds.forEach((runId) => engine.fail(runId, 'down')),
      isRepeated: true,
    },
  }
  let gate
  beforeEach(() => (gate = deferred()))

  for (const [name, { handler, config, end, answers = true, isRepeated = false }] of Object.entries(ways)) {
    it(name, async (t) => {
      engine.answers = answers
      process(handler, config)
      const runIds = engine.claim(jobs(4))
      await settled()
      end?.(t, runIds)
      await settled()
      await driver.idle()
      // That is after the engine has forgotten the runs, and harmless.
      const freed = isRepeated ? [...new Set(engine.freed)] : engine.freed
      assert.deepEqual(freed.sort(), runIds)
    })
  }

  it('of jobs that cannot be decoded', async () => {
    process(() => {})
    const damaged = encode(job(1))
    damaged.write('?', 4)
    engine.emit({ kind: 'jobs', processorId: 0, runIds: [101], documents: damaged })
    await settled()
    assert.deepEqual(engine.freed, [101])
  })
})

describe('an engine that is shut down by another queue', () => {
  it('takes jobs back from their handlers, whose signals are aborted and which are no longer waited for', async () => {
    let ctx
    process((_job, context) => ((ctx = context), never()), { prefetch: 1 })
    const runIds = engine.claim(jobs(2))
    engine.emit({ kind: 'taken-back', runIds })
    await driver.idle()
    assert.equal(ctx.signal.reason.code, 'ERR_DURABL_SHUT_DOWN')
    assert.deepEqual(await ctx.complete(), { status: 'released' })
    assert.deepEqual(log.kinds(), ['claimed', 'claimed', 'shutdown-released', 'shutdown-released'])
    assert.deepEqual(engine.verdicts, [])
  })

  it('leaves no caller waiting for a verdict that comes later', async () => {
    let byHand
    process((_job, ctx) => ((byHand = ctx.complete()), never()))
    engine.isOpen = false
    engine.claim([job(0)])
    await assert.rejects(byHand, { code: 'ERR_DURABL_SHUT_DOWN' })
  })
})
