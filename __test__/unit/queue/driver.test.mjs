/** A driver on an engine of a few lines: jobs that wait for a slot, processors that stop, and the runs of other engines. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { safeLogger } from '../../../dist/base/logger.js'
import { Driver } from '../../../dist/driver/driver.js'
import { completesLate } from '../../../dist/run/late-completion.js'
import { Reporter } from '../../../dist/run/report.js'
import { deferred, never, settled } from '../../support/async.mjs'
import { silentLogger } from '../../support/loggers.mjs'
import { heldTimers } from '../../support/time.mjs'

let events, settlements, calls, driver, others, engine, told, coming

beforeEach(() => {
  ;[settlements, calls, others, told] = [new Map(), [], [], []]
  coming = deferred()
  let processors = 0
  const note = (...call) => void calls.push(call)
  engine = {
    runsInline: false,
    process: () => (processors += 1),
    setConcurrency: (...args) => note('setConcurrency', ...args),
    stopProcessor: () => coming.promise,
    recover: () => {},
    canAdopt: () => false,
    goneAmong: () => [],
    settle: (runId, { kind }) => settlements.set(runId, kind),
    freeSlot: () => {},
    cancelRequested: (jobId) => note('cancelRequested', jobId),
    backendStarted: () => note('backendStarted'),
    quiesce: () => null,
    close: () => {},
  }
  const report = new Reporter((event) => void told.push(event), safeLogger(silentLogger))
  driver = new Driver(
    (of) => ((events = of), engine),
    {},
    { visibilityTimeoutMs: 1000, autoRecover: false, report, telemetry: null },
    () => {
      const note = (name) => (argument) => void calls.push([`other ${name}`, argument])
      const ended = []
      const other = {
        adopt: () => {
          const run = deferred()
          ended.push(run)
          return run.promise
        },
        idle: () => Promise.all(ended.map(({ promise }) => promise)),
        end: () => ended.forEach(({ resolve }) => resolve(null)),
        ...Object.fromEntries(
          ['jobCancelled', 'abort', 'releaseAll', 'quiesce', 'close'].map((name) => [name, note(name)]),
        ),
      }
      others.push(other)
      return other
    },
  )
})
afterEach(() => driver.close())

const processor = (handler, { type = 'work', concurrency = 1 } = {}) =>
  driver.process({
    type,
    handler,
    concurrency,
    timeoutMs: null,
    retryDelay: null,
    prefetch: 7,
    results: null,
  })

let runs = 0
/** Hands jobs over as claimed; gives the numbers of their runs. */
function claim(count, { type = 'work', processor = 1 } = {}) {
  const ids = Uint32Array.from({ length: count }, () => (runs += 1))
  events.claimed(
    processor,
    ids,
    Array.from(ids, (id) => ({ id: `job-${id}`, type, data: id, attempt: 1, maxAttempts: 1 })),
  )
  return [...ids]
}
const verdicts = (ids) => ids.map((id) => settlements.get(id) ?? null)

async function isOver(promise) {
  let over = false
  void promise.then(() => (over = true))
  await settled()
  return over
}

describe('the concurrency of a processor', () => {
  it('at zero gives back the jobs that wait, and those that come', () => {
    const line = processor(never)
    const ids = claim(3)
    line.setConcurrency(0)
    assert.deepEqual(verdicts(ids), [null, 'release', 'release'])
    assert.deepEqual(verdicts(claim(1)), ['release'])
    assert.deepEqual(calls, [['setConcurrency', 1, 0]])
  })

  it('at one gives nothing back', () => {
    const line = processor(never, { concurrency: 2 })
    const ids = claim(4)
    line.setConcurrency(1)
    assert.deepEqual(verdicts(ids), [null, null, null, null])
  })

  it('that was zero and is some again lets jobs run that come then', () => {
    const started = []
    const line = processor((job) => (started.push(job.data), never()), { concurrency: 2 })
    line.setConcurrency(0)
    claim(1)
    line.setConcurrency(1)
    const ids = claim(1)
    assert.deepEqual(started, ids)
  })

  it('that rises starts jobs that wait', () => {
    const started = []
    const line = processor((job) => (started.push(job.data), never()))
    const ids = claim(4)
    assert.deepEqual(started, ids.slice(0, 1))
    line.setConcurrency(3)
    assert.deepEqual(started, ids.slice(0, 3))
  })

  it('may change in a handler that has just begun, however many wait: the stack does not grow', async () => {
    let started = 0
    const line = processor(() => {
      started += 1
      line.setConcurrency(10_000)
    })
    claim(10_000)
    while (started < 10_000) await settled()
    assert.equal(settlements.size, 10_000)
    assert.ok([...settlements.values()].every((kind) => kind === 'complete'))
  })
})

