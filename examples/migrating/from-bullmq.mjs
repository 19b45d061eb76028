/**
 * A BullMQ app, ported to durabl. The queue's name becomes the job's type, its default options the queue's defaults, the worker a
 * processor. Its events come to one listener, its results to `waitFor`, and its job scheduler is a schedule.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' node examples/migrating/from-bullmq.mjs
 */
import { FatalJobError, JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'

const client = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017/?replicaSet=rs0')
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')

const queue = new JobQueue(
  new MongoJobQueue({ db, collectionName: 'from_bullmq_jobs', useChangeStreams: true }),
  undefined,
  {
    // new Queue('resize', { defaultJobOptions: { attempts: 5, backoff: { type: 'exponential', delay: 100 } } })
    defaults: { types: { resize: { maxAttempts: 5, backoff: 'exponential', backoffDelay: 100 } } },
    // worker.on('failed', …), worker.on('completed', …)
    onJobEvent(event) {
      if (event.kind === 'completed') console.log('completed', event.type)
      if (event.kind === 'failed')
        console.log('failed', event.reason, event.terminal ? 'for good' : 'to be retried')
      if (event.kind === 'fail-fatal') console.log('failed', event.reason, 'for good')
    },
  },
)
await queue.startup()

// new Worker('resize', async (job) => …, { concurrency: 4 })
queue.process(
  'resize',
  async (job, ctx) => {
    if (!job.data.path) throw new FatalJobError('no path') // new UnrecoverableError('no path')
    if (job.data.flaky && job.attempt === 1) throw new Error('the disk is busy')
    ctx.log(`resizing ${job.data.path}`) // job.log(…)
    return { thumbnail: `${job.data.path}.thumbnail`, takenAt: job.data.takenAt }
  },
  { concurrency: 4, results: 'keep' },
)

// queue.add('resize', { path, takenAt }, { deduplication: { id: path } }). A date stays a date.
const picture = { path: 'a.png', takenAt: new Date() }
const first = await queue.enqueue('resize', picture, { dedupeKey: 'a.png', delay: 200 })
const second = await queue.enqueue('resize', picture, { dedupeKey: 'a.png', delay: 200 })
console.log('second job under the key:', second)

// await job.waitUntilFinished(events): from any process
const { status, result } = await queue.waitFor(first)
console.log(status, result.thumbnail, result.takenAt instanceof Date ? 'taken on a date' : 'taken at a text')

const pathless = await queue.enqueue('resize', {}, { priority: 10 })
const { status: ended, ending } = await queue.waitFor(pathless)
console.log(ended, ending)
await queue.waitFor(await queue.enqueue('resize', { path: 'b.png', flaky: true }))

// queue.upsertJobScheduler('clean', { every: 1000 }, { name: 'clean', data: {} })
const cleaned = new Promise((resolve) => {
  queue.process('clean', () => resolve())
})
await queue.schedule('clean', { everyMs: 1000 }, { type: 'clean', data: {} })
await cleaned
console.log('the schedule:', (await queue.unschedule('clean')).status)

// queue.getJobCounts(), queue.clean(0, …), worker.close()
const { completed, failed } = await queue.getStats('resize')
console.log(`${completed} completed, ${failed} failed`)
await queue.removeMany({ type: 'resize', status: 'completed' })
console.log(`${(await queue.getStats('resize')).completed} completed after the removal`)
await queue.shutdown()
await client.close()
