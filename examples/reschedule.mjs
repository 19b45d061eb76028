/**
 * Single flight: the first caller runs at once, in place. All callers that come meanwhile leave one more run behind it. This does the work of
 * a distributed lock with a "dirty" flag.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' node examples/reschedule.mjs
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'

const client = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017/?replicaSet=rs0')
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')

const backend = new MongoJobQueue({ db, collectionName: 'reschedule_jobs' })
await backend.startup()
const queue = new JobQueue(backend)

let runs = 0
let atOnce = 0
let mostAtOnce = 0

async function reschedule(job) {
  runs += 1
  mostAtOnce = Math.max(mostAtOnce, ++atOnce)
  console.log(`run ${runs}: the calendar of ${job.data.userId}`)
  await sleep(1000)
  atOnce -= 1
}

/** Safe to call from anywhere, as often as you like. */
async function requestReschedule(userId) {
  const handle = await queue.claimOrEnqueue(
    'reschedule',
    { userId },
    { dedupeKey: `reschedule:${userId}`, dedupeScope: 'pending' },
  )
  // Null: somebody is at it, and one run is queued behind them.
  if (handle) await queue.runClaimed(handle, reschedule)
}

await Promise.all(Array.from({ length: 20 }, () => requestReschedule('u_123')))
console.log(`20 requests, ${runs} runs, never more than ${mostAtOnce} at once`)

await queue.shutdown()
await client.close()
