/**
 * Transactions whose commands fail, or whose replies are lost. On a server of the test's own: its fail points are for one test at a
 * time.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import * as mongodb7 from 'mongodb'
import { findMongod } from '../../../scripts/mongod/find.mjs'
import { startReplicaSet } from '../../../scripts/mongod/replica-set.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { DRIVERS, app } from '../../support/app.mjs'
import { letPass } from '../../support/time.mjs'

const EXCLUSIVE = { dedupeKey: 'k' }
const MAX_TIME_EXPIRED = 50

let set
let admin
before(async () => {
  set = await startReplicaSet(await findMongod(() => {}), { testCommands: true })
  admin = await mongodb7.MongoClient.connect(set.url)
})
after(async () => {
  await admin.close()
  await set.stop()
})

/** The next of these commands of the test's app fail so; of the engine, none does. */
async function failNext(t, data, times = 1) {
  const point = { configureFailPoint: 'failCommand', mode: { times }, data }
  await admin.db('admin').command(point)
  atEnd(t, () => admin.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' }))
}

/** Commands of transactions are those with `autocommit`; fail points can't tell. So: commands that the engine doesn't send. */
const COMMIT = { failCommands: ['commitTransaction'] }

for (const [version, driver] of Object.entries(DRIVERS)) {
  const start = (t, options) => app(t, { driver, url: set.url, ...options })

  describe(`a transaction that makes a job (${version})`, () => {
    for (const [failure, data] of [
      ['a transient error', { errorCode: 251, errorLabels: ['TransientTransactionError'] }],
      ['a broken connection', { closeConnection: true }],
    ]) {
      test(`begins again after ${failure}, and makes it once`, async (t) => {
        for (const [key, command] of [
          [{}, 'insert'],
          [EXCLUSIVE, 'update'],
        ]) {
          const env = await start(t)
          let begun = 0
          const id = await env.inTransaction(async (session) => {
            begun += 1
            await env.things.findOne({}, { session })
            if (begun === 1) await failNext(t, { failCommands: [command], ...data })
            return env.queue.enqueue('work', {}, { session, ...key })
          })
          assert.equal(begun, 2)
          assert.deepEqual(await env.jobs.distinct('_id'), [id])
        }
      })
    }

    test('begins again after a commit that failed, and makes it once', async (t) => {
      const env = await start(t)
      await failNext(t, { ...COMMIT, errorCode: 251, errorLabels: ['TransientTransactionError'] })
      const ids = []
      await env.inTransaction(async (session) => {
        ids.push(await env.queue.enqueue('work', {}, { session, ...EXCLUSIVE }))
      })
      assert.equal(ids.length, 2)
      assert.deepEqual(await env.jobs.distinct('_id'), [ids[1]])
    })

    test('makes it once where the reply to the commit was lost', async (t) => {
      const env = await start(t)
      await failNext(t, { ...COMMIT, closeConnection: true })
      const id = await env.inTransaction((session) => env.queue.enqueue('work', {}, { session }))
      assert.deepEqual(await env.jobs.distinct('_id'), [id])
    })
  })

  test(`a handle whose owner sends the commit again, as no reply came, is reported as completed (${version})`, async (t) => {
    const { queue, db, stored, log } = await start(t)
    const handle = await queue.claimOrEnqueue('work', {})
    const session = db.client.startSession()
    atEnd(t, () => session.endSession())
    session.startTransaction()
    await handle.complete({ session })
    // The driver sends it twice itself.
    await failNext(t, { ...COMMIT, closeConnection: true }, 2)
    await assert.rejects(session.commitTransaction(), (error) =>
      error.hasErrorLabel('UnknownTransactionCommitResult'),
    )
    // The session says that it has committed.
    await letPass(300, 'that is seen and looked up, in vain')
    assert.equal((await stored(handle.id)).status, 'active')
    await session.commitTransaction()
    await log.next('completed')
    assert.deepEqual(log.kinds(), ['claimed', 'completed'])
  })

  describe(`a transaction of a handler (${version})`, () => {
    /** Runs a job whose handler books its attempt in a transaction; what became of both, and what ctx.transaction came to. */
    async function book(t, fail, options) {
      const env = await start(t, options)
      const outcomes = []
      let begun = 0
      env.queue.process(
        'work',
        async (job, ctx) => {
          const done = ctx.transaction(async (session) => {
            begun += 1
            await env.things.insertOne({ _id: job.attempt }, { session })
            if (begun === 1) await fail(env)
            return 'booked'
          })
          outcomes.push(await done.catch((error) => error))
          if (outcomes.at(-1) !== 'booked') throw outcomes.at(-1)
        },
        { pollInterval: 100 },
      )
      const id = await env.queue.enqueue('work', {}, { backoffDelay: 1, backoffMaxDelay: 1 })
      const job = await pollUntil('the job has ended', async () => {
        const stored = await env.stored(id)
        return stored.status === 'completed' && stored
      })
      await env.log.next('completed')
      await env.queue.shutdown()
      return { ...env, begun, outcomes, job, booked: await env.things.distinct('_id') }
    }

    for (const [times, attempt] of [
      [1, 1],
      [2, 2],
    ]) {
      test(`keeps a short lease where the connection breaks ${times} times as the server’s limit is asked for`, async (t) => {
        await admin.db('admin').command({ setParameter: 1, transactionLifetimeLimitSeconds: 2 })
        atEnd(t, () => admin.db('admin').command({ setParameter: 1, transactionLifetimeLimitSeconds: 60 }))
        await failNext(t, { failCommands: ['getParameter'], closeConnection: true }, times)
        const { job, booked } = await book(t, () => {}, { queue: { visibilityTimeoutMs: 5000 } })
        assert.deepEqual([job.attempt, booked], [attempt, [attempt]], job.failReason)
      })
    }

    test('keeps its lease for as long as the function has sent nothing, however long that is', async (t) => {
      await admin.db('admin').command({ setParameter: 1, transactionLifetimeLimitSeconds: 2 })
      atEnd(t, () => admin.db('admin').command({ setParameter: 1, transactionLifetimeLimitSeconds: 60 }))
      const { queue, stored, things, log } = await start(t, { queue: { visibilityTimeoutMs: 5000 } })
      queue.process('work', (job, ctx) =>
        ctx.transaction(async (session) => {
          await letPass(5000, 'longer than its lease, which is 3.2 seconds here')
          await things.insertOne({ _id: job.attempt }, { session })
        }),
      )
      const id = await queue.enqueue('work', {})
      const { jobId } = await log.next('completed')
      assert.equal(jobId, id)
      assert.equal((await stored(id)).attempt, 1)
      assert.deepEqual(log.kinds(), ['claimed', 'completed'])
      assert.deepEqual(await things.distinct('_id'), [1])
    })

    test('begins again after a transient error of the completion', async (t) => {
      const { begun, outcomes, booked, log } = await book(t, () =>
        // The engine is sending none: its one run's renewals are suspended.
        failNext(t, { failCommands: ['update'], errorCode: 251, errorLabels: ['TransientTransactionError'] }),
      )
      assert.deepEqual([begun, outcomes, booked], [2, ['booked'], [1]])
      assert.deepEqual(log.kinds(), ['claimed', 'completed'])
    })

    test('begins again after a commit that failed', async (t) => {
      const { begun, outcomes, booked, log } = await book(t, () =>
        failNext(t, { ...COMMIT, errorCode: 251, errorLabels: ['TransientTransactionError'] }),
      )
      assert.deepEqual([begun, outcomes, booked], [2, ['booked'], [1]])
      assert.deepEqual(log.kinds(), ['claimed', 'completed'])
    })

    for (const wrap of [undefined, (backend) => new Proxy(backend, {})]) {
      const by = wrap === undefined ? 'the engine' : 'plain JavaScript'

      test(`that was committed, though the reply was lost, is found to be committed (${by})`, async (t) => {
        const unconfirmed = { code: MAX_TIME_EXPIRED, codeName: 'MaxTimeMSExpired', errmsg: 'too late' }
        const { begun, outcomes, booked, job, log } = await book(
          t,
          () => failNext(t, { ...COMMIT, writeConcernError: unconfirmed }),
          { wrap },
        )
        assert.deepEqual([begun, outcomes, booked, job.attempt], [1, ['booked'], [1], 1])
        assert.deepEqual(log.kinds(), ['claimed', 'completed'])
      })

      test(`that was not committed, and the reply was lost, is given up at once, not when it expires (${by})`, async (t) => {
        const from = performance.now()
        const { begun, outcomes, booked, job, log } = await book(
          t,
          () => failNext(t, { ...COMMIT, errorCode: MAX_TIME_EXPIRED }),
          { wrap },
        )
        assert.equal(begun, 2)
        assert.ok(outcomes[0].hasErrorLabel('UnknownTransactionCommitResult'))
        assert.deepEqual([outcomes[1], booked, job.attempt], ['booked', [2], 2])
        assert.deepEqual(log.kinds().sort(), ['claimed', 'claimed', 'completed', 'failed'])
        // The server lets it live for a minute.
        assert.ok(performance.now() - from < 30_000)
      })
    }
  })
}
