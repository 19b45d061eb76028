import assert from 'node:assert/strict'

export default {
  async 'a new job is pending, under the id that enqueue gave'({ backend }) {
    const id = await backend.enqueue('t', { a: 1 })
    assert.equal(typeof id, 'string')
    const job = await backend.findOne({ id })
    assert.equal(job.id, id)
    assert.equal(job.status, 'pending')
  },

  async 'a new job has the defaults, and nothing of a claim'({ backend, stored }) {
    const before = Date.now()
    const job = await stored(await backend.enqueue('t', 1))
    assert.deepEqual(
      [job.type, job.data, job.attempt, job.maxAttempts, job.priority, job.logs],
      ['t', 1, 0, 3, 0, []],
    )
    for (const field of ['createdAt', 'runAt']) {
      assert.ok(Math.abs(job[field].getTime() - before) < 60_000, `${field} is now`)
    }
    for (const field of [
      'dedupeKey',
      'dedupeScope',
      'claimedAt',
      'claimToken',
      'completedAt',
      'failedAt',
      'failReason',
    ]) {
      assert.equal(job[field], undefined, field)
    }
  },

  async 'options are stored with the job'({ backend }) {
    const options = { priority: -5, maxAttempts: 7, dedupeKey: 'k', dedupeScope: 'pending' }
    const job = await backend.findOne({ id: await backend.enqueue('t', {}, options) })
    const { priority, maxAttempts, dedupeKey, dedupeScope } = job
    assert.deepEqual({ priority, maxAttempts, dedupeKey, dedupeScope }, options)
  },

  async 'a key without a scope is exclusive'({ backend }) {
    const job = await backend.findOne({ id: await backend.enqueue('t', {}, { dedupeKey: 'k' }) })
    assert.equal(job.dedupeScope, 'pending+active')
  },

  async 'a scope without a key is no scope'({ backend }) {
    const job = await backend.findOne({ id: await backend.enqueue('t', {}, { dedupeScope: 'pending' }) })
    assert.equal(job.dedupeScope, undefined)
    assert.notEqual(await backend.enqueue('t', {}, { dedupeScope: 'pending' }), null)
  },

  async 'a payload comes back as it was'({ backend }) {
    const data = {
      text: 'naïve 🙂 \u0000 text',
      numbers: [0, -1, 1.5, 2 ** 40],
      when: new Date(1_700_000_000_123),
      nothing: null,
      yes: true,
      nested: { deep: [{ er: { still: [] } }], empty: {} },
    }
    const job = await backend.findOne({ id: await backend.enqueue('t', data) })
    assert.deepEqual(job.data, data)
  },

  async 'a payload need not be an object'({ backend }) {
    for (const data of ['text', '', 0, 1.5, false, null, [1, [2]], new Date(5)]) {
      const id = await backend.enqueue('t', data)
      assert.deepEqual((await backend.findOne({ id })).data, data)
    }
  },

  async 'a payload with names that mean something to the database is kept'({ backend }) {
    const data = { $set: { a: '$b' }, 'dotted.name': 1, _id: 'x', status: 'completed' }
    const job = await backend.findOne({ id: await backend.enqueue('t', data) })
    assert.deepEqual(job.data, data)
    assert.equal(job.status, 'pending')
  },

  async 'a delayed job is due when its delay is over'({ backend }) {
    const job = await backend.findOne({ id: await backend.enqueue('t', {}, { delay: 60_000 }) })
    const delay = job.runAt.getTime() - job.createdAt.getTime()
    // Never early; a little late, as far as the server's clock is known only that well.
    assert.ok(delay >= 60_000 && delay < 65_000, `after ${delay} ms`)
  },

  async 'jobs that are enqueued at once are all stored'({ backend }) {
    const ids = await Promise.all(Array.from({ length: 50 }, (_, n) => backend.enqueue('t', n)))
    assert.equal(new Set(ids).size, 50)
    assert.equal((await backend.getStats('t')).pending, 50)
  },

  async 'a malformed job is refused and not stored'({ backend }) {
    const isRefusal = { code: 'ERR_DURABL_INVALID_ARGUMENT' }
    await assert.rejects(async () => backend.enqueue('', {}), isRefusal)
    await assert.rejects(async () => backend.enqueue('t', {}, { delay: -1 }), isRefusal)
    await assert.rejects(async () => backend.claimOrEnqueue('t', {}, { dedupeKey: {} }), isRefusal)
    await assert.rejects(async () => backend.enqueue('t', { f() {} }), {
      code: 'ERR_DURABL_PAYLOAD_NOT_ENCODABLE',
    })
    assert.equal((await backend.getStats()).pending, 0)
  },
}
