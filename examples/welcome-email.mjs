/**
 * A job that must not be sent twice: the smallest whole program.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' node examples/welcome-email.mjs
 */
import { once, EventEmitter } from 'node:events'
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'

const client = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017/?replicaSet=rs0')
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')

const backend = new MongoJobQueue({ db, collectionName: 'welcome_email_jobs', useChangeStreams: true })
await backend.startup()

const postOffice = new EventEmitter()
const queue = new JobQueue(backend)

queue.process('welcome-email', async (job, ctx) => {
  ctx.log('handing the letter to the post office')
  console.log(`Welcome, ${job.data.name}!`)
  postOffice.emit('sent')
})

const welcome = (name) =>
  queue.enqueue('welcome-email', { name }, { dedupeKey: `welcome:${name}`, delay: 200 })
const sent = once(postOffice, 'sent')

console.log('first call: ', (await welcome('Ada')) ? 'a job' : 'none, one is waiting')
console.log('second call:', (await welcome('Ada')) ? 'a job' : 'none, one is waiting')

await sent
await queue.shutdown()
await client.close()
