/**
 * A BullMQ app, ported to durabl. The queue's name becomes the job's type, and its default options become a function. The worker becomes a
 * processor, its events one listener, and a job's return value a document of the app.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' node examples/migrating/from-bullmq.mjs
 */
import { FatalJobError, JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'

const client = await MongoClient.connect(process.env.MONGO_URL)
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')
await db.collection('thumbnails').deleteMany({})

const backend = new MongoJobQueue({ db, collectionName: 'from_bullmq_jobs', useChangeStreams: true })
await backend.startup()

// worker.on('failed', …), worker.on('completed', …)
const jobs = new JobQueue(backend, undefined, {
  onJobEvent(event) {
    if (event.kind === 'completed') console.log('completed', event.type)
    if (event.kind === 'failed')
      console.log('failed', event.reason, event.terminal ? 'for good' : 'to be retried')
    if (event.kind === 'fail-fatal') console.log('failed', event.reason, 'for good')
  },
})

// new Queue('resize', { defaultJobOptions: { attempts: 5, backoff: { type: 'exponential', delay: 100 } } })
const resize = (data, options) =>
  jobs.enqueue('resize', data, { maxAttempts: 5, backoff: 'exponential', backoffDelay: 100, ...options })

// new Worker('resize', async (job) => …, { concurrency: 4 })
jobs.process(
  'resize',
  async (job, ctx) => {
    if (!job.data.path) throw new FatalJobError('no path') // new UnrecoverableError('no path')
    if (job.data.flaky && job.attempt === 1) throw new Error('the disk is busy')
    ctx.log(`resizing ${job.data.path}`) // job.log(…)
    // A return value has no reader here: what somebody wants to know is stored where they look. An upsert, as a job may run twice.
    const thumbnail = { path: `${job.data.path}.thumbnail`, takenAt: job.data.takenAt }
    await db.collection('thumbnails').updateOne({ _id: job.id }, { $set: thumbnail }, { upsert: true })
  },
  { concurrency: 4 },
)

// queue.add('resize', { path, takenAt }, { deduplication: { id: path } }). A date stays a date.
const key = { dedupeKey: 'a.png', delay: 200 }
const first = await resize({ path: 'a.png', takenAt: new Date() }, key)
const second = await resize({ path: 'a.png', takenAt: new Date() }, key)
console.log('second job under the key:', second)

await resize({}, { priority: 10 })
await resize({ path: 'b.png', flaky: true })

// await job.waitUntilFinished(events): ask, or listen to a change stream of your own.
while (await jobs.hasOutstanding('resize', 'a.png')) await new Promise((resolve) => setTimeout(resolve, 20))
const { path, takenAt } = await db.collection('thumbnails').findOne({ _id: first })
console.log(path, takenAt instanceof Date ? 'taken on a date' : 'taken at a text')

// queue.getJobCounts(), queue.clean(0, …, 'completed'), worker.close()
for (let open = 1; open > 0;) {
  const { pending, active } = await jobs.getStats('resize')
  open = pending + active
}
const { completed, failed } = await jobs.getStats('resize')
console.log(`${completed} completed, ${failed} failed, ${await backend.cleanupOldJobs(0)} cleaned up`)
await jobs.shutdown()
await client.close()
