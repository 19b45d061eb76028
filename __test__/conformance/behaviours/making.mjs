import assert from 'node:assert/strict'
import { EXCLUSIVE, SINGLE_FLIGHT, endlessHandler } from '../support.mjs'
import { deferred } from '../../support/async.mjs'
import { letPass } from '../../support/time.mjs'

const INVALID = { code: 'ERR_DURABL_INVALID_ARGUMENT' }

/** Ends the job of this type that is due. */
async function endNext(backend, type, verdict = 'complete') {
  const job = await backend.claimNext(type)
  if (verdict === 'complete') await backend.complete(job.id, job.claimToken)
  else await backend.failFatal(job.id, 'so', job.claimToken)
  return job
}

export default {
  async 'a job has the id that its caller wants'({ backend, makeQueue, stored }) {
    const queue = makeQueue()
    assert.equal(await queue.enqueue('t', 1, { id: 'own-1' }), 'own-1')
    assert.equal((await stored('own-1')).data, 1)
    const [first, second] = await queue.enqueueMany([
      { type: 't', data: 2, options: { id: 'own-2' } },
      { type: 't', data: 3 },
    ])
    assert.equal(first.id, 'own-2')
    assert.notEqual(second.id, 'own-2')
    assert.equal((await backend.claimOrEnqueue('u', 4, { id: 'own-3' })).id, 'own-3')
  },

  async 'a taken id is an answer, for as long as its job is stored'({ backend, makeQueue, stored }) {
    const queue = makeQueue()
    await queue.enqueue('t', 'first', { id: 'own' })
    const again = () => queue.enqueue('t', 'second', { id: 'own' })
    assert.equal(await again(), null, 'while it waits')
    assert.equal(await queue.claimOrEnqueue('t', 'third', { id: 'own' }), null)
    await endNext(backend, 't')
    assert.equal(await again(), null, 'when it has ended')
    assert.deepEqual(await queue.enqueueDetailed('u', 1, { id: 'own' }), { status: 'duplicate', id: 'own' })
    assert.deepEqual(await queue.enqueueMany([{ type: 't', data: 1, options: { id: 'own' } }]), [
      { status: 'duplicate' },
    ])
    assert.equal((await stored('own')).data, 'first')
    assert.equal((await backend.getStats()).pending, 0)
  },

  async 'of jobs with one id the first of a call is made'({ makeQueue, stored }) {
    const job = (data) => ({ type: 't', data, options: { id: 'own' } })
    const results = await makeQueue().enqueueMany([job(1), job(2)])
    assert.deepEqual(results, [{ status: 'created', id: 'own' }, { status: 'duplicate' }])
    assert.equal((await stored('own')).data, 1)
  },

  async 'of many calls with one id one makes the job'({ backend, makeQueue }) {
    const queue = makeQueue()
    const made = await Promise.all(Array.from({ length: 20 }, (_, n) => queue.enqueue('t', n, { id: 'own' })))
    assert.deepEqual(
      made.filter((id) => id !== null),
      ['own'],
    )
    assert.equal((await backend.getStats('t')).pending, 1)
  },

  async 'a taken id is the answer, also where the key is held'({ makeQueue }) {
    const queue = makeQueue()
    await queue.enqueue('t', 1, { id: 'own' })
    await queue.enqueue('t', 2, { id: 'holder', ...EXCLUSIVE })
    const both = await queue.enqueueDetailed('t', 3, { id: 'own', ...EXCLUSIVE })
    assert.deepEqual(both, { status: 'duplicate', id: 'own' })
    const key = await queue.enqueueDetailed('t', 3, { id: 'other', ...EXCLUSIVE })
    assert.deepEqual(key, { status: 'duplicate', id: 'holder' })
  },

  async 'an id that is malformed, reserved or used with coalesce is refused'({ backend, makeQueue }) {
    const queue = makeQueue()
    for (const id of ['', 'durabl:mine', {}, { $ne: 1 }, 7, null, 'a\0b', 'x'.repeat(5000)])
      await assert.rejects(queue.enqueue('t', 1, { id }), INVALID)
    await assert.rejects(queue.enqueue('t', 1, { id: 'a', ...SINGLE_FLIGHT, coalesce: 'latest' }), INVALID)
    assert.equal((await backend.getStats()).pending, 0)
  },

  async 'a job is due at its moment'({ backend, makeQueue, stored }) {
    const queue = makeQueue()
    const runAt = new Date(Date.now() + 3_600_000)
    const id = await queue.enqueue('t', 1, { runAt })
    assert.deepEqual((await stored(id)).runAt, runAt)
    assert.equal(await backend.claimNext('t'), null)
  },

  async 'a moment that has passed means now'({ backend, makeQueue, stored }) {
    const queue = makeQueue()
    const id = await queue.enqueue('t', 1, { runAt: new Date(0) })
    const { runAt, createdAt } = await stored(id)
    assert.deepEqual(runAt, createdAt)
    assert.equal((await backend.claimNext('t')).id, id)
  },

  async 'a job of a moment that comes soon runs then'({ makeQueue, arrival }) {
    const queue = makeQueue()
    const ran = new Promise((resolve) => queue.process('t', resolve, { pollInterval: 60_000 }))
    await queue.enqueue('t', 1, { runAt: new Date(Date.now() + 30) })
    await arrival('the run', ran)
  },

  async 'a malformed moment, or one with a delay, is refused'({ backend, makeQueue }) {
    const queue = makeQueue()
    for (const runAt of [new Date(NaN), 'tomorrow', 5, {}, null, new Date('+012000-01-01T00:00:00Z')])
      await assert.rejects(queue.enqueue('t', 1, { runAt }), INVALID)
    await assert.rejects(queue.enqueue('t', 1, { runAt: new Date(), delay: 1 }), INVALID)
    assert.equal((await backend.getStats()).pending, 0)
  },

  async 'a key is held for its time, also when the job has ended'({ backend, makeQueue }) {
    const queue = makeQueue()
    const lasting = { dedupeKey: 'k', dedupeForMs: 3_600_000 }
    const id = await queue.enqueue('t', 1, lasting)
    for (const end of [null, 'completed']) {
      if (end !== null) await endNext(backend, 't')
      assert.equal(await queue.enqueue('t', 2, lasting), null)
      assert.equal(await queue.claimOrEnqueue('t', 2, lasting), null)
      assert.deepEqual(await queue.enqueueDetailed('u', 2, lasting), { status: 'duplicate', id })
    }
    assert.notEqual(await queue.enqueue('t', 2, { dedupeKey: 'other', dedupeForMs: 1000 }), null)
  },

  async 'a key that is kept holds up only those that pass it too'({ backend, makeQueue }) {
    const queue = makeQueue()
    await queue.enqueue('t', 1, { dedupeKey: 'k', dedupeForMs: 3_600_000 })
    await endNext(backend, 't')
    assert.notEqual(await queue.enqueue('t', 2, EXCLUSIVE), null)
    assert.notEqual(await queue.enqueue('t', 3, SINGLE_FLIGHT), null)
  },

  async 'a key is free again when its time has passed'({ backend, makeQueue, until, stored }) {
    const queue = makeQueue()
    const lasting = { dedupeKey: 'k', dedupeForMs: 50 }
    const first = await queue.enqueue('t', 1, lasting)
    await endNext(backend, 't')
    const second = await until('the key is free', () => queue.enqueue('t', 2, lasting))
    assert.notEqual(second, first)
    assert.equal((await stored(first)).status, 'completed')
    await letPass(60, 'the time of the key, which a pending job holds all the same')
    assert.equal(await queue.enqueue('t', 3, lasting), null)
    await endNext(backend, 't', 'failFatal')
    const handle = await queue.claimOrEnqueue('t', 4, lasting)
    assert.equal(handle.data, 4, 'a claim finds it free as well')
  },

  async 'of many calls after the time of a key one makes a job'({ backend, makeQueue }) {
    const queue = makeQueue()
    const lasting = { dedupeKey: 'k', dedupeForMs: 40 }
    await queue.enqueue('t', 1, lasting)
    await endNext(backend, 't')
    await letPass(60, 'the time of the key')
    const longer = { ...lasting, dedupeForMs: 60_000 }
    const made = await Promise.all(Array.from({ length: 12 }, (_, n) => queue.enqueue('t', n, longer)))
    assert.equal(made.filter((id) => id !== null).length, 1)
  },

  async 'a key that is to be kept needs a key of the wider scope'({ backend, makeQueue }) {
    const queue = makeQueue()
    for (const options of [{}, SINGLE_FLIGHT])
      await assert.rejects(queue.enqueue('t', 1, { ...options, dedupeForMs: 1000 }), INVALID)
    for (const dedupeForMs of [0, -1, NaN, '1', null, {}])
      await assert.rejects(queue.enqueue('t', 1, { ...EXCLUSIVE, dedupeForMs }), INVALID)
    assert.equal((await backend.getStats()).pending, 0)
  },

  async 'a detailed enqueue says which job it made, and which is in the way'({ backend, makeQueue }) {
    const queue = makeQueue()
    const made = await queue.enqueueDetailed('t', 1, EXCLUSIVE)
    assert.equal(made.status, 'created')
    assert.deepEqual(await queue.enqueueDetailed('t', 2, EXCLUSIVE), { status: 'duplicate', id: made.id })
    const job = await backend.claimNext('t')
    assert.deepEqual(await queue.enqueueDetailed('t', 2, EXCLUSIVE), { status: 'duplicate', id: made.id })
    await backend.complete(job.id, job.claimToken)
    assert.equal((await queue.enqueueDetailed('t', 3, EXCLUSIVE)).status, 'created')
  },

  async 'a detailed enqueue says which job has its payload'({ backend, makeQueue, stored }) {
    const queue = makeQueue()
    const options = { ...SINGLE_FLIGHT, coalesce: 'latest' }
    const active = await queue.enqueueDetailed('t', 1, options)
    await backend.claimNext('t')
    const follower = await queue.enqueueDetailed('t', 2, options)
    assert.equal(follower.status, 'created')
    const { id } = follower
    assert.deepEqual(await queue.enqueueDetailed('t', 3, options), { status: 'coalesced', id })
    assert.equal((await stored(id)).data, 3)
    assert.deepEqual(await queue.enqueueDetailed('t', 4, SINGLE_FLIGHT), { status: 'duplicate', id })
    assert.deepEqual(await queue.enqueueDetailed('u', 5, options), { status: 'duplicate', id })
    assert.equal((await stored(active.id)).data, 1)
  },

  async 'many detailed enqueues each tell the fate of their job'({ makeQueue, stored }) {
    const queue = makeQueue()
    const coalesce = { dedupeKey: 'c', dedupeScope: 'pending', coalesce: 'latest' }
    const results = await queue.enqueueMany(
      [
        { type: 't', data: 1, options: EXCLUSIVE },
        { type: 't', data: 2, options: EXCLUSIVE },
        { type: 't', data: 3, options: { id: 'own' } },
        { type: 't', data: 4, options: { id: 'own' } },
        { type: 't', data: 5, options: coalesce },
        { type: 't', data: 6, options: coalesce },
        { type: 't', data: 7, options: coalesce },
      ],
      { detailed: true },
    )
    const [first, , , , fifth] = results
    assert.deepEqual(results, [
      { status: 'created', id: first.id },
      { status: 'duplicate', id: first.id },
      { status: 'created', id: 'own' },
      { status: 'duplicate', id: 'own' },
      { status: 'created', id: fifth.id },
      { status: 'coalesced', id: fifth.id },
      { status: 'coalesced', id: fifth.id },
    ])
    assert.equal((await stored(fifth.id)).data, 7)
    await assert.rejects(queue.enqueueMany([], { detailed: 'yes' }), INVALID)
  },

  async 'defaults count where a call does not say, those of the type before those of all'({
    makeQueue,
    stored,
  }) {
    const types = Object.create({ inherited: { priority: 9 } })
    Object.assign(types, { special: { maxAttempts: 7, timeoutMs: 50 }, __proto__x: { priority: 1 } })
    const queue = makeQueue({ defaults: { all: { maxAttempts: 5, priority: 2 }, types } })
    const of = async (id) => {
      const { maxAttempts, priority } = await stored(id)
      return [maxAttempts, priority]
    }
    assert.deepEqual(await of(await queue.enqueue('plain', 1)), [5, 2])
    assert.deepEqual(await of(await queue.enqueue('special', 1, { priority: undefined })), [7, 2])
    assert.deepEqual(await of(await queue.enqueue('special', 1, { maxAttempts: 1, priority: -3 })), [1, -3])
    assert.deepEqual(await of(await queue.enqueue('inherited', 1, null)), [5, 2])
    assert.deepEqual(await of((await queue.enqueueDetailed('special', 1)).id), [7, 2])
    const [many] = await queue.enqueueMany([{ type: 'special', data: 1 }])
    assert.deepEqual(await of(many.id), [7, 2])
    assert.deepEqual(await of((await queue.claimOrEnqueue('special', 1)).id), [7, 2])
    const bounded = await queue.enqueue('special', 1, { backoffDelay: 5 })
    assert.equal((await queue.getJob(bounded)).timeoutMs, 50)
  },

  async 'defaults that are malformed are refused when the queue is made'({ makeQueue }) {
    for (const defaults of [
      { all: { maxAttempts: 0 } },
      { all: { dedupeKey: 'k' } },
      { types: { t: { priority: 'high' } } },
      { types: { '': {} } },
      { al: {} },
      { all: [] },
      'all',
    ])
      assert.throws(() => makeQueue({ defaults }), INVALID)
  },

  async 'changes by calls are told, each once'({ backend, makeQueue }) {
    const changes = []
    const queue = makeQueue({ onJobChange: (change) => changes.push(change) })
    const id = await queue.enqueue('t', 1, EXCLUSIVE)
    await queue.enqueue('t', 2, EXCLUSIVE)
    await queue.enqueueDetailed('t', 2, EXCLUSIVE)
    const [many] = await queue.enqueueMany([
      { type: 'u', data: 1 },
      { type: 'u', data: 2, options: EXCLUSIVE },
    ])
    const claimed = await queue.claimOrEnqueue('v', 1)
    await queue.claimOrEnqueue('v', 1, EXCLUSIVE)
    assert.deepEqual(changes, [
      { kind: 'enqueued', type: 't', jobId: id },
      { kind: 'deduplicated', type: 't', jobId: null },
      { kind: 'deduplicated', type: 't', jobId: id },
      { kind: 'enqueued', type: 'u', jobId: many.id },
      { kind: 'deduplicated', type: 'u', jobId: null },
      { kind: 'enqueued', type: 'v', jobId: claimed.id },
      { kind: 'deduplicated', type: 'v', jobId: null },
    ])
    assert.equal((await backend.getStats()).pending, 2)
  },

  async 'a listener of changes that throws harms nothing'({ makeQueue }) {
    const queue = makeQueue({
      onJobChange: () => {
        throw new Error('mine')
      },
    })
    assert.notEqual(await queue.enqueue('t', 1), null)
  },

  async 'a failure event has the thrown value and the job, unseen by comparisons'({ makeQueue, until }) {
    const events = []
    const queue = makeQueue({ onJobEvent: (event) => events.push(event) })
    const error = new Error('so')
    queue.process('t', () => Promise.reject(error))
    const id = await queue.enqueue('t', { a: 1 }, { maxAttempts: 1 }).catch(() => null)
    const failed = await until('a failure', () => events.find(({ kind }) => kind === 'failed') ?? null)
    assert.equal(failed.error, error)
    assert.deepEqual([failed.job.id, failed.job.data], [failed.jobId, { a: 1 }])
    assert.equal('claimToken' in failed.job, false)
    assert.deepEqual(Object.keys(failed), [
      ...['kind', 'type', 'jobId', 'durationMs', 'attempt', 'maxAttempts', 'terminal', 'reason'],
    ])
    assert.ok(id === null || id === failed.jobId)
  },

  async 'a processor that is stopped claims nothing more, and its handlers end'({
    backend,
    makeQueue,
    arrival,
    stored,
    whenJob,
  }) {
    const queue = makeQueue()
    const { promise: mayEnd, resolve: end } = deferred()
    const { promise: began, resolve: begins } = deferred()
    const processor = queue.process('t', (job) => {
      begins(job)
      return mayEnd
    })
    assert.equal(processor.then, undefined)
    void queue.enqueue('t', 1)
    const running = await arrival('a start', began)
    let hasStopped = false
    const stopped = processor.stop().then(() => (hasStopped = true))
    assert.equal(processor.stop(), processor.stop())
    assert.equal(hasStopped, false)
    end()
    await arrival('the end of the processor', stopped)
    assert.equal((await stored(running.id)).status, 'completed')
    const { promise: again, resolve: seen } = deferred()
    queue.process('t', seen)
    const id = (await queue.enqueueDetailed('t', 2)).id
    await arrival('a start by the next processor', again)
    await whenJob(id, 'completed')
    assert.equal((await backend.getStats('t')).completed, 2)
  },

  async 'a stopped processor leaves jobs to others'({ makeQueue, whenJob }) {
    const queue = makeQueue()
    const processor = queue.process('t', () => assert.fail('it was stopped'))
    await processor.stop()
    processor.setConcurrency(5)
    const id = await queue.enqueue('t', 1)
    await whenJob(id, 'pending')
  },

  async 'a processor of no slots runs nothing until it has some'({ makeQueue, stored, whenJob }) {
    const queue = makeQueue()
    const seen = []
    const processor = queue.process('t', (job) => void seen.push(job.data), {
      concurrency: 0,
      pollInterval: 20,
    })
    const id = await queue.enqueue('t', 1)
    await letPass(50, 'polls, none of which may claim')
    assert.equal((await stored(id)).status, 'pending')
    processor.setConcurrency(1)
    await whenJob(id, 'completed')
    processor.setConcurrency(0)
    const other = await queue.enqueue('t', 2)
    await letPass(50, 'polls, none of which may claim')
    // Jobs that a claim on its way still takes are given back.
    await whenJob(other, 'pending')
    assert.deepEqual(seen, [1])
    for (const wrong of [-1, 1.5, NaN, '2', null, undefined])
      assert.throws(() => processor.setConcurrency(wrong), INVALID)
  },

  async 'a processor with more slots runs more at once'({ makeQueue, until }) {
    const queue = makeQueue()
    const { handler } = endlessHandler()
    let running = 0
    const processor = queue.process('t', (...args) => {
      running += 1
      return handler(...args)
    })
    for (let n = 0; n < 4; n += 1) void queue.enqueue('t', n).catch(() => {})
    await until('one runs', () => running === 1)
    processor.setConcurrency(3)
    await until('three run', () => running === 3)
    await letPass(50, 'the fourth has no slot')
    assert.equal(running, 3)
  },
}
