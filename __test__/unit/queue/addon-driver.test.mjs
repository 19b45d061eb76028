import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deferred, settled } from '../../support/async.mjs'
import { calls, driver, engine, job, jobs, log, logger, process } from './support/addon-driver.mjs'
import { encode } from '../../support/fake-engine.mjs'

describe('the engine driver', () => {
  it('registers processors and starts recovery', () => {
    process(() => {}, { concurrency: 4, pollInterval: 7, heartbeatIntervalMs: 8, prefetch: 9 })
    assert.deepEqual(engine.processors, [
      {
        type: 'work',
        concurrency: 4,
        pollIntervalMs: 7,
        heartbeatIntervalMs: 8,
        visibilityTimeoutMs: 1000,
        prefetch: 9,
      },
    ])
    assert.deepEqual(engine.recoveries, [1000])
  })

  it('runs jobs in the order of their claims and sends their verdicts', async () => {
    const ran = []
    process(({ data }) => {
      ran.push(data)
      if (data === 1) throw new Error('boom')
    })
    const ids = engine.claim(jobs(3))
    await settled()
    assert.deepEqual(ran, [0, 1, 2])
    const sent = engine.verdicts.map(({ runId, kind, reason }) => [runId, kind, reason])
    assert.deepEqual(sent, [
      [ids[0], 'complete', null],
      [ids[1], 'fail', 'boom'],
      [ids[2], 'complete', null],
    ])
    assert.ok(engine.verdicts.every(({ elapsedMs }) => elapsedMs >= 0))
    // Verdicts that travel together are told of in no promised order.
    const ends = log.kinds().filter((kind) => kind !== 'claimed')
    assert.deepEqual(ends.sort(), ['completed', 'completed', 'failed'])
  })

  it('hears of a lease that is lost before the answer to its adoption has come', async () => {
    engine.native.adopt = async () => {
      engine.gone.add(7)
      return { value: 7, failure: null }
    }
    let ran = false
    const run = await driver.adopt(job(0), () => (ran = true))
    assert.deepEqual([run.found, ran, engine.verdicts], [{ status: 'lease-lost' }, false, []])
    assert.deepEqual(log.kinds(), ['lease-lost'])
  })

  for (const [name, handler] of [
    ['synchronous', () => {}],
    ['asynchronous', async () => {}],
    [
      'that wait for a few microtasks',
      async () => {
        for (let n = 0; n < 5; n += 1) await null
      },
    ],
  ]) {
    it(`sends verdicts together (handlers ${name})`, async () => {
      process(handler)
      engine.claim(jobs(100))
      await driver.idle()
      assert.equal(engine.verdicts.length, 100)
      // One batch for each turn of the event loop; on a busy machine it may take some turns.
      assert.ok(engine.batches.length <= 20, `${engine.batches.length} batches`)
    })
  }

  it('sends full batches without waiting for the rest', async () => {
    process(() => {}, { concurrency: 1000 })
    engine.claim(jobs(1000))
    await driver.idle()
    assert.equal(engine.verdicts.length, 1000)
    assert.ok(engine.batches.every(({ length }) => length <= 256))
  })

  it('runs as many at once as the concurrency, and the next as soon as one has ended', async () => {
    engine.answers = false
    const gates = []
    process(() => (gates.push(deferred()), gates.at(-1).promise), { concurrency: 2 })
    engine.claim(jobs(4))
    assert.equal(gates.length, 2)
    gates[1].resolve()
    await settled()
    assert.equal(gates.length, 3)
    gates[0].resolve()
    gates[2].resolve()
    await settled()
    assert.equal(gates.length, 4)
    gates[3].resolve()
  })

  it('survives a thousand handlers that end at once without deep recursion', async () => {
    let depth = 0
    process(() => {
      depth = Math.max(depth, new Error().stack.split('\n').length)
    })
    Error.stackTraceLimit = 200
    engine.claim(jobs(1000))
    await driver.idle()
    Error.stackTraceLimit = 10
    assert.ok(depth < 30, `stack of ${depth} frames`)
    assert.equal(engine.verdicts.length, 1000)
  })

  it('lets timers fire between handlers that keep the thread busy', async () => {
    let ran = 0
    let ranWhenFired
    process(() => {
      const until = performance.now() + 2
      while (performance.now() < until);
      ran += 1
    })
    setTimeout(() => (ranWhenFired = ran), 1)
    engine.claim(jobs(100))
    await driver.idle()
    assert.ok(ranWhenFired < 50, `the timer fired after ${ranWhenFired} of 100 handlers`)
  })

  it('ignores the jobs and runs of other queues on the same backend', async () => {
    process(() => assert.fail('not ours'))
    engine.claim([job(1)], 7)
    engine.settle([[4711, 'completed']])
    engine.emit({ kind: 'lease-lost', runIds: [4711] })
    await settled()
    assert.deepEqual(log.events, [])
  })

  it('runs the others when one job cannot be decoded, and fails that one', async () => {
    const ran = []
    process(({ data }) => void ran.push(data))
    const damaged = encode(job(1))
    damaged.write('?', 4)
    const runIds = [101, 102, 103]
    engine.emit({
      kind: 'jobs',
      processorId: 0,
      runIds,
      documents: Buffer.concat([encode(job(0)), damaged, encode(job(2))]),
    })
    await settled()
    assert.deepEqual(ran, [0, 2])
    const refused = engine.verdicts.find(({ runId }) => runId === 102)
    assert.equal(refused.kind, 'fail')
    assert.match(refused.reason, /decoded/)
  })
})

