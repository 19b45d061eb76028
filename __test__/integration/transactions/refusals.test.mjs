/** A call that can't work is refused before anything is written, and the error says why. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DummyBackend, JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'
import * as mongodb6 from 'mongodb6'
import { SILENT } from '../../support/jobs.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { deferred } from '../../support/async.mjs'
import { LegacyBackend } from '../../support/legacy-backend.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { testUrl } from '../../support/mongo.mjs'
import { standalone } from '../../support/servers.mjs'
import { app } from '../../support/app.mjs'

const INVALID = 'ERR_DURABL_INVALID_ARGUMENT'

/** A session of this client with a transaction in progress; it ends with the test. */
function openSession(t, client) {
  const session = client.startSession()
  atEnd(t, () => session.endSession())
  session.startTransaction()
  return session
}

/** The result of a handler's call. */
async function inHandler(queue, call) {
  const outcome = deferred()
  queue.process('work', async (job, ctx) => {
    await call(ctx, job).then(outcome.resolve, outcome.resolve)
  })
  await queue.enqueue('work', {})
  return outcome.promise
}

describe('a session is refused', { concurrency: 4 }, () => {
  test('if it is none', async (t) => {
    const { queue, backend, client, jobs } = await app(t)
    for (const session of [true, 'session', {}, [], client, null, { inTransaction: true }]) {
      const refusal = {
        name: 'TypeError',
        code: INVALID,
        message: /option "session" must be a ClientSession/,
      }
      await assert.rejects(queue.enqueue('work', {}, { session }), refusal)
      await assert.rejects(backend.enqueue('work', {}, { session }), refusal)
      if (session !== null) await assert.rejects(backend.complete('id', 'token', { session }), refusal)
    }
    assert.equal(await jobs.countDocuments(), 0)
  })

  test('without credentials or anything else of it in the message', async (t) => {
    const { queue } = await app(t)
    const refused = queue.enqueue('work', {}, { session: { client: { password: 'secret' } } })
    await assert.rejects(refused, (error) => !error.message.includes('secret'))
  })

  test('once it has ended, and without a transaction in progress', async (t) => {
    const { queue, client, session: open } = await app(t)
    const ended = client.startSession()
    await ended.endSession()
    await assert.rejects(queue.enqueue('work', {}, { session: ended }), {
      ...{ name: 'RangeError', code: INVALID, message: /this one has ended/ },
    })
    const idle = open()
    const refusal = { name: 'RangeError', code: INVALID, message: /must have a transaction in progress/ }
    await assert.rejects(queue.enqueue('work', {}, { session: idle }), refusal)
    idle.startTransaction()
    await queue.enqueue('work', {}, { session: idle })
    await idle.commitTransaction()
    await assert.rejects(queue.enqueue('work', {}, { session: idle }), refusal)
    const handle = await queue.claimOrEnqueue('other', {})
    await assert.rejects(handle.complete({ session: idle }), refusal)
    assert.deepEqual(await handle.complete(), { status: 'completed' })
  })

  test('of another client, also of the other version of the driver', async (t) => {
    const { queue, backend, jobs } = await app(t)
    for (const { MongoClient: Client } of [{ MongoClient }, mongodb6]) {
      const other = await Client.connect(testUrl())
      atEnd(t, () => other.close())
      const session = openSession(t, other)
      const refusal = { name: 'TypeError', code: INVALID, message: /one of another client/ }
      await assert.rejects(queue.enqueue('work', {}, { session }), refusal)
      await assert.rejects(backend.complete('id', 'token', { session }), refusal)
    }
    assert.equal(await jobs.countDocuments(), 0)
  })

  test('by claimOrEnqueue, on every backend', async (t) => {
    const { queue, backend, client, jobs } = await app(t)
    const session = openSession(t, client)
    const dummy = new DummyBackend()
    for (const target of [queue, backend, dummy, new JobQueue(dummy)]) {
      await assert.rejects(target.claimOrEnqueue('work', {}, { session }), {
        ...{ name: 'TypeError', code: INVALID, message: /a claim cannot be rolled back/ },
      })
    }
    assert.equal(await jobs.countDocuments(), 0)
    assert.equal(dummy.jobs.length, 0)
  })

  test('by a backend that was made with a connection string', async (t) => {
    const { client, db } = await app(t)
    const backend = new MongoJobQueue({ uri: testUrl(), database: db.databaseName, logger: SILENT })
    const queue = new JobQueue(backend, SILENT)
    atEnd(t, () => queue.shutdown(0))
    await queue.startup()
    const session = openSession(t, client)
    const refusal = {
      code: 'ERR_DURABL_UNSUPPORTED',
      message: /made with \{ uri \} has no client.*make it with \{ db \}/,
    }
    await assert.rejects(queue.enqueue('work', {}, { session }), refusal)
    const handle = await queue.claimOrEnqueue('other', {})
    await assert.rejects(handle.complete({ session }), refusal)
    const refused = await inHandler(queue, (ctx) => ctx.transaction(async () => {}))
    assert.equal(refused.code, 'ERR_DURABL_UNSUPPORTED')
    assert.match(refused.message, /\{ db \}/)
  })

  test('by a backend that knows nothing of sessions, instead of being dropped', async (t) => {
    const { client } = await app(t)
    const backend = new LegacyBackend()
    const queue = new JobQueue(backend, SILENT)
    atEnd(t, () => queue.shutdown(0))
    const session = openSession(t, client)
    await assert.rejects(queue.enqueue('work', {}, { session }), {
      ...{ code: 'ERR_DURABL_UNSUPPORTED', message: /this backend has no transactions/ },
    })
    assert.equal(backend.jobs.length, 0)
    for (const call of [(ctx) => ctx.transaction(async () => {}), (ctx) => ctx.session()]) {
      const legacy = new JobQueue(new LegacyBackend(), SILENT)
      atEnd(t, () => legacy.shutdown(0))
      assert.equal((await inHandler(legacy, call)).code, 'ERR_DURABL_UNSUPPORTED')
    }
  })

  test('by a handler’s ctx.complete, which names what to use', async (t) => {
    const { queue, client } = await app(t)
    const session = openSession(t, client)
    const refused = await inHandler(queue, (ctx) => ctx.complete({ session }))
    assert.equal(refused.code, 'ERR_DURABL_UNSUPPORTED')
    assert.match(refused.message, /ctx\.transaction/)
  })
})

