import assert from 'node:assert/strict'
import { EXCLUSIVE } from '../support.mjs'

export default {
  async 'an exclusive key is held while its job is pending'({ backend }) {
    await backend.enqueue('t', 'first', EXCLUSIVE)
    assert.equal(await backend.enqueue('t', 'second', EXCLUSIVE), null)
    const stats = await backend.getStats()
    assert.equal(stats.pending, 1)
    assert.equal((await backend.findOne({ dedupeKey: 'k' })).data, 'first')
  },

  async 'an exclusive key is held while its job is active'({ backend }) {
    await backend.enqueue('t', {}, EXCLUSIVE)
    await backend.claimNext('t')
    assert.equal(await backend.enqueue('t', {}, EXCLUSIVE), null)
  },

  async 'an exclusive key is held while its job waits for a retry'({ backend }) {
    await backend.enqueue('t', {}, { ...EXCLUSIVE, backoffDelay: 60_000 })
    const job = await backend.claimNext('t')
    await backend.fail(job.id, 'no', job.claimToken)
    assert.equal(await backend.enqueue('t', {}, EXCLUSIVE), null)
  },

  async 'a key is free once its job has ended'({ backend }) {
    for (const end of ['complete', 'failFatal']) {
      const id = await backend.enqueue('t', {}, EXCLUSIVE)
      assert.notEqual(id, null, `before ${end}`)
      await (end === 'complete' ? backend.complete(id) : backend.failFatal(id, 'no'))
    }
    assert.notEqual(await backend.enqueue('t', {}, EXCLUSIVE), null)
  },

  async 'a key is held across types'({ backend }) {
    await backend.enqueue('t', {}, EXCLUSIVE)
    assert.equal(await backend.enqueue('other', {}, EXCLUSIVE), null)
  },

  async 'other keys, and jobs without one, are not concerned'({ backend }) {
    await backend.enqueue('t', {}, EXCLUSIVE)
    assert.notEqual(await backend.enqueue('t', {}, { dedupeKey: 'K' }), null)
    assert.notEqual(await backend.enqueue('t', {}), null)
    assert.notEqual(await backend.enqueue('t', {}), null)
  },

  async 'of many enqueues at once under one key, one makes a job'({ backend }) {
    const ids = await Promise.all(Array.from({ length: 20 }, (_, n) => backend.enqueue('t', n, EXCLUSIVE)))
    assert.equal(ids.filter((id) => id !== null).length, 1)
    assert.equal((await backend.getStats()).pending, 1)
  },

  async 'many keys in one burst each get their job'({ backend }) {
    const keys = Array.from({ length: 40 }, (_, n) => `key-${n % 20}`)
    const ids = await Promise.all(keys.map((dedupeKey) => backend.enqueue('t', {}, { dedupeKey })))
    assert.equal(ids.filter((id) => id !== null).length, 20)
    assert.equal((await backend.getStats()).pending, 20)
  },

  async 'an exclusive job is outstanding until it has ended'({ backend }) {
    assert.equal(await backend.hasOutstanding('t', 'k'), false)
    await backend.enqueue('t', {}, EXCLUSIVE)
    assert.equal(await backend.hasOutstanding('t', 'k'), true)
    const job = await backend.claimNext('t')
    assert.equal(await backend.hasOutstanding('t', 'k'), true)
    assert.equal(await backend.hasOutstanding('other', 'k'), false)
    assert.equal(await backend.hasOutstanding('t', 'other'), false)
    await backend.complete(job.id, job.claimToken)
    assert.equal(await backend.hasOutstanding('t', 'k'), false)
  },
}
