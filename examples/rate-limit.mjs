/**
 * At most twenty calls a second to another service, of all workers together. Each job takes a turn from a document and waits for it, so each is
 * claimed once, and in order. Two workers stand for two processes.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' node examples/rate-limit.mjs
 */
import { setTimeout as wait } from 'node:timers/promises'
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'

const client = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017/?replicaSet=rs0')
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')
const turns = db.collection('turns')

/** Takes the next turn of a name, at least so many milliseconds after the one before, and waits for it. */
async function turn(name, everyMs, signal) {
  const at = { $max: [{ $add: ['$at', everyMs] }, '$$NOW'] }
  const taken = await turns.findOneAndUpdate({ _id: name }, [{ $set: { at, now: '$$NOW' } }], {
    upsert: true,
    returnDocument: 'after',
  })
  await wait(taken.at - taken.now, undefined, { signal })
}

const started = []

async function worker() {
  const backend = new MongoJobQueue({ db, collectionName: 'rate_limit_jobs', useChangeStreams: true })
  const queue = new JobQueue(backend)
  await queue.startup()
  queue.process(
    'call',
    async (job, ctx) => {
      await turn('call', 50, ctx.signal)
      started.push({ at: Date.now(), attempt: job.attempt, n: job.data.n })
    },
    { concurrency: 4 },
  )
  return queue
}

const [one, other] = [await worker(), await worker()]
const ids = await one.enqueueMany(Array.from({ length: 40 }, (_, n) => ({ type: 'call', data: { n } })))
await Promise.all(ids.map(({ id }) => one.waitFor(id)))

const tookMs = started.at(-1).at - started[0].at
const mostInASecond = Math.max(
  ...started.map(({ at }) => started.filter((other) => other.at >= at && other.at < at + 1000).length),
)
console.log(`${started.length} calls in ${tookMs} ms, at most ${mostInASecond} within a second`)
console.log(`attempts used: ${started.reduce((sum, { attempt }) => sum + attempt, 0)}`)
await Promise.all([one.shutdown(), other.shutdown()])
await client.close()
