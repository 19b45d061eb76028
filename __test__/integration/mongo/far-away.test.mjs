/** A server that is 50 ms away: nothing that takes a round trip may be dropped because it took one. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import { atEnd } from '../../support/cleanup.mjs'
import { recordingLogger } from '../../support/loggers.mjs'
import { connect, testUrl } from '../../support/mongo.mjs'
import { startRelay } from '../../support/proxies/relay.mjs'
import { pollUntil } from '../../support/wait.mjs'

const ROUND_TRIP_MS = 50

/** The engine runs an unmodified backend; the loop in JavaScript runs this one. */
class Decorated extends MongoJobQueue {}

/** A started queue whose way to the server is long, and a way for the test itself that is short. */
async function farAway(t, { Backend = MongoJobQueue, ...options } = {}) {
  const { db } = await connect(t)
  const url = new URL(testUrl())
  const { port } = await startRelay(t, Number(url.port), { roundTripMs: ROUND_TRIP_MS })
  const logger = recordingLogger()
  const uri = `mongodb://127.0.0.1:${port}/?directConnection=true`
  const backend = new Backend({ uri, database: db.databaseName, logger, ...options })
  const queue = new JobQueue(backend, logger)
  atEnd(t, () => queue.shutdown(5000))
  await queue.startup()
  const collection = db.collection('jobs')
  const ended = (id) =>
    pollUntil(`job ${id} has ended`, async () => {
      const job = await collection.findOne({ _id: id })
      return job?.completedAt != null || job?.failedAt != null ? job : null
    })
  return { queue, backend, logger, collection, ended, troubles: () => troublesIn(logger) }
}

const troublesIn = ({ entries }) => entries.filter(({ level }) => level === 'warn' || level === 'error')
const messages = ({ logs }) => logs.map(({ message }) => message)
const lines = (count) => Array.from({ length: count }, (_, n) => `line ${n}`)

for (const Backend of [MongoJobQueue, Decorated]) {
  test(`every line of a handler that waits for none is in the log: ${Backend.name}`, async (t) => {
    const { queue, ended, troubles } = await farAway(t, { Backend })
    queue.process('talkative', async (_job, ctx) => {
      for (const line of lines(100)) void ctx.log(line)
    })
    const job = await ended(await queue.enqueue('talkative', null))
    assert.deepEqual(messages(job), lines(100))
    assert.deepEqual(troubles(), [])
  })

  test(`of too many lines the newest are in the log, in order: ${Backend.name}`, async (t) => {
    const { queue, ended, troubles } = await farAway(t, { Backend })
    queue.process('talkative', async (_job, ctx) => {
      for (const line of lines(5000)) void ctx.log(line)
    })
    const job = await ended(await queue.enqueue('talkative', null))
    assert.deepEqual(messages(job), lines(5000).slice(-1000))
    const times = job.logs.map(({ timestamp }) => timestamp.getTime())
    assert.deepEqual(times.toSorted(), times)
    assert.deepEqual(troubles(), [])
  })
}

test('a line of its own that fails to be written is a warning with its error', async (t) => {
  const { queue, ended, logger } = await farAway(t, { Backend: Decorated })
  const { backend } = queue
  backend.log = async () => {
    throw new Error('the disk is full')
  }
  queue.process('talkative', async (_job, ctx) => {
    await ctx.log('one')
    void ctx.log('two')
  })
  await ended(await queue.enqueue('talkative', null))
  const [warning, ...others] = troublesIn(logger)
  assert.match(warning.message, /job log/)
  assert.match(warning.err.message, /the disk is full/)
  assert.deepEqual(others, [], 'told once')
})

test('lines of a job that is released by a shutdown are in its log', async (t) => {
  const { queue, collection } = await farAway(t)
  let started
  const isStarted = new Promise((resolve) => (started = resolve))
  queue.process('endless', (_job, ctx) => {
    for (const line of lines(20)) void ctx.log(line)
    started()
    return new Promise(() => {})
  })
  const id = await queue.enqueue('endless', null)
  await isStarted
  await queue.shutdown(0)
  const job = await collection.findOne({ _id: id })
  assert.deepEqual([job.status, job.attempt, messages(job)], ['pending', 0, lines(20)])
})

test('jobs that are made, run, retried and counted far away are all done, without a word of trouble', async (t) => {
  const { queue, collection, troubles } = await farAway(t, { useChangeStreams: true })
  const attempts = new Map()
  queue.process(
    'work',
    async (job, ctx) => {
      attempts.set(job.id, job.attempt)
      void ctx.log(`attempt ${job.attempt}`)
      if (job.data % 5 === 0 && job.attempt === 1) throw new Error('once')
    },
    { concurrency: 20 },
  )
  const options = { backoff: 'fixed', backoffDelay: 20 }
  const ids = await Promise.all(Array.from({ length: 100 }, (_, n) => queue.enqueue('work', n, options)))
  await pollUntil('all are completed', async () => {
    return (await collection.countDocuments({ status: 'completed' })) === ids.length
  })
  assert.equal([...attempts.values()].filter((attempt) => attempt === 2).length, 20)
  const retried = await collection.findOne({ attempt: 2 })
  assert.deepEqual(messages(retried), ['attempt 1', 'Attempt failed: once', 'attempt 2'])
  assert.equal((await queue.getStats('work')).completed, ids.length)
  assert.deepEqual(
    troubles().filter(({ message }) => message !== 'job failed and will be retried'),
    [],
  )
})
