/** A test file that uses the engine, as an app has many. */
const { MongoClient } = require('mongodb')
const { JobQueue, MongoJobQueue } = require('durabl')
const { connectOptions } = require('../../support/connect-options')

test('a job runs', async () => {
  const client = await MongoClient.connect(process.env.MONGO_URL, connectOptions)
  const queue = new JobQueue(new MongoJobQueue({ db: client.db(process.env.MONGO_DB) }))
  const type = `${process.pid}-${process.env.JEST_WORKER_ID}-${Math.random()}`
  const ran = new Promise((resolve) => queue.process(type, (job) => resolve(job.data)))
  await queue.enqueue(type, { n: 1 })
  expect(await ran).toEqual({ n: 1 })
  await queue.shutdown()
  await client.close()
})
