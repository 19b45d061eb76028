import assert from 'node:assert/strict'
import { letPass } from '../../support/time.mjs'

export default {
  async 'a claim of nothing is null'({ backend }) {
    assert.equal(await backend.claimNext('t'), null)
    assert.equal(await backend.claimNextByKey('t', 'k'), null)
  },

  async 'a claim takes only jobs of its type'({ backend }) {
    await backend.enqueue('other', {})
    assert.equal(await backend.claimNext('t'), null)
  },

  async 'a claim makes the job active, counts an attempt and gives a token'({ backend, tokenOf }) {
    const id = await backend.enqueue('t', { a: 1 })
    const job = await backend.claimNext('t')
    assert.deepEqual([job.id, job.type, job.data, job.status, job.attempt], [id, 't', { a: 1 }, 'active', 1])
    assert.ok(job.claimedAt instanceof Date)
    assert.ok(job.claimToken.length > 0)
    const stored = await backend.findOne({ id })
    assert.deepEqual([stored.status, stored.attempt], ['active', 1])
    assert.equal(await tokenOf(id), job.claimToken)
  },

  async 'a claimed job is not claimed again'({ backend }) {
    await backend.enqueue('t', {})
    await backend.claimNext('t')
    assert.equal(await backend.claimNext('t'), null)
  },

  async 'claims made at once never take one job twice'({ backend }) {
    await Promise.all(Array.from({ length: 10 }, (_, n) => backend.enqueue('t', n)))
    const claims = await Promise.all(Array.from({ length: 20 }, () => backend.claimNext('t')))
    const taken = claims.filter((job) => job !== null)
    assert.equal(taken.length, 10)
    assert.equal(new Set(taken.map((job) => job.id)).size, 10)
  },

  async 'each claim of a job has a token of its own'({ backend }) {
    await backend.enqueue('t', {})
    const first = await backend.claimNext('t')
    await backend.release(first.id, first.claimToken)
    const second = await backend.claimNext('t')
    assert.equal(second.id, first.id)
    assert.notEqual(second.claimToken, first.claimToken)
  },

  async 'the lower priority goes first'({ backend }) {
    for (const priority of [5, -1, 0, 10]) await backend.enqueue('t', priority, { priority })
    const order = []
    for (let n = 0; n < 4; n += 1) order.push((await backend.claimNext('t')).data)
    assert.deepEqual(order, [-1, 0, 5, 10])
  },

  async 'of equal priority, the job that was due first goes first'({ backend }) {
    for (const data of ['a', 'b', 'c']) {
      await backend.enqueue('t', data)
      await letPass(5, 'the next one is due later')
    }
    const order = []
    for (let n = 0; n < 3; n += 1) order.push((await backend.claimNext('t')).data)
    assert.deepEqual(order, ['a', 'b', 'c'])
  },

  async 'a delayed job is not claimed before its time'({ backend, until }) {
    await backend.enqueue('later', {}, { delay: 60_000 })
    assert.equal(await backend.claimNext('later'), null)
    await backend.enqueue('soon', {}, { delay: 150 })
    const job = await until('the job is due', () => backend.claimNext('soon'))
    assert.ok(job.claimedAt.getTime() >= job.runAt.getTime())
  },

  async 'a delayed job does not stand in the way of a due one'({ backend }) {
    await backend.enqueue('t', 'later', { delay: 60_000, priority: -1 })
    await backend.enqueue('t', 'now')
    assert.equal((await backend.claimNext('t')).data, 'now')
  },

  async 'a claim by key takes the job of that key'({ backend }) {
    await backend.enqueue('t', 'none')
    await backend.enqueue('t', 'a', { dedupeKey: 'a' })
    await backend.enqueue('t', 'b', { dedupeKey: 'b' })
    const job = await backend.claimNextByKey('t', 'b')
    assert.deepEqual([job.data, job.status, job.attempt], ['b', 'active', 1])
    assert.equal(await backend.claimNextByKey('t', 'b'), null)
  },

  async 'a claim by key takes no job of another type'({ backend }) {
    await backend.enqueue('other', {}, { dedupeKey: 'k' })
    assert.equal(await backend.claimNextByKey('t', 'k'), null)
  },

  async 'a claim by key takes the follower before an exclusive job of the same key'({ backend }) {
    await backend.enqueue('t', 'exclusive', { dedupeKey: 'k', priority: -1 })
    await backend.enqueue('t', 'follower', { dedupeKey: 'k', dedupeScope: 'pending' })
    assert.equal((await backend.claimNextByKey('t', 'k')).data, 'follower')
    assert.equal((await backend.claimNextByKey('t', 'k')).data, 'exclusive')
  },

  async 'a claimed job is a snapshot'({ backend }) {
    await backend.enqueue('t', {})
    const job = await backend.claimNext('t')
    await backend.complete(job.id, job.claimToken)
    assert.equal(job.status, 'active')
    assert.equal(job.completedAt, undefined)
  },
}
