/**
 * A worker process as you would deploy it. It runs until it is told to stop, then finishes what it can and gives back the rest.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' node examples/worker.mjs
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { FatalJobError, JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'

const client = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017/?replicaSet=rs0')
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')

const backend = new MongoJobQueue({ db, collectionName: 'worker_jobs', useChangeStreams: true })
await backend.startup()

const queue = new JobQueue(backend, undefined, {
  onJobEvent: (event) => console.log(event.kind, 'type' in event ? event.type : ''),
})

queue.process(
  'resize-image',
  async (job, ctx) => {
    if (!job.data.path) throw new FatalJobError('an image job needs a path')
    // Passing the signal on ends the work early when its outcome no longer counts.
    await sleep(job.data.takesMs ?? 100, undefined, { signal: ctx.signal })
  },
  { concurrency: 4, timeoutMs: 60_000 },
)

// The app's own connection is closed last. Then nothing is left that keeps the process alive.
queue.installSignalHandlers({
  timeoutMs: 5000,
  async onDrained() {
    await client.close()
    console.log('stopped')
  },
})

console.log('working')
