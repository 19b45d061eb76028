import assert from 'node:assert/strict'
import test from 'node:test'
import { EnqueueManyError, JobQueue, MongoJobQueue } from 'durabl'
import { atEnd } from '../../support/cleanup.mjs'
import { connect } from '../../support/mongo.mjs'

async function started(t) {
  const { db } = await connect(t)
  const backend = new MongoJobQueue({ db })
  atEnd(t, () => backend.shutdown(5000))
  await backend.startup()
  return { db, backend, queue: new JobQueue(backend) }
}

test('ten thousand jobs are created in order, in a few inserts', async (t) => {
  const { db, queue } = await started(t)
  await db.command({ profile: 2 })
  const jobs = Array.from({ length: 10_000 }, (_, data) => ({ type: 't', data }))
  const results = await queue.enqueueMany(jobs)
  await db.command({ profile: 0 })
  const inserts = await db
    .collection('system.profile')
    .find({ op: 'insert', ns: /\.jobs$/ })
    .toArray()
  assert.ok(inserts.length >= 10 && inserts.length <= 15, `${inserts.length} inserts`)
  const stored = await db
    .collection('jobs')
    .find({}, { sort: { $natural: 1 } })
    .toArray()
  assert.deepEqual(
    stored.map(({ _id, data }) => [_id, data]),
    results.map(({ id }, data) => [id, data]),
  )
})

test('large jobs are spread over as many inserts as they need', async (t) => {
  const { db, backend } = await started(t)
  const data = 'x'.repeat(3 * 1024 * 1024)
  const results = await backend.enqueueMany(Array.from({ length: 12 }, () => ({ type: 't', data })))
  assert.ok(results.every(({ status }) => status === 'created'))
  assert.equal(await db.collection('jobs').countDocuments({}), 12)
})

test('when the server refuses some jobs, the error says what became of each', async (t) => {
  const { db, queue } = await started(t)
  await db.command({ collMod: 'jobs', validator: { 'data.bad': { $exists: false } } })
  await queue.enqueue('t', {}, { dedupeKey: 'held' })
  const error = await queue
    .enqueueMany([
      { type: 't', data: { bad: 1 } },
      { type: 't', data: {} },
      { type: 't', data: {}, options: { dedupeKey: 'held' } },
      { type: 't', data: { bad: 2 } },
    ])
    .catch((error) => error)
  assert.ok(error instanceof EnqueueManyError)
  assert.equal(error.code, 'ERR_DURABL_ENQUEUE_MANY')
  assert.match(error.message, /2 of 4/)
  const [first, second, third, fourth] = error.results
  assert.deepEqual([first.status, third.status, fourth.status], ['failed', 'duplicate', 'failed'])
  assert.equal(first.error.serverCode, 121)
  assert.equal(error.cause, first.error)
  assert.deepEqual((await queue.backend.findOne({ id: second.id })).data, {})
  assert.equal((await queue.getStats()).pending, 2)
})

test('single enqueues of one moment fail apart', async (t) => {
  const { db, queue } = await started(t)
  await db.command({ collMod: 'jobs', validator: { 'data.bad': { $exists: false } } })
  const outcomes = await Promise.allSettled([
    queue.enqueue('t', { bad: 1 }),
    queue.enqueue('t', {}),
    queue.enqueue('u', {}, { dedupeKey: 'k' }),
    queue.enqueue('u', {}, { dedupeKey: 'k' }),
    queue.enqueue('u', { bad: 1 }, { dedupeKey: 'l', priority: 3 }),
  ])
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected'],
  )
  assert.equal(outcomes[3].value, null)
  const ids = [outcomes[1].value, outcomes[2].value]
  const jobs = await Promise.all(ids.map((id) => queue.backend.findOne({ id })))
  assert.deepEqual(
    jobs.map(({ type, dedupeKey }) => [type, dedupeKey]),
    [
      ['t', undefined],
      ['u', 'k'],
    ],
  )
})