describe('a processor that stops', () => {
  it('gives back the jobs that wait, and those that come', () => {
    const line = processor(never)
    const ids = claim(2)
    void line.stop()
    assert.deepEqual(verdicts(ids), [null, 'release'])
    assert.deepEqual(verdicts(claim(1)), ['release'])
  })

  it('has stopped when no claim is on its way and no handler is at work, for every caller', async () => {
    const gate = deferred()
    const line = processor(() => gate.promise)
    const [id] = claim(1)
    const stops = [line.stop(), line.stop()]
    gate.resolve()
    await settled()
    events.settled(id, { status: 'completed' })
    assert.deepEqual(await Promise.all(stops.map(isOver)), [false, false])
    coming.resolve()
    assert.deepEqual(await Promise.all(stops.map(isOver)), [true, true])
  })

  it('waits for the run of a handler, for every caller', async () => {
    const line = processor(() => {})
    const [id] = claim(1)
    coming.resolve()
    const stops = [line.stop(), line.stop()]
    assert.deepEqual(await Promise.all(stops.map(isOver)), [false, false])
    events.settled(id, { status: 'completed' })
    assert.deepEqual(await Promise.all(stops.map(isOver)), [true, true])
  })

  it('holds the process no longer', async () => {
    const before = heldTimers()
    const line = processor(() => {})
    assert.equal(heldTimers(), before + 1)
    coming.resolve()
    await line.stop()
    assert.equal(heldTimers(), before)
  })
})

it('a pause gives back the jobs of its type that wait, and no others', () => {
  processor(never, { type: 'mail' })
  processor(never, { type: 'report' })
  const mails = claim(2, { type: 'mail', processor: 1 })
  const reports = claim(2, { type: 'report', processor: 2 })
  events.paused('mail')
  assert.deepEqual(verdicts(mails), [null, 'release'])
  assert.deepEqual(verdicts(reports), [null, null])
})

it('a backend that starts during a shutdown is asked for nothing', () => {
  driver.backendStarted()
  driver.quiesce()
  driver.backendStarted()
  assert.deepEqual(calls, [['backendStarted']])
})

it('work that was done too late is completed if that can still be', async () => {
  let answer
  processor((job) => completesLate(job, () => answer()))
  for (const [found, kind] of [
    [async () => 'completed', 'completed'],
    [async () => 'lease-lost', undefined],
    [async () => Promise.reject(new Error('away')), undefined],
  ]) {
    answer = found
    told = []
    const [id] = claim(1)
    events.settled(id, { status: 'already-terminal', terminalStatus: 'failed' })
    await settled()
    assert.equal(told.find((event) => event.kind !== 'claimed')?.kind, kind)
    assert.equal(await isOver(driver.idle()), true)
  }
})

describe('handles that the engine cannot adopt', () => {
  const adopt = () => driver.adopt({}, () => {}, false)

  it('have one driver, whose runs a shutdown waits for', async () => {
    void adopt()
    void adopt()
    assert.equal(others.length, 1)
    const idle = driver.idle()
    assert.equal(await isOver(idle), false)
    others[0].end()
    assert.equal(await isOver(idle), true)
  })

  it('hear of cancellations, and of each step of a shutdown', () => {
    void adopt()
    const reason = new Error('stop')
    driver.jobCancelled('j', null)
    driver.quiesce()
    driver.abort(reason)
    driver.releaseAll()
    assert.deepEqual(calls, [
      ['cancelRequested', 'j'],
      ['other jobCancelled', 'j'],
      ['other quiesce', undefined],
      ['other abort', reason],
      ['other releaseAll', undefined],
    ])
  })
})

it('a job that is run by its handle holds the process until it is over', async () => {
  const gate = deferred()
  engine.canAdopt = () => true
  engine.adopt = async () => (runs += 1)
  const before = heldTimers()
  const over = driver.adopt(
    { id: 'j', type: 'work', data: 1, attempt: 1, maxAttempts: 1, claimToken: 't' },
    () => gate.promise,
    false,
  )
  assert.equal(heldTimers(), before + 1)
  gate.resolve()
  await settled()
  events.settled(runs, { status: 'completed' })
  await over
  assert.equal(heldTimers(), before)
})