describe('a settlement by hand', () => {
  it('resolves when the engine has written it', async () => {
    engine.answers = false
    let result
    process(async (_job, ctx) => void (result = await ctx.complete()))
    const [runId] = engine.claim([job(0)])
    await settled()
    assert.equal(result, undefined)
    engine.settle([[runId, 'already-terminal', 'superseded']])
    await settled()
    assert.deepEqual(result, { status: 'already-terminal', terminalStatus: 'superseded' })
    assert.equal(engine.verdicts.length, 1)
  })

  it('that could not be written rejects; the handler may give another verdict', async () => {
    engine.answers = false
    let error
    process(async (_job, ctx) => {
      await ctx.complete().catch((err) => (error = err))
      await ctx.fail('then this')
    })
    const [runId] = engine.claim([job(0)])
    await settled()
    engine.fail(runId, 'down')
    await settled()
    assert.equal(error.code, 'ERR_DURABL_CONNECTION')
    assert.deepEqual(
      engine.verdicts.map(({ kind }) => kind),
      ['complete', 'fail'],
    )
    engine.settle([[runId, 'retry-scheduled']])
    await settled()
    assert.deepEqual(log.kinds(), ['claimed', 'failed'])
  })

  it('heartbeats and logs go by job and token', async () => {
    process(async (_job, ctx) => {
      assert.equal(await ctx.heartbeat(), 'applied')
      await ctx.log('line')
    })
    engine.claim([job(0)])
    await settled()
    assert.deepEqual(calls, [
      ['heartbeat', 'job-0', 't0'],
      ['log', 'job-0', 'line', 't0'],
    ])
  })
})

describe('failures of the engine', () => {
  it("a verdict that could not be written is reported, with the handler's error", async () => {
    engine.answers = false
    process(() => {
      throw new Error('boom')
    })
    const [runId] = engine.claim([job(0)])
    await settled()
    engine.fail(runId, 'down')
    const [{ err }] = logger.at('error')
    assert.deepEqual(
      err.errors.map(({ message }) => message),
      ['boom', 'down'],
    )
    await driver.idle()
  })

  it('a batch that the engine refuses is reported for each of its runs', async () => {
    engine.native.finish = () => {
      throw new Error('gone')
    }
    process(() => {})
    engine.claim(jobs(3))
    await settled()
    assert.equal(logger.at('error').length, 3)
    await driver.idle()
  })
})

describe('a lost lease', () => {
  it('aborts the handler, and no verdict is sent', async () => {
    let context
    process((_job, ctx) => {
      context = ctx
      return new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)))
    })
    const runIds = engine.claim([job(0)])
    engine.emit({ kind: 'lease-lost', runIds })
    await settled()
    assert.equal(context.signal.reason.code, 'ERR_DURABL_LEASE_LOST')
    assert.deepEqual(engine.verdicts, [])
    assert.deepEqual(log.kinds(), ['claimed', 'lease-lost'])
    await driver.idle()
  })

  it('of a job that waits for its turn means that it is not started', async () => {
    const gate = deferred()
    const ran = []
    process(({ data }) => (ran.push(data), data === 0 ? gate.promise : undefined))
    const [, second] = engine.claim(jobs(3))
    engine.emit({ kind: 'lease-lost', runIds: [second] })
    gate.resolve()
    await settled()
    assert.deepEqual(ran, [0, 2])
  })

  for (const [name, blockMs] of [
    ['while it was on its way here', 0],
    ['while this process stood still', 150],
  ]) {
    it(`of a job that was lost ${name} means that it is not started`, async () => {
      const ran = []
      process(({ data }) => {
        ran.push(data)
        if (blockMs > 0) engine.gone.add(2)
        const end = performance.now() + blockMs
        while (performance.now() < end);
      })
      if (blockMs === 0) engine.gone.add(2)
      const [, second] = engine.claim(jobs(3))
      assert.equal(second, 2)
      await settled()
      // The fate of the job is told only now.
      engine.emit({ kind: 'lease-lost', runIds: [second] })
      await driver.idle()
      await settled()
      assert.deepEqual(ran, [0, 2])
      assert.equal(log.kinds().filter((kind) => kind === 'lease-lost').length, 1)
      assert.deepEqual(engine.freed.sort(), [1, 2, 3])
    })
  }

  it('answers a settlement that was on its way', async () => {
    engine.answers = false
    let result
    process(async (_job, ctx) => void (result = await ctx.fail('x')))
    const runIds = engine.claim([job(0)])
    await settled()
    engine.emit({ kind: 'lease-lost', runIds })
    await settled()
    assert.deepEqual(result, { status: 'lease-lost' })
    assert.equal(log.events[1].op, 'fail')
  })
})
