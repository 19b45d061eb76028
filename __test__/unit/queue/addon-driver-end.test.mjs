import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { deferred, never, settled } from '../../support/async.mjs'
import { driver, engine, job, jobs, log, process } from './support/addon-driver.mjs'

describe('jobs that were handed over ahead', () => {
  beforeEach((t) => t.mock.timers.enable({ apis: ['setTimeout'] }))
  afterEach((t) => t.mock.timers.reset())

  it('are given back when the handlers before them do not end, and no event says so', async (t) => {
    process(never)
    const [, second, third] = engine.claim(jobs(3))
    t.mock.timers.tick(2999)
    await settled()
    assert.deepEqual(engine.verdicts, [])
    t.mock.timers.tick(1)
    await settled()
    assert.deepEqual(
      engine.verdicts,
      [second, third].map((runId) => ({
        ...{ runId, kind: 'release', reason: null },
        ...{ freesSlot: true, elapsedMs: 3000 },
      })),
    )
    assert.equal(log.kinds().includes('shutdown-released'), false)
  })

  it('are given back each time that the handlers stall, not only the first time', async (t) => {
    process(never)
    engine.claim(jobs(2))
    t.mock.timers.tick(3000)
    await settled()
    for (let stall = 2; stall <= 4; stall += 1) {
      engine.claim([job(stall)])
      t.mock.timers.tick(2999)
      await settled()
      assert.equal(engine.verdicts.length, stall - 1)
      t.mock.timers.tick(1)
      await settled()
      assert.deepEqual(
        engine.verdicts.map(({ kind }) => kind),
        Array(stall).fill('release'),
      )
    }
  })

  it('are watched for a stall only while there are some', (t) => {
    process(never)
    const timers = t.mock.method(globalThis, 'setTimeout')
    engine.claim([job(0)])
    assert.equal(timers.mock.callCount(), 0)
    engine.claim([job(1)])
    assert.equal(timers.mock.callCount(), 1)
  })

  it('are given back when the handlers stall after they made progress', async (t) => {
    const gate = deferred()
    process(({ data }) => (data === 0 ? gate.promise : never()))
    const [, , third] = engine.claim(jobs(3))
    t.mock.timers.tick(2000)
    gate.resolve()
    await settled()
    // This look sees the progress; the next one sees none.
    t.mock.timers.tick(1000)
    await settled()
    t.mock.timers.tick(3000)
    await settled()
    const released = engine.verdicts.filter(({ kind }) => kind === 'release')
    assert.deepEqual(
      released.map(({ runId }) => runId),
      [third],
    )
  })

  it('stay while the handlers make progress', async (t) => {
    const gates = []
    process(() => (gates.push(deferred()), gates.at(-1).promise))
    engine.claim(jobs(5))
    for (let n = 0; n < 4; n += 1) {
      t.mock.timers.tick(2000)
      gates.at(-1).resolve()
      await settled()
    }
    assert.ok(engine.verdicts.every(({ kind }) => kind === 'complete'))
    gates.at(-1).resolve()
  })

  it('stay where the user has said how many to hold', async (t) => {
    process(never, { prefetch: 2 })
    engine.claim(jobs(3))
    t.mock.timers.tick(60_000)
    await settled()
    assert.deepEqual(engine.verdicts, [])
  })
})

