/** Steps in transactions whose commands fail, or whose replies are lost. On a server of the test's own, for its fail points. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MongoClient } from 'mongodb'
import { Orchestrator } from 'durabl'
import { findMongod } from '../../../scripts/mongod/find.mjs'
import { startReplicaSet } from '../../../scripts/mongod/replica-set.mjs'
import { WAYS, app } from '../../support/app.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { SILENT } from '../../support/jobs.mjs'
import { pollUntil } from '../../support/wait.mjs'

const MAX_TIME_EXPIRED = 50
const COMMIT = { failCommands: ['commitTransaction'] }

let set
let admin
before(async () => {
  set = await startReplicaSet(await findMongod(() => {}), { testCommands: true })
  admin = await MongoClient.connect(set.url)
})
after(async () => {
  await admin.close()
  await set.stop()
})

async function failNext(t, data, times = 1) {
  await admin.db('admin').command({ configureFailPoint: 'failCommand', mode: { times }, data })
  atEnd(t, () => admin.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' }))
}

for (const [way, options] of Object.entries(WAYS)) {
  describe(`a transactional step, driven ${way},`, () => {
    /** One job with one such step, which fails as `fail` says in its first call. */
    async function book(t, fail) {
      const env = await app(t, { ...options, url: set.url })
      const outcomes = []
      let begun = 0
      new Orchestrator(env.queue, SILENT).define('work', async (job, octx) => {
        const done = octx.transaction('book', async (session) => {
          begun += 1
          const call = begun
          await env.things.insertOne({ _id: call }, { session })
          if (call === 1) await fail()
          return call
        })
        outcomes.push(await done.catch((error) => error))
        if (outcomes.at(-1) instanceof Error) throw outcomes.at(-1)
        await octx.step('after', () => outcomes.at(-1))
      })
      const id = await env.queue.enqueue('work', {}, { backoffDelay: 1, backoffMaxDelay: 1 })
      const job = await pollUntil('the job has ended', async () => {
        const stored = await env.stored(id)
        return ['completed', 'failed'].includes(stored.status) && stored
      })
      assert.equal(job.status, 'completed', job.failReason)
      const booked = await env.things.distinct('_id')
      // After each fault, the document written and the step recorded are the same, once.
      assert.deepEqual(
        job.steps.map(({ result }) => result),
        [...booked, ...booked],
      )
      assert.equal(booked.length, 1)
      return { outcomes, booked, attempt: job.attempt }
    }

    test('begins again after a transient error of its record', async (t) => {
      const data = { failCommands: ['update'], errorCode: 251, errorLabels: ['TransientTransactionError'] }
      assert.deepEqual(await book(t, () => failNext(t, data)), { outcomes: [2], booked: [2], attempt: 1 })
    })

    test('begins again after a commit that failed', async (t) => {
      const data = { ...COMMIT, errorCode: 251, errorLabels: ['TransientTransactionError'] }
      assert.deepEqual(await book(t, () => failNext(t, data)), { outcomes: [2], booked: [2], attempt: 1 })
    })

    test('is answered once the reply of its commit was lost, and the driver has asked again', async (t) => {
      const data = { ...COMMIT, closeConnection: true }
      assert.deepEqual(await book(t, () => failNext(t, data)), { outcomes: [1], booked: [1], attempt: 1 })
    })

    test('that was committed, though the reply was lost, is found in the journal', async (t) => {
      const unconfirmed = { code: MAX_TIME_EXPIRED, codeName: 'MaxTimeMSExpired', errmsg: 'too late' }
      assert.deepEqual(await book(t, () => failNext(t, { ...COMMIT, writeConcernError: unconfirmed })), {
        outcomes: [1],
        booked: [1],
        attempt: 1,
      })
    })

    test('that was not committed, and the reply was lost, is given up and done by the next attempt', async (t) => {
      const { outcomes, booked, attempt } = await book(t, () =>
        failNext(t, { ...COMMIT, errorCode: MAX_TIME_EXPIRED }),
      )
      assert.ok(outcomes[0].hasErrorLabel('UnknownTransactionCommitResult'))
      assert.deepEqual([outcomes[1], booked, attempt], [2, [2], 2])
    })
  })
}
