/** A processor is stopped or given other numbers while jobs run, wait for a handler, or are on their way to it. */
import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { completesLate } from '../../../dist/run/late-completion.js'
import { deferred, never, settled } from '../../support/async.mjs'
import { driver, engine, job, jobs, log, process } from './support/addon-driver.mjs'

/** Tells whether a promise has been fulfilled by now. */
async function isFulfilled(promise) {
  const pending = Symbol('pending')
  await settled()
  return (await Promise.race([promise, pending])) !== pending
}

const kinds = () => engine.verdicts.map(({ runId, kind }) => [runId, kind])

describe('a processor that is stopped', () => {
  it('gives back the jobs that wait for a handler, once, and lets the running one end', async () => {
    const gate = deferred()
    const ran = []
    const processor = process(({ data }) => (ran.push(data), gate.promise))
    const [first, second, third] = engine.claim(jobs(3))
    const stopped = processor.stop()
    assert.equal(await isFulfilled(stopped), false)
    assert.deepEqual(kinds(), [
      [second, 'release'],
      [third, 'release'],
    ])
    gate.resolve()
    await stopped
    assert.deepEqual([ran, kinds().at(-1)], [[0], [first, 'complete']])
  })

  it('starts no handler for a job that comes afterwards, and gives it back', async () => {
    let ran = false
    const processor = process(() => (ran = true))
    await processor.stop()
    const [late] = engine.claim([job(0)])
    await settled()
    assert.deepEqual([ran, kinds()], [false, [[late, 'release']]])
  })

  it('does not count a job that has lost its lease as one to give back', async () => {
    const processor = process(never)
    const [, second, third] = engine.claim(jobs(3))
    engine.emit({ kind: 'lease-lost', runIds: [second] })
    void processor.stop()
    await settled()
    assert.deepEqual(kinds(), [[third, 'release']])
  })

  it('has stopped only once the engine hands nothing over any more, though no job runs', async () => {
    const gate = deferred()
    engine.native.stopProcessor = () => gate.promise
    const stopped = process(() => {}).stop()
    assert.equal(await isFulfilled(stopped), false)
    gate.resolve({ value: null, failure: null })
    await stopped
  })

  it('leaves all callers of its stop waiting for the same end', async () => {
    const gate = deferred()
    const processor = process(() => gate.promise)
    engine.claim([job(0)])
    const stops = [processor.stop(), processor.stop()]
    assert.deepEqual(await Promise.all(stops.map(isFulfilled)), [false, false])
    gate.resolve()
    await Promise.all(stops)
  })
})

describe('a processor whose number of handlers', () => {
  it('grows starts waiting jobs at once, as many as it may', async () => {
    const ran = []
    const processor = process(({ data }) => (ran.push(data), never()))
    engine.claim(jobs(4))
    assert.deepEqual(ran, [0])
    processor.setConcurrency(3)
    assert.deepEqual([ran, engine.processors[0].concurrency], [[0, 1, 2], 3])
  })

  it('is one keeps jobs waiting: only none is none', async () => {
    const processor = process(never, { concurrency: 2 })
    engine.claim(jobs(3))
    processor.setConcurrency(1)
    await settled()
    assert.deepEqual(kinds(), [])
  })

  it('is none gives back what waits and what comes, until it is some again', async () => {
    const ran = []
    const gate = deferred()
    const processor = process(({ data }) => (ran.push(data), gate.promise))
    const [, second] = engine.claim(jobs(2))
    processor.setConcurrency(0)
    const [third] = engine.claim([job(2)])
    await settled()
    assert.deepEqual(kinds(), [
      [second, 'release'],
      [third, 'release'],
    ])
    gate.resolve()
    await settled()
    processor.setConcurrency(1)
    engine.claim([job(3)])
    await settled()
    assert.deepEqual(ran, [0, 3])
  })

  it('changes from within a handler does not start the next one inside of it', async () => {
    const told = []
    const processor = process(({ data }) => {
      told.push(`begins ${data}`)
      if (data === 0) processor.setConcurrency(2)
      told.push(`returns ${data}`)
    })
    engine.claim(jobs(2))
    await settled()
    assert.deepEqual(told, ['begins 0', 'returns 0', 'begins 1', 'returns 1'])
  })
})

it('a type that is paused gives its waiting jobs back, and no other type’s', async () => {
  process(never)
  process(never, { type: 'other' })
  const [, second] = engine.claim(jobs(2))
  engine.claim(
    jobs(2).map((each) => ({ ...each, type: 'other' })),
    1,
  )
  driver.paused('work')
  await settled()
  assert.deepEqual(kinds(), [[second, 'release']])
})

it('a processor whose jobs all run watches for no stall', (t) => {
  process(never)
  const timers = t.mock.method(globalThis, 'setTimeout')
  engine.claim([job(0)])
  assert.equal(timers.mock.callCount(), 0)
  engine.claim([job(1)])
  assert.equal(timers.mock.callCount(), 1)
})

it('work that was completed after a sweep had failed its job is told as completed', async () => {
  engine.answers = false
  process((each) => completesLate(each, async () => 'completed'))
  const [runId] = engine.claim([job(0)])
  await settled()
  engine.settle([[runId, 'already-terminal', 'failed']])
  await settled()
  assert.deepEqual(log.kinds(), ['claimed', 'completed'])
})

it('a backend that has started after the shutdown began is not listened to any more', () => {
  const told = []
  driver.engine.backendStarted = () => told.push('started')
  driver.backendStarted()
  driver.quiesce()
  driver.backendStarted()
  assert.deepEqual(told, ['started'])
})

describe('handles that the engine cannot adopt', () => {
  let others, told
  beforeEach(() => {
    told = []
    others = 0
    const other = {
      adopt: async (handle) => told.push(['adopt', handle.id]),
      jobCancelled: (...args) => told.push(['jobCancelled', ...args]),
      abort: (reason) => told.push(['abort', reason.message]),
      ...Object.fromEntries(
        ['quiesce', 'idle', 'releaseAll', 'close'].map((name) => [name, () => told.push([name])]),
      ),
    }
    driver.createOther = () => ((others += 1), other)
    driver.engine.canAdopt = () => false
  })

  it('all go to one other driver, which is made for the first of them', async () => {
    assert.equal(others, 0)
    await driver.adopt(job(0), () => {})
    await driver.adopt(job(1), () => {})
    assert.deepEqual(
      [others, told],
      [
        1,
        [
          ['adopt', 'job-0'],
          ['adopt', 'job-1'],
        ],
      ],
    )
  })

  it('hear of cancellations, and of each step of a shutdown', async () => {
    await driver.adopt(job(0), () => {})
    driver.jobCancelled('job-0', 'why')
    driver.quiesce()
    await driver.idle()
    driver.abort(new Error('too late'))
    driver.releaseAll()
    driver.close()
    assert.deepEqual(told.slice(1), [
      ['jobCancelled', 'job-0', 'why'],
      ['quiesce'],
      ['idle'],
      ['abort', 'too late'],
      ['releaseAll'],
      ['close'],
    ])
  })
})

it('a processor is the queue’s reason to stay, until it has stopped', async () => {
  const timers = () => globalThis.process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const before = timers()
  const gate = deferred()
  const processor = process(() => gate.promise)
  const other = process(never)
  engine.claim([job(0)])
  assert.equal(timers() - before, 1)
  const stopped = processor.stop()
  await other.stop()
  assert.equal(timers() - before, 1)
  gate.resolve()
  await stopped
  assert.equal(timers() - before, 0)
  assert.deepEqual(log.kinds(), ['claimed', 'completed'])
})