describe('a shutdown of the driver', () => {
  it('stops the claims and releases jobs that were not started', async () => {
    const gate = deferred()
    process(() => gate.promise)
    const [, second] = engine.claim(jobs(2))
    driver.quiesce()
    assert.deepEqual(engine.quiesced, [0])
    await settled()
    const released = { runId: second, kind: 'release', reason: null, freesSlot: true, elapsedMs: null }
    assert.deepEqual(engine.verdicts, [released])
    assert.deepEqual(log.events.at(-1), { kind: 'shutdown-released', type: 'work', jobId: 'job-1' })
    gate.resolve()
    await driver.idle()
    assert.equal(engine.verdicts.at(-1).kind, 'complete')
  })

  it('releases jobs that arrive later', async () => {
    process(() => assert.fail('must not start'))
    driver.quiesce()
    engine.claim([job(0)])
    await driver.idle()
    assert.equal(engine.verdicts[0].kind, 'release')
  })

  it('releases jobs that do not end', async () => {
    let signal
    process((_job, ctx) => ((signal = ctx.signal), never()))
    engine.claim([job(0)])
    driver.quiesce()
    driver.abort(Object.assign(new Error('down'), { code: 'ERR_DURABL_SHUT_DOWN' }))
    assert.equal(signal.aborted, true)
    driver.releaseAll()
    await driver.idle()
    assert.equal(engine.verdicts[0].kind, 'release')
    driver.close()
    assert.equal(engine.isSubscribed, false)
  })

  it('leaves no caller waiting for a server that does not answer', async () => {
    engine.answers = false
    let byHand
    process((_job, ctx) => ((byHand = ctx.complete()), never()))
    engine.claim([job(0)])
    const adopted = driver.adopt(job(1), never)
    await settled()
    driver.quiesce()
    driver.releaseAll()
    driver.close()
    await assert.rejects(byHand, { code: 'ERR_DURABL_SHUT_DOWN' })
    assert.equal((await adopted).failure.error.code, 'ERR_DURABL_SHUT_DOWN')
    await driver.idle()
  })
})

describe('a claim made by hand', () => {
  it('is adopted, run and settled', async () => {
    const run = await driver.adopt(job(0), () => {})
    assert.equal(run.found.status, 'completed')
    assert.equal(engine.verdicts[0].kind, 'complete')
  })

  it('is not run if its lease is lost', async () => {
    engine.native.adopt = async () => ({ value: null, failure: null })
    assert.equal(await driver.adopt(job(0), () => assert.fail('must not start')), null)
  })

  for (const [name, end] of [
    ['has begun', () => driver.quiesce()],
    [
      'has begun and let go of what runs',
      () => {
        driver.quiesce()
        driver.abort(Object.assign(new Error('down'), { code: 'ERR_DURABL_SHUT_DOWN' }))
        driver.releaseAll()
      },
    ],
  ]) {
    it(`is not run but given back if its adoption is answered after the shutdown ${name}`, async () => {
      const answer = deferred()
      engine.native.adopt = () => answer.promise
      let ran = false
      const adopted = driver.adopt(job(0), () => (ran = true))
      end()
      let isIdle = false
      const idle = driver.idle().then(() => (isIdle = true))
      await settled()
      assert.equal(isIdle, false, 'the shutdown waits for the answer')
      answer.resolve({ value: 7, failure: null })
      const { found } = await adopted
      assert.deepEqual([ran, found.status], [false, 'released'])
      assert.deepEqual(
        engine.verdicts.map(({ runId, kind }) => [runId, kind]),
        [[7, 'release']],
      )
      await idle
    })
  }

  it('is not run if the engine cannot say', async () => {
    engine.native.adopt = async () => ({
      value: null,
      failure: { code: 'ERR_DURABL_TIMEOUT', message: 'slow', serverCode: null },
    })
    await assert.rejects(
      driver.adopt(job(0), () => assert.fail('must not start')),
      { code: 'ERR_DURABL_TIMEOUT' },
    )
  })
})

it('the sweeps of the engine are reported by the queue that asked for them', () => {
  engine.emit({ kind: 'recovered', handled: 2, saturated: false, jobs: [] })
  engine.emit({ kind: 'recovery-failed', phase: 'periodic', message: 'down' })
  assert.deepEqual(log.events, [])
  process(() => {})
  engine.emit({ kind: 'recovered', handled: 2, saturated: false, jobs: [] })
  engine.emit({ kind: 'recovery-failed', phase: 'periodic', message: 'down' })
  assert.deepEqual(log.kinds(), ['reaper-recovered', 'reaper-error'])
})
