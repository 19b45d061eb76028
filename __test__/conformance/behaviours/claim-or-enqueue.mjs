import assert from 'node:assert/strict'
import { EXCLUSIVE, SINGLE_FLIGHT } from '../support.mjs'

const counts = async (backend) => {
  const { pending, active } = await backend.getStats()
  return { pending, active }
}

export default {
  async 'under a free key the job is made and claimed'({ backend }) {
    const job = await backend.claimOrEnqueue('t', { a: 1 }, SINGLE_FLIGHT)
    assert.deepEqual([job.type, job.data, job.status, job.attempt], ['t', { a: 1 }, 'active', 1])
    assert.ok(job.claimToken.length > 0)
    assert.deepEqual(await backend.complete(job.id, job.claimToken), { status: 'completed' })
  },

  async 'without a key the job is made and claimed'({ backend }) {
    const jobs = [await backend.claimOrEnqueue('t', 1), await backend.claimOrEnqueue('t', 1)]
    assert.ok(jobs.every((job) => job.status === 'active'))
    assert.notEqual(jobs[0].id, jobs[1].id)
  },

  async 'under a held exclusive key nothing is made'({ backend }) {
    await backend.claimOrEnqueue('t', {}, EXCLUSIVE)
    assert.equal(await backend.claimOrEnqueue('t', {}, EXCLUSIVE), null)
    assert.deepEqual(await counts(backend), { pending: 0, active: 1 })
  },

  async 'behind an active job a follower is made'({ backend }) {
    await backend.claimOrEnqueue('t', 'first', SINGLE_FLIGHT)
    assert.equal(await backend.claimOrEnqueue('t', 'second', SINGLE_FLIGHT), null)
    assert.deepEqual(await counts(backend), { pending: 1, active: 1 })
    const follower = await backend.findOne({ status: 'pending' })
    assert.deepEqual([follower.data, follower.attempt], ['second', 0])
  },

  async 'a second follower is not made, and the first keeps its payload'({ backend }) {
    for (const data of ['first', 'second', 'third']) await backend.claimOrEnqueue('t', data, SINGLE_FLIGHT)
    assert.deepEqual(await counts(backend), { pending: 1, active: 1 })
    assert.equal((await backend.findOne({ status: 'pending' })).data, 'second')
  },

  async 'the follower takes the latest payload where that is asked for'({ backend }) {
    for (const data of ['first', 'second', 'third']) {
      await backend.claimOrEnqueue('t', data, { ...SINGLE_FLIGHT, coalesce: 'latest' })
    }
    assert.equal((await backend.findOne({ status: 'active' })).data, 'first')
    assert.equal((await backend.findOne({ status: 'pending' })).data, 'third')
  },

  async 'a pending job of the key is left to processors'({ backend }) {
    const id = await backend.enqueue('t', 'waiting', SINGLE_FLIGHT)
    assert.equal(await backend.claimOrEnqueue('t', 'mine', SINGLE_FLIGHT), null)
    assert.deepEqual(await counts(backend), { pending: 1, active: 0 })
    assert.equal((await backend.findOne({ id })).data, 'waiting')
  },

  async 'of many callers at once one runs, and one job waits'({ backend }) {
    const calls = Array.from({ length: 20 }, (_, n) => backend.claimOrEnqueue('t', n, SINGLE_FLIGHT))
    const claims = (await Promise.all(calls)).filter((job) => job !== null)
    assert.equal(claims.length, 1)
    assert.deepEqual(await counts(backend), { pending: 1, active: 1 })
  },

  async 'of many callers at once under an exclusive key one runs'({ backend }) {
    const calls = Array.from({ length: 20 }, (_, n) => backend.claimOrEnqueue('t', n, EXCLUSIVE))
    assert.equal((await Promise.all(calls)).filter((job) => job !== null).length, 1)
    assert.deepEqual(await counts(backend), { pending: 0, active: 1 })
  },

  async 'a handle settles its job'({ makeQueue, stored }) {
    const queue = makeQueue()
    const ends = {
      completed: (handle) => handle.complete(),
      failed: (handle) => handle.failFatal('no'),
      pending: (handle) => handle.release(),
    }
    const lines = { failed: ['a line', 'Fatal: no'] }
    for (const [status, end] of Object.entries(ends)) {
      const handle = await queue.claimOrEnqueue('t', status)
      assert.equal(handle.status, 'active')
      assert.equal(await handle.heartbeat(), 'applied')
      await handle.log('a line')
      await end(handle)
      const job = await stored(handle.id)
      const logged = job.logs.map(({ message }) => message)
      assert.deepEqual([job.status, logged], [status, lines[status] ?? ['a line']])
    }
  },
}
