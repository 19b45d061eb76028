/**
 * Many jobs, and then one. A report enqueues a job for each shop, waits until all of them have ended, and goes on with their results. While it
 * waits, it uses no slot. Each job runs in any process, with attempts of its own.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' node examples/fan-in.mjs
 */
import { JobQueue, MongoJobQueue, Orchestrator } from 'durabl'
import { MongoClient } from 'mongodb'

const client = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017/?replicaSet=rs0')
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')
const backend = new MongoJobQueue({ db, collectionName: 'fan_in_jobs', useChangeStreams: true })
const queue = new JobQueue(backend)
await queue.startup()

// Its result stays on the job, for the report to read.
queue.process(
  'shop',
  (job) => {
    if (job.data.shop === 2 && job.attempt === 1) throw new Error('the shop does not answer')
    return { turnover: job.data.shop * 100 }
  },
  { results: 'keep', concurrency: 4, retryDelay: () => 50 },
)

const orchestrator = new Orchestrator(queue)
orchestrator.define('report', async (job, octx) => {
  const { shops } = job.data
  // With ids of your own a second run of the step, after a crash, makes no second job.
  const ids = shops.map((shop) => `${job.id}:${shop}`)
  const jobs = shops.map((shop, n) => ({ type: 'shop', data: { shop }, options: { id: ids[n] } }))
  await octx.step('begin', async () => void (await queue.enqueueMany(jobs)))

  for (let waitMs = 1000; ; waitMs = Math.min(waitMs * 2, 60_000)) {
    const left = await octx.step('look', async () => {
      const found = await Promise.all(ids.map((id) => queue.getJob(id)))
      return found.filter((one) => one?.status === 'pending' || one?.status === 'active').length
    })
    if (left === 0) break
    await octx.sleep('wait', waitMs)
  }

  await octx.step('sum up', async () => {
    const found = await Promise.all(ids.map((id) => queue.getJob(id)))
    const done = found.filter((one) => one?.status === 'completed')
    const turnover = done.reduce((sum, one) => sum + one.result.turnover, 0)
    console.log(`${done.length} of ${ids.length} shops, a turnover of ${turnover}`)
  })
})

const id = await queue.enqueue('report', { shops: [1, 2, 3, 4] })
const { status } = await queue.waitFor(id)
console.log(`the report: ${status}`)
await queue.shutdown()
await client.close()
