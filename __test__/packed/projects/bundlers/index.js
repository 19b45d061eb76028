import { MongoClient, ObjectId } from 'mongodb'
import { JobQueue, MongoJobQueue } from 'durabl'

const client = await MongoClient.connect(process.env.MONGO_URL)
const db = client.db(process.env.MONGO_DB)
const backend = new MongoJobQueue({ db, useChangeStreams: true })
await backend.startup()
const queue = new JobQueue(backend)

const ran = new Promise((resolve) => queue.process('greet', (job) => resolve(job.data)))
const user = new ObjectId()
console.log(typeof (await queue.enqueue('greet', { user, at: new Date(0) }, { dedupeKey: 'greet:1' })))
const data = await ran
console.log(data.user instanceof ObjectId && data.user.equals(user), data.at.toISOString())

await queue.shutdown()
console.log((await db.collection('jobs').findOne({ type: 'greet' })).status)
await client.close()
