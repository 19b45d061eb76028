import assert from 'node:assert/strict'
import { deferred } from '../../support/async.mjs'
import { letPass } from '../../support/time.mjs'
import { SINGLE_FLIGHT } from '../support.mjs'

export default {
  async 'a job is run by the handler of its type'({ makeQueue, arrival }) {
    const queue = makeQueue()
    const seen = deferred()
    queue.process('other', () => assert.fail('another type'))
    queue.process('t', (job) => seen.resolve(job))
    const id = await queue.enqueue('t', { a: [1] })
    const job = await arrival('the job', seen.promise)
    assert.deepEqual(
      [job.id, job.type, job.data, job.status, job.attempt],
      [id, 't', { a: [1] }, 'active', 1],
    )
    assert.ok(job.claimToken.length > 0)
  },

  async 'jobs that were there before the processor are run'({ makeQueue, whenJob }) {
    const queue = makeQueue()
    const ids = []
    for (let n = 0; n < 5; n += 1) ids.push(await queue.enqueue('t', n))
    const ran = []
    queue.process('t', (job) => void ran.push(job.data))
    for (const id of ids) await whenJob(id, 'completed')
    assert.deepEqual(ran, [0, 1, 2, 3, 4])
  },

  async 'jobs that come from outside the queue are run'({ backend, makeQueue, whenJob }) {
    makeQueue().process('t', () => {}, { pollInterval: 20 })
    await whenJob(await backend.enqueue('t', {}), 'completed')
  },

  async 'a handler may enqueue'({ makeQueue, stored, until }) {
    const queue = makeQueue()
    const ids = []
    queue.process('t', async (job) => {
      if (job.data > 0) ids.push(await queue.enqueue('t', job.data - 1))
    })
    ids.push(await queue.enqueue('t', 3))
    await until('all four have run', async () => {
      const statuses = await Promise.all(ids.map(async (id) => (await stored(id)).status))
      return ids.length === 4 && statuses.every((status) => status === 'completed')
    })
  },

  async 'the lower priority runs first'({ makeQueue, until }) {
    const queue = makeQueue()
    for (const priority of [5, -1, 0]) await queue.enqueue('t', priority, { priority })
    const order = []
    queue.process('t', (job) => order.push(job.data), { concurrency: 1 })
    await until('all have run', () => order.length === 3)
    assert.deepEqual(order, [-1, 0, 5])
  },

  async 'no more jobs run at once than concurrency says, and no fewer'({ makeQueue, until, whenJob }) {
    const queue = makeQueue()
    const gate = deferred()
    let running = 0
    let most = 0
    queue.process(
      't',
      async () => {
        most = Math.max(most, (running += 1))
        await gate.promise
        running -= 1
      },
      { concurrency: 3 },
    )
    const queued = Array.from({ length: 8 }, (_, n) => queue.enqueue('t', n))
    await until('three are running', () => running >= 3)
    await letPass(50, 'a fourth one would start')
    gate.resolve()
    for (const id of await Promise.all(queued)) await whenJob(id, 'completed')
    assert.equal(most, 3)
  },

  async 'a delayed job runs when it is due'({ makeQueue, arrival }) {
    const queue = makeQueue()
    const ran = deferred()
    queue.process('t', (job) => ran.resolve({ job, at: Date.now() }))
    const before = Date.now()
    await queue.enqueue('t', {}, { delay: 150 })
    const { at } = await arrival('the delayed job', ran.promise)
    assert.ok(at - before >= 145 && at - before < 2000, `after ${at - before} ms`)
  },

  async 'jobs of one key never run at once'({ makeQueue, until, backend }) {
    const queue = makeQueue()
    let running = 0
    let runs = 0
    let overlaps = 0
    queue.process(
      't',
      async () => {
        running += 1
        if (running > 1) overlaps += 1
        await letPass(5, 'work')
        running -= 1
        runs += 1
      },
      { concurrency: 4, pollInterval: 20 },
    )
    for (let n = 0; n < 20; n += 1) {
      void queue.enqueue('t', n, SINGLE_FLIGHT)
      await letPass(2, 'the pause between two calls')
    }
    await until('the key is free', async () => runs >= 2 && !(await backend.hasOutstanding('t', 'k')))
    assert.equal(overlaps, 0)
  },

  async 'a second processor for a type is refused'({ makeQueue, whenJob }) {
    const queue = makeQueue()
    queue.process('t', () => {})
    assert.throws(() => queue.process('t', () => {}), {
      code: 'ERR_DURABL_DUPLICATE_PROCESSOR',
      message: /"t"/,
    })
    await whenJob(await queue.enqueue('t', {}), 'completed')
  },

  async 'events of jobs are told'({ makeQueue, whenJob, until }) {
    const events = []
    const queue = makeQueue({ onJobEvent: (event) => events.push(event) })
    queue.process('t', (job) => {
      if (job.data === 'bad') throw new Error('no')
    })
    const good = await queue.enqueue('t', 'good')
    await whenJob(good, 'completed')
    // A job's end is stored a moment before it is told.
    await until('the first job is told of', () => events.length >= 2)
    const bad = await queue.enqueue('t', 'bad', { maxAttempts: 1 })
    await whenJob(bad, 'failed')
    await until('all is told', () => events.length >= 4)
    assert.deepEqual(
      events.map(({ kind, type, jobId }) => [kind, type, jobId]),
      [
        ['claimed', 't', good],
        ['completed', 't', good],
        ['claimed', 't', bad],
        ['failed', 't', bad],
      ],
    )
    const { attempt, maxAttempts, terminal, reason, durationMs } = events[3]
    assert.deepEqual(
      { attempt, maxAttempts, terminal, reason },
      { attempt: 1, maxAttempts: 1, terminal: true, reason: 'no' },
    )
    assert.ok(durationMs >= 0)
  },

  async 'a listener that throws harms nothing'({ makeQueue, whenJob }) {
    const queue = makeQueue({
      onJobEvent() {
        throw new Error('a bad listener')
      },
    })
    queue.process('t', () => {})
    await whenJob(await queue.enqueue('t', {}), 'completed')
  },
}
