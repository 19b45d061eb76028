import assert from 'node:assert/strict'
import { EXCLUSIVE } from '../support.mjs'

const HOUR_MS = 3_600_000

/** A job that has parked, as one whose orchestration sleeps, and when it wakes. */
async function parked(backend, options, delayMs = HOUR_MS) {
  await backend.enqueue('t', {}, options)
  const { id, claimToken } = await backend.claimNext('t')
  const until = new Date(Date.now() + delayMs)
  const details = { delayMs, parkedUntil: until, endOfRun: true }
  assert.deepEqual(await backend.release(id, claimToken, details), { status: 'released' })
  return { id, claimToken, until }
}

const WRONG = { status: 'wrong-status', jobStatus: 'pending' }

export default {
  async 'a job parks until its moment, with its attempt given back'({ backend, raw }) {
    const { id, until } = await parked(backend)
    const job = await raw(id)
    assert.deepEqual([job.status, job.attempt, job.runAt], ['pending', 0, until])
    assert.deepEqual({ ...job.parked }, { kind: 'sleep', until })
    assert.equal('claimToken' in job || 'claimedAt' in job, false)
    assert.equal(await backend.claimNext('t'), null)
  },

  async 'a job that has parked is claimed when it is due, at the same attempt'({ backend, until }) {
    const { id } = await parked(backend, {}, 30)
    const again = await until('it is due', () => backend.claimNext('t'))
    assert.deepEqual([again.id, again.attempt], [id, 1])
  },

  async 'a parked job is neither promoted nor rescheduled nor retried'({ backend, raw }) {
    const { id, until } = await parked(backend)
    assert.deepEqual(await backend.promote(id), WRONG)
    assert.deepEqual(await backend.reschedule(id, { delay: 0 }), WRONG)
    assert.deepEqual(await backend.reschedule(id, { priority: 1 }), WRONG)
    assert.deepEqual(await backend.retry(id), WRONG)
    const job = await raw(id)
    assert.deepEqual([job.runAt, job.priority], [until, 0])
  },

  async 'a job that waits again for another reason is steered as any other'({ backend, until }) {
    await parked(backend, {}, 30)
    const { id, claimToken } = await until('it is due', () => backend.claimNext('t'))
    await backend.release(id, claimToken, { delayMs: HOUR_MS, endOfRun: true })
    assert.deepEqual(await backend.promote(id), { status: 'promoted' })
    assert.equal((await backend.claimNext('t')).id, id)
  },

  async 'a parked job holds its key, is cancelled at once, and is removed'({ backend }) {
    const { id } = await parked(backend, EXCLUSIVE)
    assert.equal(await backend.enqueue('t', {}, EXCLUSIVE), null)
    assert.deepEqual(await backend.cancel(id), { status: 'cancelled' })
    const next = await parked(backend, EXCLUSIVE)
    assert.deepEqual(await backend.remove(next.id), { status: 'removed' })
    assert.equal(await backend.findOne({ id: next.id }), null)
  },

  async 'a job that was asked to be cancelled does not park'({ backend }) {
    await backend.enqueue('t', {})
    const { id, claimToken } = await backend.claimNext('t')
    await backend.cancel(id)
    const details = { delayMs: HOUR_MS, parkedUntil: new Date(Date.now() + HOUR_MS), endOfRun: true }
    assert.deepEqual(await backend.release(id, claimToken, details), { status: 'cancelled' })
    assert.equal((await backend.findOne({ id })).status, 'failed')
  },

  async 'a parked job does not expire, and no sweep touches it'({ backend, raw }) {
    const { id } = await parked(backend, { expiresInMs: 1000 })
    assert.equal((await raw(id)).expiresAt, undefined)
    assert.equal(await backend.recoverStuckJobs(0), 0)
    assert.equal((await backend.findOne({ id })).status, 'pending')
  },

  async 'nothing parks under another claim'({ backend }) {
    const { id, claimToken } = await parked(backend)
    const details = { delayMs: 1, parkedUntil: new Date(0), endOfRun: true }
    assert.deepEqual(await backend.release(id, claimToken, details), { status: 'lease-lost' })
    assert.equal(await backend.claimNext('t'), null)
  },
}
