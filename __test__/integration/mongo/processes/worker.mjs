/** Works off jobs, and says the number of each once its run is acknowledged. Runs until it is killed. */
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'

const [database] = process.argv.slice(2)
const client = await MongoClient.connect(process.env.DURABL_TEST_URL)
const backend = new MongoJobQueue({ db: client.db(database) })
await backend.startup()
const queue = new JobQueue(backend, undefined, { visibilityTimeoutMs: 2000 })
queue.process(
  'handed-over',
  async (job, ctx) => {
    await ctx.complete()
    console.log(job.data.number)
  },
  { concurrency: 4, pollInterval: 200 },
)
console.log('ready')
