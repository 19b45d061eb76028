import assert from 'node:assert/strict'
import { after, before, describe, it, mock } from 'node:test'
import { MongoClient } from 'mongodb'
import { DummyBackend, ImmediateBackend, JobQueue, MongoJobQueue } from 'durabl'

/** The code under test: it is given a queue. */
const announce = (queue, text) => queue.enqueue('letter', { text }, { dedupeKey: text, maxAttempts: 2 })

it('an announcement is recorded once', async () => {
  const backend = new DummyBackend()
  const queue = new JobQueue(backend)
  await announce(queue, 'hello')
  assert.equal(await announce(queue, 'hello'), null)
  assert.deepEqual(
    backend.jobs.map(({ data }) => data),
    [{ text: 'hello' }],
  )
})

it('an announcement is sent', async () => {
  const queue = new JobQueue(new ImmediateBackend())
  const sent = []
  queue.process('letter', (job) => sent.push(job.data.text))
  await announce(queue, 'hello')
  assert.deepEqual(sent, ['hello'])
})

describe('with mock timers', () => {
  before(() => mock.timers.enable({ apis: ['setTimeout', 'Date'] }))
  after(() => mock.timers.reset())

  it('an announcement that fails is sent again after a second', async () => {
    const queue = new JobQueue(new DummyBackend({ random: () => 0 }), { ...console, warn() {}, error() {} })
    const attempts = []
    const settled = () => new Promise((resolve) => setImmediate(resolve))
    queue.process('letter', (job) => {
      attempts.push(job.attempt)
      throw new Error('the post office is closed')
    })
    await announce(queue, 'hello')
    await settled()
    mock.timers.tick(999)
    await settled()
    assert.deepEqual(attempts, [1])
    mock.timers.tick(1)
    await settled()
    assert.deepEqual(attempts, [1, 2])
    await queue.shutdown()
  })
})

describe('on a database', () => {
  let client, queue
  before(async () => {
    client = await MongoClient.connect(process.env.MONGO_URL)
    const backend = new MongoJobQueue({ db: client.db(process.env.MONGO_DB), useChangeStreams: true })
    await backend.startup()
    queue = new JobQueue(backend)
  })
  after(async () => {
    await queue.shutdown()
    await client.close()
  })

  it('an announcement is sent by the worker', async () => {
    const sent = new Promise((resolve) => queue.process('letter', (job) => resolve(job.data.text)))
    await announce(queue, 'hello')
    assert.equal(await sent, 'hello')
  })
})
