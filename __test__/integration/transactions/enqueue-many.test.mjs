/** Many jobs in one transaction: together, or none of them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { SILENT } from '../../support/jobs.mjs'
import { DRIVERS, app } from '../../support/app.mjs'

class Undo extends Error {}

const FOLLOWER = { dedupeKey: 'f', dedupeScope: 'pending' }
const jobsOf = (count, options) =>
  Array.from({ length: count }, (_, n) => ({ type: 'work', data: { n }, options }))

for (const [version, driver] of Object.entries(DRIVERS)) {
  describe(`enqueueMany in a transaction (${version})`, { concurrency: 4 }, () => {
    test('makes all with the commit, in their order, and none after an abort', async (t) => {
      const { queue, inTransaction, jobs } = await app(t, { driver })
      const many = jobsOf(2500)
      const undone = inTransaction(async (session) => {
        await queue.enqueueMany(many, { session })
        throw new Undo()
      })
      await assert.rejects(undone, Undo)
      assert.equal(await jobs.countDocuments(), 0)
      const results = await inTransaction(async (session) => {
        const made = await queue.enqueueMany(many, { session })
        assert.equal(await jobs.countDocuments(), 0)
        return made
      })
      assert.deepEqual(new Set(results.map(({ status }) => status)), new Set(['created']))
      const stored = await jobs.find().sort({ $natural: 1 }).toArray()
      assert.deepEqual(
        stored.map(({ _id, data }) => [_id, data.n]),
        results.map(({ id }, n) => [id, n]),
      )
    })

    test('says of each what became of it', async (t) => {
      const { queue, inTransaction, jobs } = await app(t, { driver })
      await queue.enqueue('work', { held: true }, { dedupeKey: 'held' })
      const results = await inTransaction((session) =>
        queue.enqueueMany(
          [
            { type: 'work', data: 0 },
            { type: 'work', data: 1, options: { dedupeKey: 'held' } },
            { type: 'work', data: 2, options: { dedupeKey: 'free' } },
            { type: 'other', data: 3, options: { dedupeKey: 'free' } },
            { type: 'work', data: 4, options: FOLLOWER },
            { type: 'work', data: 5, options: { ...FOLLOWER, coalesce: 'latest' } },
            { type: 'work', data: 6 },
          ],
          { session },
        ),
      )
      assert.deepEqual(
        results.map(({ status }) => status),
        ['created', 'duplicate', 'created', 'duplicate', 'created', 'duplicate', 'created'],
      )
      const made = await jobs.find({ 'data.held': { $ne: true } }).toArray()
      assert.deepEqual(
        new Map(made.map(({ _id, data }) => [_id, data])),
        new Map([
          [results[0].id, 0],
          [results[2].id, 2],
          [results[4].id, 5],
          [results[6].id, 6],
        ]),
      )
    })

    test('rethrows the driver’s error, and makes nothing', async (t) => {
      const { queue, session: open, jobs } = await app(t, { driver })
      const [one, other] = [open(), open()]
      for (const session of [one, other]) session.startTransaction()
      await queue.enqueue('work', {}, { session: one, dedupeKey: 'k' })
      const many = [
        { type: 'work', data: 1 },
        { type: 'work', data: 2, options: { dedupeKey: 'k' } },
      ]
      await assert.rejects(queue.enqueueMany(many, { session: other }), (error) =>
        error.hasErrorLabel('TransientTransactionError'),
      )
      await one.commitTransaction()
      assert.equal(await jobs.countDocuments(), 1)
    })
  })
}

test('a session of a single job is refused, with its place', async (t) => {
  const { queue, backend, session: open } = await app(t)
  const session = open()
  session.startTransaction()
  const many = [...jobsOf(1), ...jobsOf(1, { session })]
  for (const target of [queue, backend, new DummyBackend()]) {
    await assert.rejects(target.enqueueMany(many), {
      ...{
        name: 'TypeError',
        message: /enqueueMany: jobs\[1\]: option "session".*enqueueMany\(jobs, \{ session \}\)/,
      },
    })
    await assert.rejects(target.enqueueMany(jobsOf(1), { session: {} }), TypeError)
    await assert.rejects(target.enqueueMany(jobsOf(1), { sesion: session }), /did you mean "session"/)
  }
  await assert.rejects(backend.claimOrEnqueue('work', {}, { session }), TypeError)
})

test('a backend without enqueueMany gets one job after the other, each with the session', async () => {
  const session = { inTransaction: () => true, endSession: async () => {} }
  const backend = new DummyBackend()
  backend.enqueueMany = undefined
  const queue = new JobQueue(backend, SILENT)
  const results = await queue.enqueueMany(jobsOf(2), { session })
  assert.deepEqual(
    results.map(({ status }) => status),
    ['created', 'created'],
  )
  assert.deepEqual(
    backend.jobs.map((job) => job.session === session),
    [true, true],
  )
  const failing = new Error('as it is')
  backend.enqueue = async () => {
    throw failing
  }
  await assert.rejects(queue.enqueueMany(jobsOf(2), { session }), (error) => error === failing)
})
