import assert from 'node:assert/strict'
import { SINGLE_FLIGHT } from '../support.mjs'

const LATEST = { ...SINGLE_FLIGHT, coalesce: 'latest' }

async function activeWithFollower(backend, options = {}) {
  await backend.enqueue('t', 'active', { ...SINGLE_FLIGHT, ...options })
  const job = await backend.claimNext('t')
  const follower = await backend.enqueue('t', 'follower', SINGLE_FLIGHT)
  assert.notEqual(follower, null)
  return { job, follower }
}

export default {
  async 'one follower may wait behind an active job'({ backend }) {
    await activeWithFollower(backend)
    assert.equal(await backend.enqueue('t', 'third', SINGLE_FLIGHT), null)
    const { active, pending } = await backend.getStats()
    assert.deepEqual({ active, pending }, { active: 1, pending: 1 })
  },

  async 'a follower is not claimed while its key runs'({ backend }) {
    await activeWithFollower(backend)
    assert.equal(await backend.claimNext('t'), null)
    assert.equal(await backend.claimNextByKey('t', 'k'), null)
  },

  async 'a follower is claimed once its key is free'({ backend }) {
    const { job, follower } = await activeWithFollower(backend)
    await backend.complete(job.id, job.claimToken)
    const next = await backend.claimNext('t')
    assert.deepEqual([next.id, next.data, next.attempt], [follower, 'follower', 1])
  },

  async 'a claim by key takes the follower once its key is free'({ backend }) {
    const { job, follower } = await activeWithFollower(backend)
    await backend.failFatal(job.id, 'no', job.claimToken)
    assert.equal((await backend.claimNextByKey('t', 'k')).id, follower)
  },

  async 'a held key does not stand in the way of other jobs'({ backend }) {
    await activeWithFollower(backend, { priority: -5 })
    await backend.enqueue('t', 'other key', { dedupeKey: 'other', dedupeScope: 'pending', priority: 1 })
    await backend.enqueue('t', 'no key', { priority: 2 })
    assert.equal((await backend.claimNext('t')).data, 'other key')
    assert.equal((await backend.claimNext('t')).data, 'no key')
    assert.equal(await backend.claimNext('t'), null)
  },

  async 'many held keys do not stand in the way of a free job'({ backend }) {
    for (let n = 0; n < 12; n += 1) {
      const options = { dedupeKey: `held-${n}`, dedupeScope: 'pending' }
      await backend.enqueue('t', n, options)
      await backend.claimNext('t')
      await backend.enqueue('t', n, { ...options, priority: -1 })
    }
    await backend.enqueue('t', 'free', { priority: 9 })
    assert.equal((await backend.claimNext('t')).data, 'free')
  },

  async 'a key that runs under one type holds back its follower of another'({ backend }) {
    await backend.enqueue('t', {}, SINGLE_FLIGHT)
    const job = await backend.claimNext('t')
    assert.notEqual(await backend.enqueue('other', {}, SINGLE_FLIGHT), null)
    assert.equal(await backend.claimNext('other'), null)
    await backend.complete(job.id, job.claimToken)
    assert.notEqual(await backend.claimNext('other'), null)
  },

  async 'the first payload stays unless the latest is asked for'({ backend }) {
    const id = await backend.enqueue('t', 'first', SINGLE_FLIGHT)
    assert.equal(await backend.enqueue('t', 'second', SINGLE_FLIGHT), null)
    assert.equal((await backend.findOne({ id })).data, 'first')
    assert.equal(await backend.enqueue('t', 'third', LATEST), null)
    assert.equal((await backend.findOne({ id })).data, 'third')
  },

  async 'the latest payload goes to the follower, never to the active job'({ backend }) {
    const { job, follower } = await activeWithFollower(backend)
    assert.equal(await backend.enqueue('t', { latest: [1] }, LATEST), null)
    assert.equal((await backend.findOne({ id: job.id })).data, 'active')
    assert.deepEqual((await backend.findOne({ id: follower })).data, { latest: [1] })
  },

  async 'the latest payload does not go to a job of another type'({ backend }) {
    const id = await backend.enqueue('other', 'its own', SINGLE_FLIGHT)
    assert.equal(await backend.enqueue('t', 'not its own', LATEST), null)
    assert.equal((await backend.findOne({ id })).data, 'its own')
  },

  async 'a failure with a follower is superseded'({ backend }) {
    const { job, follower } = await activeWithFollower(backend)
    assert.deepEqual(await backend.fail(job.id, 'no', job.claimToken), { status: 'superseded' })
    const stored = await backend.findOne({ id: job.id })
    assert.deepEqual([stored.status, stored.failReason], ['superseded', 'no'])
    assert.ok(stored.failedAt instanceof Date)
    assert.equal((await backend.claimNext('t')).id, follower)
  },

  async 'a release with a follower is superseded'({ backend }) {
    const { job, follower } = await activeWithFollower(backend)
    assert.deepEqual(await backend.release(job.id, job.claimToken), { status: 'superseded' })
    assert.equal((await backend.findOne({ id: job.id })).status, 'superseded')
    assert.equal((await backend.claimNext('t')).id, follower)
  },

  async 'the last failure is a failure, follower or not'({ backend }) {
    const { job, follower } = await activeWithFollower(backend, { maxAttempts: 1 })
    assert.deepEqual(await backend.fail(job.id, 'no', job.claimToken), { status: 'failed-terminal' })
    assert.equal((await backend.claimNext('t')).id, follower)
  },

  async 'a superseded job has ended'({ backend }) {
    const { job } = await activeWithFollower(backend)
    await backend.fail(job.id, 'no', job.claimToken)
    const found = await backend.complete(job.id, job.claimToken)
    assert.deepEqual(found, { status: 'already-terminal', terminalStatus: 'superseded' })
  },

  async 'active and follower are both outstanding'({ backend }) {
    const { job } = await activeWithFollower(backend)
    assert.equal(await backend.hasOutstanding('t', 'k'), true)
    await backend.complete(job.id, job.claimToken)
    assert.equal(await backend.hasOutstanding('t', 'k'), true)
    const next = await backend.claimNext('t')
    await backend.complete(next.id, next.claimToken)
    assert.equal(await backend.hasOutstanding('t', 'k'), false)
  },
}
