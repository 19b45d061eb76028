const { Long, MongoClient, ObjectId } = require('mongodb')
const { JobQueue, MongoJobQueue } = require('durabl')

async function main() {
  const client = await MongoClient.connect(process.env.MONGO_URL)
  const db = client.db(process.env.MONGO_DB)
  const backend = new MongoJobQueue({ db, useChangeStreams: true })
  await backend.startup()
  const queue = new JobQueue(backend)

  const ran = new Promise((resolve) => queue.process('greet', (job) => resolve(job.data)))
  const user = new ObjectId()
  // More than a number can hold, so it stays what it is.
  const count = Long.fromString('9007199254740993')
  console.log(
    typeof (await queue.enqueue('greet', { user, count, at: new Date(0) }, { dedupeKey: 'greet:1' })),
  )
  const data = await ran
  const isWhole = data.user instanceof ObjectId && data.user.equals(user) && count.equals(data.count)
  console.log(isWhole && data.count instanceof Long, data.at.toISOString())

  await queue.shutdown()
  console.log((await db.collection('jobs').findOne({ type: 'greet' })).status)
  await client.close()
}

main()
