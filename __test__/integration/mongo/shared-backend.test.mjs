/** Two queues on one `MongoJobQueue`: each ends for itself. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import { deferred } from '../../support/async.mjs'
import { silentLogger } from '../../support/loggers.mjs'
import { connect } from '../../support/mongo.mjs'

test('a queue that is shut down leaves the runs of another on its backend alone, and that goes on claiming', async (t) => {
  const { db } = await connect(t)
  const backend = new MongoJobQueue({ db, logger: silentLogger })
  await backend.startup()
  const [a, b] = [new JobQueue(backend, silentLogger), new JobQueue(backend, silentLogger)]
  const [started, end, second] = [deferred(), deferred(), deferred()]
  a.process('a', () => {})
  b.process('b', async (job) => {
    if (job.data === 2) return second.resolve()
    started.resolve()
    await end.promise
  })
  const id = await b.enqueue('b', 1)
  await started.promise
  await a.shutdown()
  await b.enqueue('b', 2)
  end.resolve()
  await second.promise
  await b.shutdown()
  assert.equal((await db.collection('jobs').findOne({ _id: id })).status, 'completed')
  await assert.rejects(backend.getStats(), { code: 'ERR_DURABL_SHUT_DOWN' })
})

test('backend.shutdown() ends it for all', async (t) => {
  const { db } = await connect(t)
  const backend = new MongoJobQueue({ db, logger: silentLogger })
  await backend.startup()
  const queues = [new JobQueue(backend, silentLogger), new JobQueue(backend, silentLogger)]
  for (const queue of queues) queue.process('work', () => {})
  await backend.shutdown()
  await assert.rejects(queues[1].enqueue('work', 1), { code: 'ERR_DURABL_SHUT_DOWN' })
  for (const queue of queues) await queue.shutdown()
})
