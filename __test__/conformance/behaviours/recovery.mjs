import assert from 'node:assert/strict'
import { letPass } from '../../support/time.mjs'
import { SINGLE_FLIGHT, endlessHandler } from '../support.mjs'

const VISIBILITY_MS = 20
const LONG_MS = 60_000

/** A job whose lease is older than the visibility timeout. */
async function abandoned(backend, options) {
  await backend.enqueue('t', {}, options)
  const job = await backend.claimNext('t')
  await letPass(VISIBILITY_MS * 2, 'the lease ends')
  return job
}

export default {
  async 'a job of an expired lease is due again, its attempt spent'({ backend, tokenOf }) {
    const job = await abandoned(backend)
    assert.equal(await backend.recoverStuckJobs(VISIBILITY_MS), 1)
    const stored = await backend.findOne({ id: job.id })
    assert.deepEqual([stored.status, stored.attempt], ['pending', 1])
    assert.equal(await tokenOf(job.id), undefined)
    assert.equal((await backend.claimNext('t')).attempt, 2)
  },

  async 'a live lease is left alone'({ backend, tokenOf }) {
    const job = await abandoned(backend)
    assert.equal(await backend.recoverStuckJobs(LONG_MS), 0)
    assert.equal(await tokenOf(job.id), job.claimToken)
  },

  async 'a renewed lease is left alone'({ backend }) {
    const job = await abandoned(backend)
    await backend.heartbeat(job.id, job.claimToken)
    assert.equal(await backend.recoverStuckJobs(LONG_MS / 2), 0)
    assert.deepEqual(await backend.complete(job.id, job.claimToken), { status: 'completed' })
  },

  async 'pending and ended jobs are left alone'({ backend }) {
    const job = await abandoned(backend)
    await backend.complete(job.id, job.claimToken)
    await backend.enqueue('t', {})
    await letPass(VISIBILITY_MS * 2, 'the lease ends')
    assert.equal(await backend.recoverStuckJobs(VISIBILITY_MS), 0)
  },

  async 'an expired lease on the last attempt is a failure'({ backend }) {
    const job = await abandoned(backend, { maxAttempts: 1 })
    assert.equal(await backend.recoverStuckJobs(VISIBILITY_MS), 1)
    const stored = await backend.findOne({ id: job.id })
    assert.equal(stored.status, 'failed')
    assert.ok(stored.failedAt instanceof Date)
    assert.match(stored.failReason, /stalled/)
  },

  async 'a timeout of 0 recovers every active job, a managed run too'({ backend, makeQueue, arrival }) {
    const byHand = await backend.claimOrEnqueue('t', {}, { maxAttempts: 1 })
    const { handler, started } = endlessHandler()
    makeQueue().process('managed', handler)
    // Inline, it resolves with the handler's end.
    void backend.enqueue('managed', {}, { maxAttempts: 1 })
    const { job: managed } = await arrival('the managed run', started)
    assert.equal(await backend.recoverStuckJobs(0), 2)
    for (const { id } of [byHand, managed]) {
      const { status, failReason } = await backend.findOne({ id })
      assert.equal(status, 'failed')
      assert.match(failReason, /stalled/)
    }
  },

  async 'an expired lease with a follower is superseded'({ backend }) {
    for (const maxAttempts of [3, 1]) {
      const job = await abandoned(backend, { ...SINGLE_FLIGHT, maxAttempts })
      const follower = await backend.enqueue('t', {}, SINGLE_FLIGHT)
      assert.equal(await backend.recoverStuckJobs(VISIBILITY_MS), 1)
      const { status, failReason } = await backend.findOne({ id: job.id })
      assert.equal(status, 'superseded')
      assert.match(failReason, /stalled/)
      const next = await backend.claimNext('t')
      assert.equal(next.id, follower)
      await backend.complete(next.id, next.claimToken)
    }
  },

  async 'the worker that lost its lease cannot settle any more'({ backend }) {
    const lost = await abandoned(backend)
    await backend.recoverStuckJobs(VISIBILITY_MS)
    const next = await backend.claimNext('t')
    assert.deepEqual(await backend.complete(lost.id, lost.claimToken), { status: 'lease-lost' })
    assert.equal(await backend.heartbeat(lost.id, lost.claimToken), 'lease-lost')
    assert.deepEqual(await backend.complete(next.id, next.claimToken), { status: 'completed' })
  },

  async 'a sweep handles no more than it may, the oldest first'({ backend }) {
    const jobs = []
    for (let n = 0; n < 3; n += 1) jobs.push(await abandoned(backend))
    assert.equal(await backend.recoverStuckJobs(VISIBILITY_MS, 2), 2)
    const statuses = []
    for (const { id } of jobs) statuses.push((await backend.findOne({ id })).status)
    assert.deepEqual(statuses, ['pending', 'pending', 'active'])
    assert.equal(await backend.recoverStuckJobs(VISIBILITY_MS, 2), 1)
    assert.equal(await backend.recoverStuckJobs(VISIBILITY_MS, 2), 0)
  },

  async 'a reaper sweeps at once'({ backend, makeQueue }) {
    const queue = makeQueue({ visibilityTimeoutMs: VISIBILITY_MS })
    const job = await abandoned(backend)
    assert.deepEqual(await queue.startReaper(), { status: 'started', recovered: 1 })
    assert.deepEqual(await queue.startReaper(), { status: 'already-running' })
    queue.stopReaper()
    assert.equal((await backend.findOne({ id: job.id })).status, 'pending')
  },
}
