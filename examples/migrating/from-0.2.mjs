/**
 * An app for the TypeScript package 0.2, on this package. It uses only what 0.1 and 0.3 have in common, and so what 0.2 has as well. It finds
 * documents of both kinds: those with nulls for absent values, and those without.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' node examples/migrating/from-0.2.mjs
 */
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'

const client = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017/?replicaSet=rs0')
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')
const collection = db.collection('from_0_2_jobs')

// Jobs of the old version, all waiting.
const now = new Date()
const old = { type: 'thumbnail', status: 'pending', priority: 0, attempt: 0, maxAttempts: 3, logs: [] }
const absent = {
  ...{ dedupeKey: null, dedupeScope: null, claimedAt: null, claimToken: null },
  ...{ completedAt: null, failedAt: null, failReason: null },
}
await collection.deleteMany({})
await collection.insertMany([
  { _id: 'with-nulls', ...old, ...absent, data: { path: 'nulls.png' }, runAt: now, createdAt: now },
  { _id: 'without', ...old, data: { path: 'without.png' }, runAt: now, createdAt: now },
])

// From here on: the app.
const backend = new MongoJobQueue({ db, collectionName: 'from_0_2_jobs' })
await backend.startup()
const queue = new JobQueue(backend)

// Settles by hand, which 0.1 needs, and returns nothing before it has, as 0.3 wants it.
let left = 3
const allDone = new Promise((resolve) => {
  queue.process(
    'thumbnail',
    async (job, ctx) => {
      if (job.data.path === 'new.txt') await ctx.failFatal('no image')
      else await ctx.complete()
      console.log(`attempt ${job.attempt} of ${job.maxAttempts}: ${job.data.path}`)
      if (--left === 0) resolve()
    },
    { concurrency: 1, pollInterval: 1000 },
  )
})

const key = { dedupeKey: 'index', dedupeScope: 'pending' }
const handle = await queue.claimOrEnqueue('index', { of: 'images' }, key)
const second = await queue.claimOrEnqueue('index', { of: 'images' }, key)
console.log(`first caller: ${handle ? 'runs' : 'waits'}, second: ${second ? 'runs' : 'waits'}`)
if (handle) await handle.complete()

await queue.enqueue('thumbnail', { path: 'new.txt' }, { priority: 5, maxAttempts: 5 })
await allDone
const { pending, completed, failed } = await queue.getStats()
console.log(`${pending} pending, ${completed} completed, ${failed} failed`)

await queue.shutdown()
await client.close()
