import assert from 'node:assert/strict'
import { EXCLUSIVE, SINGLE_FLIGHT } from '../support.mjs'

/** A job that has ended so. */
async function ended(backend, status, data = 'old', options = {}) {
  const job = await backend.claimOrEnqueue('t', data, { maxAttempts: 2, ...options })
  if (status === 'completed') await backend.complete(job.id, job.claimToken)
  else if (status === 'failed') await backend.failFatal(job.id, 'it broke', job.claimToken)
  else {
    const id = await backend.enqueue('t', 'newer', options)
    await backend.release(job.id, job.claimToken)
    await backend.remove(id)
  }
  assert.equal((await backend.findOne({ id: job.id })).status, status)
  return job.id
}

const wrong = (jobStatus) => ({ status: 'wrong-status', jobStatus })
const NOT_FOUND = { status: 'not-found' }
const HOUR_MS = 3_600_000

export default {
  async 'a job that has ended runs again, from its first attempt on'({ backend, tokenOf }) {
    for (const status of ['completed', 'failed', 'superseded']) {
      const id = await ended(backend, status, status, SINGLE_FLIGHT)
      assert.deepEqual(await backend.retry(id), { status: 'retried' })
      const job = await backend.findOne({ id })
      assert.deepEqual([job.status, job.attempt, job.data], ['pending', 0, status])
      const gone = [job.claimedAt, job.completedAt, job.failedAt, job.failReason, await tokenOf(id)]
      assert.deepEqual(gone, [undefined, undefined, undefined, undefined, undefined])
      const again = await backend.claimNext('t')
      assert.deepEqual([again.id, again.attempt], [id, 1])
      assert.deepEqual(await backend.complete(id, again.claimToken), { status: 'completed' })
    }
  },

  async 'a retried job keeps its log'({ backend }) {
    const job = await backend.claimOrEnqueue('t', {})
    await backend.log(job.id, 'a line', job.claimToken)
    await backend.complete(job.id, job.claimToken)
    await backend.retry(job.id)
    assert.deepEqual(
      (await backend.findOne({ id: job.id })).logs.map(({ message }) => message),
      ['a line'],
    )
  },

  async 'a retry takes new data and other terms'({ backend }) {
    for (const data of [{ a: 1 }, null, 'new', 0]) {
      const id = await ended(backend, 'failed')
      assert.deepEqual(await backend.retry(id, { data, maxAttempts: 7 }), { status: 'retried' })
      const job = await backend.findOne({ id })
      assert.deepEqual([job.data, job.maxAttempts], [data, 7])
      await backend.remove(id)
    }
    const id = await ended(backend, 'failed')
    await backend.retry(id, { data: undefined, maxAttempts: undefined, delay: undefined })
    const job = await backend.findOne({ id })
    assert.deepEqual([job.data, job.maxAttempts], ['old', 2])
  },

  async 'a delayed retry is not due'({ backend }) {
    const id = await ended(backend, 'failed')
    await backend.retry(id, { delay: HOUR_MS })
    assert.ok((await backend.findOne({ id })).runAt.getTime() > Date.now() + HOUR_MS / 2)
    assert.equal(await backend.claimNext('t'), null)
  },

  async 'a retry under a held key is answered by its holder'({ backend }) {
    for (const options of [EXCLUSIVE, SINGLE_FLIGHT]) {
      const id = await ended(backend, 'failed', 'old', options)
      const holder = await backend.enqueue('other', 'newer', options)
      assert.deepEqual(await backend.retry(id), { status: 'key-held', id: holder })
      assert.equal((await backend.findOne({ id })).status, 'failed')
      await backend.remove(holder)
      assert.deepEqual(await backend.retry(id), { status: 'retried' })
      assert.equal(await backend.enqueue('t', 'third', options), null, 'the key is held again')
      await backend.remove(id)
    }
  },

  async 'a retried job waits behind the active one of its key'({ backend }) {
    const id = await ended(backend, 'failed', 'old', SINGLE_FLIGHT)
    const active = await backend.claimOrEnqueue('t', 'newer', SINGLE_FLIGHT)
    assert.deepEqual(await backend.retry(id), { status: 'retried' })
    assert.equal(await backend.claimNext('t'), null)
    await backend.complete(active.id, active.claimToken)
    assert.equal((await backend.claimNext('t')).id, id)
  },

  async 'a token from before a retry settles nothing'({ backend }) {
    const job = await backend.claimOrEnqueue('t', {})
    await backend.failFatal(job.id, 'no', job.claimToken)
    await backend.retry(job.id)
    assert.deepEqual(await backend.complete(job.id, job.claimToken), { status: 'lease-lost' })
    const again = await backend.claimNext('t')
    assert.deepEqual(await backend.complete(job.id, job.claimToken), { status: 'lease-lost' })
    assert.deepEqual(await backend.complete(job.id, again.claimToken), { status: 'completed' })
  },

  async 'only a job that has ended can be retried'({ backend }) {
    const pending = await backend.enqueue('other', {})
    const active = await backend.claimOrEnqueue('t', {})
    assert.deepEqual(await backend.retry(pending), wrong('pending'))
    assert.deepEqual(await backend.retry(active.id), wrong('active'))
    assert.deepEqual(await backend.retry('nobody'), NOT_FOUND)
    assert.deepEqual(await backend.complete(active.id, active.claimToken), { status: 'completed' })
  },

  async 'of many operators at once one retries'({ backend }) {
    const id = await ended(backend, 'failed')
    const results = await Promise.all(Array.from({ length: 10 }, () => backend.retry(id)))
    assert.equal(results.filter(({ status }) => status === 'retried').length, 1)
  },

  async 'a promoted job is due'({ backend }) {
    const id = await backend.enqueue('t', {}, { delay: HOUR_MS })
    assert.deepEqual(await backend.promote(id), { status: 'promoted' })
    assert.equal((await backend.claimNext('t')).id, id)
  },

  async 'a promoted retry keeps its attempts'({ backend }) {
    await backend.enqueue('t', {}, { backoffDelay: HOUR_MS, backoffMaxDelay: HOUR_MS })
    const { id, claimToken } = await backend.claimNext('t')
    await backend.fail(id, 'no', claimToken)
    assert.deepEqual(await backend.promote(id), { status: 'promoted' })
    const again = await backend.claimNext('t')
    assert.deepEqual([again.id, again.attempt, again.failReason], [id, 2, 'no'])
  },

  async 'a promoted job that was due keeps its place'({ backend }) {
    const first = await backend.enqueue('t', 1)
    const second = await backend.enqueue('t', 2)
    await backend.promote(first)
    assert.deepEqual([(await backend.claimNext('t')).id, (await backend.claimNext('t')).id], [first, second])
  },

  async 'a job is put off'({ backend }) {
    const id = await backend.enqueue('t', {})
    assert.deepEqual(await backend.reschedule(id, { delay: HOUR_MS }), { status: 'rescheduled' })
    assert.equal(await backend.claimNext('t'), null)
    const tomorrow = new Date(Date.now() + 24 * HOUR_MS)
    await backend.reschedule(id, { runAt: tomorrow })
    assert.deepEqual((await backend.findOne({ id })).runAt, tomorrow)
    await backend.reschedule(id, { runAt: new Date(0) })
    assert.equal((await backend.claimNext('t')).id, id)
  },

  async 'a job gets another priority and keeps its time'({ backend }) {
    const ids = [await backend.enqueue('t', 1), await backend.enqueue('t', 2)]
    const { runAt } = await backend.findOne({ id: ids[1] })
    assert.deepEqual(await backend.reschedule(ids[1], { priority: -1 }), { status: 'rescheduled' })
    const job = await backend.findOne({ id: ids[1] })
    assert.deepEqual([job.priority, job.runAt], [-1, runAt])
    assert.deepEqual([(await backend.claimNext('t')).id, (await backend.claimNext('t')).id], ids.reverse())
  },

  async 'only a pending job is promoted or rescheduled'({ backend }) {
    const { id, claimToken } = await backend.claimOrEnqueue('t', {})
    for (const jobStatus of ['active', 'completed']) {
      assert.deepEqual(await backend.promote(id), wrong(jobStatus))
      assert.deepEqual(await backend.reschedule(id, { delay: 0 }), wrong(jobStatus))
      await backend.complete(id, claimToken)
    }
    assert.deepEqual(await backend.promote('nobody'), NOT_FOUND)
    assert.deepEqual(await backend.reschedule('nobody', { priority: 1 }), NOT_FOUND)
  },

  async 'a removed job is gone, whatever it was but running'({ backend, makeQueue }) {
    const ids = [await backend.enqueue('t', {})]
    for (const status of ['completed', 'failed', 'superseded'])
      ids.push(await ended(backend, status, {}, { ...SINGLE_FLIGHT, priority: -1 }))
    for (const id of ids) {
      assert.deepEqual(await backend.remove(id), { status: 'removed' })
      assert.deepEqual(await backend.remove(id), NOT_FOUND)
      assert.equal(await backend.findOne({ id }), null)
      assert.deepEqual(await backend.retry(id), NOT_FOUND)
    }
    assert.equal(await backend.claimNext('t'), null)
    const { pending, completed, failed, superseded } = await makeQueue().getStats()
    assert.deepEqual([pending, completed, failed, superseded], [0, 0, 0, 0])
  },

  async 'a running job is not removed'({ backend }) {
    const { id, claimToken } = await backend.claimOrEnqueue('t', {})
    assert.deepEqual(await backend.remove(id), wrong('active'))
    assert.deepEqual(await backend.complete(id, claimToken), { status: 'completed' })
  },

  async 'the key of a removed job is free'({ backend }) {
    for (const options of [EXCLUSIVE, SINGLE_FLIGHT]) {
      const id = await backend.enqueue('t', {}, options)
      await backend.remove(id)
      assert.equal(await backend.hasOutstanding('t', 'k'), false)
      const other = await backend.enqueue('t', {}, options)
      assert.notEqual(other, null)
      await backend.remove(other)
    }
  },

  async 'a retried job is run by a processor, once for each retry'({ makeQueue, whenJob, until }) {
    const queue = makeQueue()
    const attempts = []
    queue.process('t', (job) => void attempts.push(job.attempt))
    const id = await queue.enqueue('t', {})
    await whenJob(id, 'completed')
    for (let runs = 2; runs <= 4; runs += 1) {
      assert.deepEqual(await queue.retry(id), { status: 'retried' })
      await until(`run ${runs}`, () => attempts.length >= runs)
      await whenJob(id, 'completed')
    }
    assert.deepEqual(attempts, [1, 1, 1, 1])
  },

  async 'a promoted job is run by a processor'({ makeQueue, whenJob, until, stored }) {
    const queue = makeQueue()
    const failed = []
    queue.process('t', (job) => {
      if (job.attempt === 1) failed.push(job.id)
      if (job.attempt === 1) throw new Error('not yet')
    })
    const id = await queue
      .enqueue('t', {}, { backoffDelay: HOUR_MS, backoffMaxDelay: HOUR_MS })
      .catch(() => failed[0])
    await until('it has failed once', async () => {
      const { status, failReason } = await stored(id)
      return status === 'pending' && failReason === 'not yet'
    })
    assert.deepEqual(await queue.promote(id), { status: 'promoted' })
    await whenJob(id, 'completed')
  },

  async 'a job that is due sooner than was thought is run by a processor'({ makeQueue, whenJob }) {
    const queue = makeQueue()
    queue.process('t', () => {})
    const id = await queue.enqueue('t', {}, { delay: HOUR_MS })
    const result = await queue.reschedule(id, { delay: 20 })
    assert.ok(['rescheduled', 'wrong-status'].includes(result.status))
    await whenJob(id, 'completed')
  },
}
