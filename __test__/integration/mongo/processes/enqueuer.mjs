/** Enqueues as many jobs as it is told, and says the id of each once it is acknowledged. Then waits to be killed. */
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'

const [database, first, count] = process.argv.slice(2)
const client = await MongoClient.connect(process.env.DURABL_TEST_URL)
const backend = new MongoJobQueue({ db: client.db(database) })
await backend.startup()
const queue = new JobQueue(backend)
for (let i = Number(first); i < Number(first) + Number(count); i += 1)
  console.log(await queue.enqueue('handed-over', { number: i }, { dedupeKey: `number:${i}` }))
console.log('done')
setInterval(() => {}, 60_000)
