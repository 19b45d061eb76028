import assert from 'node:assert/strict'
import { EXCLUSIVE, SINGLE_FLIGHT } from '../support.mjs'

const HOUR_MS = 3_600_000

/** So many jobs that failed. */
async function failed(backend, count, type = 't', options = {}) {
  const ids = []
  for (let n = 0; n < count; n += 1) {
    const job = await backend.claimOrEnqueue(type, { n, even: n % 2 === 0 }, options)
    await backend.failFatal(job.id, 'no', job.claimToken)
    ids.push(job.id)
  }
  return ids
}

const statusOf = async (backend, id) => (await backend.findOne({ id }))?.status

export default {
  async 'all failed jobs of a type are retried, and no others'({ backend, makeQueue }) {
    const queue = makeQueue()
    const ids = await failed(backend, 7)
    const [other] = await failed(backend, 1, 'other')
    const done = await backend.claimOrEnqueue('t', {})
    await backend.complete(done.id, done.claimToken)
    const result = await queue.retryMany({ status: 'failed', type: 't' })
    assert.deepEqual(result, { status: 'done', matched: 7, changed: 7, skipped: 0, next: null })
    for (const id of ids) assert.equal(await statusOf(backend, id), 'pending')
    assert.deepEqual(
      [await statusOf(backend, other), await statusOf(backend, done.id)],
      ['failed', 'completed'],
    )
  },

  async 'a preview counts, and changes nothing'({ backend, makeQueue }) {
    const queue = makeQueue()
    const ids = await failed(backend, 5)
    for (const selection of [{ status: 'failed' }, { ids: [...ids, 'nobody'] }]) {
      const result = await queue.removeMany(selection, { mode: 'preview' })
      assert.deepEqual(result, { status: 'done', matched: 5, changed: 0, skipped: 5, next: null })
    }
    for (const id of ids) assert.equal(await statusOf(backend, id), 'failed')
  },

  async 'a call goes on where the one before has ended'({ backend, makeQueue }) {
    const queue = makeQueue()
    await failed(backend, 7)
    const sums = []
    let after
    do {
      const result = await queue.removeMany({ status: 'failed' }, { limit: 3, after })
      sums.push(result.changed)
      assert.equal(result.status, result.next === null ? 'done' : 'more')
      after = result.next ?? undefined
    } while (after !== undefined)
    assert.equal(
      sums.reduce((sum, changed) => sum + changed),
      7,
    )
    assert.equal((await backend.getStats()).failed, 0)
  },

  async 'jobs are chosen by their payload'({ backend, makeQueue }) {
    const queue = makeQueue()
    const ids = await failed(backend, 6)
    const { matched, changed } = await queue.retryMany({ status: 'failed', where: { 'data.even': true } })
    assert.deepEqual([matched, changed], [3, 3])
    const statuses = await Promise.all(ids.map((id) => statusOf(backend, id)))
    assert.deepEqual(
      statuses,
      ids.map((_, n) => (n % 2 === 0 ? 'pending' : 'failed')),
    )
  },

  async 'jobs are chosen by their ids, those of other statuses left out'({ backend, makeQueue }) {
    const queue = makeQueue()
    const ids = await failed(backend, 3)
    const waiting = await backend.enqueue('other', {})
    const result = await queue.retryMany({ ids: [...ids, ids[0], waiting, 'nobody'] })
    assert.deepEqual(result, { status: 'done', matched: 3, changed: 3, skipped: 0, next: null })
  },

  async 'a held key skips its job'({ backend, makeQueue }) {
    const queue = makeQueue()
    for (const options of [EXCLUSIVE, SINGLE_FLIGHT]) {
      await failed(backend, 2, 't', options)
      const { matched, changed, skipped } = await queue.retryMany({ status: 'failed' })
      assert.deepEqual([matched, changed, skipped], [2, 1, 1])
      await queue.removeMany({ status: 'failed' })
      await queue.removeMany({ status: 'pending' })
    }
  },

  async 'all pending jobs of a type are promoted'({ backend, makeQueue }) {
    const queue = makeQueue()
    const ids = []
    for (let n = 0; n < 4; n += 1) ids.push(await backend.enqueue('t', n, { delay: HOUR_MS }))
    const { changed } = await queue.promoteMany({ status: 'pending', type: 't' })
    assert.equal(changed, 4)
    for (let n = 0; n < 4; n += 1) assert.ok(ids.includes((await backend.claimNext('t')).id))
  },

  async 'of two operators at once each job is retried by one'({ backend, makeQueue }) {
    const queues = [makeQueue(), makeQueue()]
    await failed(backend, 20)
    const results = await Promise.all(queues.map((queue) => queue.retryMany({ status: 'failed' })))
    assert.equal(results[0].changed + results[1].changed, 20)
  },

  async 'nothing to change is done'({ makeQueue }) {
    const nothing = { status: 'done', matched: 0, changed: 0, skipped: 0, next: null }
    const queue = makeQueue()
    assert.deepEqual(await queue.retryMany({ status: 'completed' }), nothing)
    assert.deepEqual(await queue.removeMany({ ids: ['nobody'] }), nothing)
    assert.deepEqual(await queue.removeMany({ ids: [] }), nothing)
  },

  async 'all that were retried are run by a processor'({ backend, makeQueue, whenJob }) {
    const queue = makeQueue()
    const ids = await failed(backend, 5)
    queue.process('t', () => {}, { concurrency: 5 })
    await queue.retryMany({ status: 'failed' })
    for (const id of ids) await whenJob(id, 'completed')
  },

  async 'a listener of changes hears of each job that was retried, once'({ backend, makeQueue }) {
    const told = []
    const queue = makeQueue({ onJobChange: (change) => told.push(change) })
    const ids = await failed(backend, 4)
    await queue.retry(ids[0])
    await queue.retry(ids[0])
    const { changed } = await queue.retryMany({ status: 'failed' })
    assert.equal(changed, 3)
    assert.deepEqual(
      told.toSorted((one, other) => ids.indexOf(one.jobId) - ids.indexOf(other.jobId)),
      ids.map((jobId) => ({ kind: 'retried', jobId })),
    )
  },

  async 'all waiting jobs of a type are cancelled'({ backend, makeQueue }) {
    const told = []
    const queue = makeQueue({ onJobChange: (change) => told.push(change) })
    const ids = []
    for (let n = 0; n < 4; n += 1) ids.push(await backend.enqueue('t', n))
    const other = await backend.enqueue('other', {})
    const result = await queue.cancelMany({ status: 'pending', type: 't' })
    assert.deepEqual(result, { status: 'done', matched: 4, changed: 4, skipped: 0, next: null })
    for (const id of ids) assert.equal(await statusOf(backend, id), 'failed')
    assert.equal(await statusOf(backend, other), 'pending')
    assert.deepEqual(
      told
        .filter(({ kind }) => kind === 'cancelled')
        .map(({ jobId, ended }) => [jobId, ended])
        .sort(),
      ids.map((id) => [id, true]).sort(),
    )
  },

  async 'all running jobs are asked to end'({ backend, makeQueue }) {
    const queue = makeQueue()
    const claims = [await backend.claimOrEnqueue('t', 1), await backend.claimOrEnqueue('t', 2)]
    const { matched, changed } = await queue.cancelMany({ status: 'active' })
    assert.deepEqual([matched, changed], [2, 2])
    for (const { id } of claims) assert.equal(await statusOf(backend, id), 'active')
  },

  async 'a waiting job that has begun to run since it was listed is not cancelled'({ backend, makeQueue }) {
    const told = []
    const queue = makeQueue({ onJobChange: (change) => told.push(change) })
    const ids = [await backend.enqueue('t', 1), await backend.enqueue('t', 2), await backend.enqueue('t', 3)]
    // Listed by their ids, each of them waits.
    const { claimToken, id } = await backend.claimNext('t')
    assert.equal(id, ids[0])
    const answer = await backend.cancelEach(ids, 'pending')
    assert.deepEqual(answer, ['skipped', 'cancelled', 'cancelled'])
    assert.deepEqual(await backend.cancelRequests([id]), [])
    assert.deepEqual(await backend.complete(id, claimToken), { status: 'completed' })
    assert.deepEqual(await backend.cancelEach([...ids, 'nobody'], 'active'), Array(4).fill('skipped'))
    assert.deepEqual(await backend.cancelEach(ids), Array(3).fill('skipped'))
    const { matched } = await queue.cancelMany({ status: 'pending' })
    assert.deepEqual([matched, told.filter(({ kind }) => kind === 'cancelled')], [0, []])
  },

  async 'a running job that was asked to end is not asked again'({ backend, makeQueue }) {
    const told = []
    const queue = makeQueue({ onJobChange: (change) => told.push(change) })
    const asked = await backend.claimOrEnqueue('t', 1)
    const other = await backend.claimOrEnqueue('t', 2)
    await backend.cancel(asked.id, { reason: 'first' })
    const { matched, changed, skipped } = await queue.cancelMany({ status: 'active' })
    assert.deepEqual([matched, changed, skipped], [2, 1, 1])
    const again = await queue.cancelMany({ ids: [asked.id, other.id] })
    assert.deepEqual([again.matched, again.changed, again.skipped], [2, 0, 2])
    assert.deepEqual(await backend.cancelRequests([asked.id]), [{ id: asked.id, reason: 'first' }])
    assert.deepEqual(
      told.filter(({ kind }) => kind === 'cancelled'),
      [{ kind: 'cancelled', jobId: other.id, ended: false }],
    )
  },

  async 'of two operators at once each job is cancelled by one, running or not'({ backend, makeQueue }) {
    const queues = [makeQueue(), makeQueue()]
    for (let n = 0; n < 20; n += 1) {
      await backend.claimOrEnqueue('t', n)
      await backend.enqueue('t', n)
    }
    for (const status of ['pending', 'active']) {
      const results = await Promise.all(queues.map((queue) => queue.cancelMany({ status })))
      assert.equal(results[0].changed + results[1].changed, 20, status)
    }
  },
}
