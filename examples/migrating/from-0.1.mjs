/**
 * An app as it was written for the TypeScript package 0.1, on this one: nothing in it has changed but the installed version. It finds
 * what the old version left behind, and settles by hand as it always did.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' node examples/migrating/from-0.1.mjs
 */
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'

const client = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017/?replicaSet=rs0')
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')
const collection = db.collection('from_0_1_jobs')

// Two jobs of a worker of the old version: one waits, and one was running when its worker died six minutes ago.
const minutesAgo = (minutes) => new Date(Date.now() - minutes * 60_000)
const old = {
  type: 'welcome-email',
  priority: 0,
  maxAttempts: 3,
  dedupeKey: null,
  failReason: null,
  logs: [],
}
const times = { runAt: minutesAgo(10), createdAt: minutesAgo(10), completedAt: null, failedAt: null }
const [waiting, abandoned] = [{ userId: 'waiting' }, { userId: 'abandoned' }]
await collection.deleteMany({})
await collection.insertMany([
  { _id: 'old-1', ...old, ...times, data: waiting, status: 'pending', attempt: 0, claimedAt: null },
  { _id: 'old-2', ...old, ...times, data: abandoned, status: 'active', attempt: 1, claimedAt: minutesAgo(6) },
])

// From here on: the app.
const backend = new MongoJobQueue({ db, collectionName: 'from_0_1_jobs' })
await backend.startup()
const queue = new JobQueue(backend)

let left = 3
const allSent = new Promise((resolve) => {
  queue.process('welcome-email', async (job, ctx) => {
    console.log(`attempt ${job.attempt} for ${job.data.userId}`)
    if (job.data.userId === 'new' && job.attempt === 1) {
      // Retried after a back-off now, and no longer at once.
      await ctx.fail('the post office is closed')
      return
    }
    await ctx.complete() // needed by 0.1; harmless here
    if (--left === 0) resolve()
  })
})

// Workers sweep for abandoned jobs by themselves. The old version needed this call; it still works, and does not wait.
await queue.startReaper()

const handle = await queue.claimOrEnqueue('reschedule', { userId: 'u_1' })
if (handle) {
  await handle.log('run in place')
  await handle.complete()
}

const id = await queue.enqueue('welcome-email', { userId: 'new' }, { dedupeKey: 'welcome:new' })
const again = await queue.enqueue('welcome-email', { userId: 'new' }, { dedupeKey: 'welcome:new' })
console.log(`a job: ${typeof id}, its duplicate: ${again}`)

await allSent
const { completed } = await queue.getStats()
console.log(`${completed} completed`)

await queue.shutdown()
await client.close()
