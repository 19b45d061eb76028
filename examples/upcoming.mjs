/**
 * Jobs that run next: the due ones in the order of their claims, and those that come later by the time of their start.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' node examples/upcoming.mjs
 */
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'

const client = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017/?replicaSet=rs0')
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')

const backend = new MongoJobQueue({ db, collectionName: 'upcoming_jobs' })
const queue = new JobQueue(backend)
await queue.startup()

const HOUR_MS = 3_600_000
await queue.enqueue('letter', { to: 'Ada' })
await queue.enqueue('letter', { to: 'Grace' }, { priority: -1 })
await queue.enqueue('letter', { to: 'Edsger' }, { priority: -1, delay: 3 * HOUR_MS })
await queue.enqueue('letter', { to: 'Barbara' }, { delay: 2 * HOUR_MS })
await queue.enqueue('letter', { to: 'Donald' }, { delay: HOUR_MS })

const nameOf = async ({ id }) => (await queue.getJob(id)).data.to

// In the order in which workers claim them: by priority, then by runAt. Jobs for later are in the list, too.
const { jobs } = await queue.listJobs({ status: 'pending', type: 'letter', limit: 100 })
const due = jobs.filter((job) => job.runAt <= new Date())
console.log(`due: ${(await Promise.all(due.map(nameOf))).join(', ')}`)

// By the time of their start, one priority at a time: the index of pending jobs has them in this order.
const later = await backend
  .getCollection()
  .find({ status: 'pending', type: 'letter', priority: 0, runAt: { $gt: new Date() } })
  .sort({ runAt: 1 })
  .limit(50)
  .toArray()
console.log(`later: ${later.map((job) => job.data.to).join(', ')}`)

await queue.shutdown()
await client.close()
