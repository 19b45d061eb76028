import assert from 'node:assert/strict'
import { deferred } from '../../support/async.mjs'
import { EXCLUSIVE, SINGLE_FLIGHT } from '../support.mjs'

/** Runs a function in a transaction on a session of the backend's. */
async function inTransaction(backend, work) {
  const session = await backend.transactions.startSession('any')
  try {
    return await session.withTransaction(() => work(session))
  } finally {
    await session.endSession()
  }
}

export default {
  async 'a job that is enqueued in a transaction is one like any other'({ backend }) {
    const options = { priority: 2, maxAttempts: 5, backoff: 'fixed', ...SINGLE_FLIGHT }
    const id = await inTransaction(backend, (session) =>
      backend.enqueue('t', { n: 1 }, { ...options, session }),
    )
    const job = await backend.claimNext('t')
    assert.deepEqual([job.id, job.data, job.priority, job.maxAttempts], [id, { n: 1 }, 2, 5])
    assert.deepEqual([job.dedupeKey, job.dedupeScope, job.attempt], ['k', 'pending', 1])
  },

  async 'a held key gives null in a transaction as well'({ backend }) {
    for (const key of [EXCLUSIVE, { ...SINGLE_FLIGHT, dedupeKey: 'other' }]) {
      const outcomes = await inTransaction(backend, async (session) => [
        await backend.enqueue('t', 1, { ...key, session }),
        await backend.enqueue('t', 2, { ...key, session }),
      ])
      assert.deepEqual([typeof outcomes[0], outcomes[1]], ['string', null])
    }
  },

  async 'many jobs are enqueued in a transaction as one by one'({ backend }) {
    const many = [
      { type: 't', data: 1, options: EXCLUSIVE },
      { type: 't', data: 2, options: EXCLUSIVE },
    ]
    const results = await inTransaction(backend, (session) => backend.enqueueMany(many, { session }))
    assert.deepEqual(
      results.map(({ status }) => status),
      ['created', 'duplicate'],
    )
    assert.equal((await backend.findOne({ id: results[0].id })).data, 1)
  },

  async 'a claim is completed in a transaction, while it is held'({ backend, stored }) {
    await backend.enqueue('t', {})
    const { id, claimToken } = await backend.claimNext('t')
    const complete = (token) => inTransaction(backend, (session) => backend.complete(id, token, { session }))
    assert.deepEqual(await complete('wrong'), { status: 'lease-lost' })
    assert.equal((await stored(id)).status, 'active')
    assert.deepEqual(await backend.transactions.readBack(id, claimToken), { status: 'lease-lost' })
    assert.deepEqual(await complete(claimToken), { status: 'completed' })
    assert.equal((await stored(id)).status, 'completed')
    assert.deepEqual(await complete(claimToken), { status: 'already-terminal', terminalStatus: 'completed' })
    assert.deepEqual(await backend.transactions.readBack(id, claimToken), { status: 'completed' })
    const nobody = await inTransaction(backend, (session) => backend.complete('nobody', 'token', { session }))
    assert.deepEqual(nobody, { status: 'not-found' })
  },

  async 'a session without a transaction is refused'({ backend, makeQueue }) {
    const session = await backend.transactions.startSession('any')
    const refusal = { name: 'RangeError', code: 'ERR_DURABL_INVALID_ARGUMENT' }
    for (const target of [backend, makeQueue()])
      await assert.rejects(target.enqueue('t', 1, { session }), refusal)
    await assert.rejects(backend.complete('id', 'token', { session }), refusal)
    await session.endSession()
    await assert.rejects(backend.enqueue('t', 1, { session }), refusal)
    assert.equal((await backend.getStats()).pending, 0)
  },

  async 'a handler’s transaction completes its job with its return, and with a throw it does not'({
    makeQueue,
    whenJob,
  }) {
    const events = []
    const queue = makeQueue({ onJobEvent: ({ kind }) => events.push(kind) })
    const seen = deferred()
    queue.process('t', async (job, ctx) => {
      await assert.rejects(
        ctx.transaction(async () => {
          throw new Error('not yet')
        }),
        /not yet/,
      )
      const result = await ctx.transaction(async () => 'done')
      seen.resolve([result, await ctx.complete(), await ctx.heartbeat()])
    })
    const id = await queue.enqueue('t', {})
    assert.deepEqual(await seen.promise, ['done', { status: 'completed' }, 'lease-lost'])
    const job = await whenJob(id, 'completed')
    assert.equal(job.attempt, 1)
    await queue.shutdown()
    assert.deepEqual(events, ['claimed', 'completed'])
  },
}
