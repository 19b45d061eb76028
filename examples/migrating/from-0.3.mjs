/**
 * An app for the TypeScript package 0.3, on this package. Two of its worries are gone: a handler that blocks the event loop keeps its lease, and a
 * deploy costs no job an attempt.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' node examples/migrating/from-0.3.mjs
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { FatalJobError, JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'

const client = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017/?replicaSet=rs0')
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')
await db.collection('from_0_3_jobs').deleteMany({})

/** A process of the app, as far as the database can tell. */
async function startWorker(name, options) {
  const backend = new MongoJobQueue({ db, collectionName: 'from_0_3_jobs', useChangeStreams: true })
  const onJobEvent = ({ kind, type }) => console.log(`${name}: ${kind} ${type ?? ''}`.trim())
  const queue = new JobQueue(backend, undefined, { ...options, onJobEvent })
  await queue.startup()
  return { backend, queue }
}

const { queue } = await startWorker('first', { visibilityTimeoutMs: 2000 })

// Two seconds of lease, and three of work that lets nothing else in this process happen.
const counted = new Promise((resolve) => {
  queue.process('count-primes', (job, ctx) => {
    const end = Date.now() + 3000
    while (Date.now() < end) Math.sqrt(job.data.upTo)
    resolve()
    return ctx.complete() // what a handler returned was ignored, and is
  })
})
await queue.enqueue('count-primes', { upTo: 1e6 })
await counted

const refused = new Promise((resolve) => {
  queue.process('resize-image', async (job) => {
    resolve()
    if (!job.data.path) throw new FatalJobError('an image job needs a path')
  })
})
await queue.enqueue('resize-image', {})
await refused

// A long job is under way when the deploy comes.
const begun = new Promise((resolve) => {
  queue.process('export', async (job, ctx) => {
    resolve()
    await sleep(60_000, undefined, { signal: ctx.signal })
  })
})
const id = await queue.enqueue('export', { year: 2025 })
await begun
await queue.shutdown(100)

const { backend, queue: next } = await startWorker('second')
const { status, attempt } = await backend.findOne({ id })
console.log(`after the deploy: ${status}, with ${attempt} attempts used`)
const handle = await next.claimOrEnqueue('report', {}, { dedupeKey: 'report', dedupeScope: 'pending' })
if (handle) await next.runClaimed(handle, async () => {})

await next.shutdown()
await client.close()