test('a standalone server is told from one that is unreachable', async (t) => {
  const url = await standalone(t)
  for (const driver of [undefined, mongodb6]) {
    const { queue, client, jobs, inTransaction } = await app(t, { url, driver })
    const refusal = {
      name: 'ServerUnsupportedError',
      code: 'ERR_DURABL_NOT_A_REPLICA_SET',
      message: /standalone server, which has no transactions/,
    }
    await assert.rejects(
      inTransaction((session) => queue.enqueue('work', {}, { session })),
      refusal,
    )
    const handle = await queue.claimOrEnqueue('other', {})
    await assert.rejects(handle.complete({ session: openSession(t, client) }), refusal)
    let isCalled = false
    const refused = await inHandler(queue, (ctx) => ctx.transaction(async () => (isCalled = true)))
    assert.equal(refused.code, 'ERR_DURABL_NOT_A_REPLICA_SET')
    assert.equal(isCalled, false)
    assert.equal(await jobs.countDocuments({ status: 'pending' }), 0)
  }
})

test('a lease that could end in mid-transaction is refused, with the figures to change', async (t) => {
  for (const wrap of [undefined, (backend) => new Proxy(backend, {})]) {
    const { queue } = await app(t, { wrap, queue: { visibilityTimeoutMs: 60_000 } })
    let isCalled = false
    const refused = await inHandler(queue, (ctx) => ctx.transaction(async () => (isCalled = true)))
    assert.equal(refused.code, 'ERR_DURABL_UNSUPPORTED')
    assert.match(refused.message, /visibilityTimeoutMs is 60000: raise it to 101000 at least/)
    assert.match(refused.message, /transactionLifetimeLimitSeconds/)
    assert.equal(isCalled, false)
  }
})

test('a function that ends its transaction itself fails the attempt, and the job for good if that has committed', async (t) => {
  for (const [ending, status, booked] of [
    ['commitTransaction', 'failed', [1]],
    ['abortTransaction', 'completed', []],
  ]) {
    const { queue, things, stored } = await app(t)
    const errors = []
    queue.process('work', async (job, ctx) => {
      if (job.attempt > 1) return
      const done = ctx.transaction(async (session) => {
        await things.insertOne({ _id: job.attempt }, { session })
        await session[ending]()
      })
      await done.catch((error) => {
        errors.push(error)
        throw error
      })
    })
    const id = await queue.enqueue('work', {}, { backoffDelay: 1, backoffMaxDelay: 1 })
    await pollUntil(`the job is ${status}`, async () => (await stored(id)).status === status)
    assert.deepEqual(await things.distinct('_id'), booked)
    assert.match(errors[0].message, /ctx\.transaction: the function has ended the transaction itself/)
  }
})
