/**
 * One job of a customer at a time, in order, and none is lost. Each item is stored first; a job of the customer then works through all that are
 * there. The dedupe key keeps one such job active and one waiting, so an item that comes meanwhile is found by the one that waits.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' node examples/one-per-customer.mjs
 */
import { setTimeout as wait } from 'node:timers/promises'
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'

const client = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017/?replicaSet=rs0')
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')
const items = db.collection('items')
await items.deleteMany({})
await items.createIndex({ customer: 1, _id: 1 })

const seen = []
const running = new Set()

async function deliver({ customer, text }) {
  if (running.has(customer)) throw new Error(`two at once for ${customer}`)
  running.add(customer)
  await wait(5)
  running.delete(customer)
  seen.push(`${customer} ${text}`)
}

async function worker() {
  const backend = new MongoJobQueue({ db, collectionName: 'customer_jobs', useChangeStreams: true })
  const queue = new JobQueue(backend)
  await queue.startup()
  queue.process(
    'items',
    async (job) => {
      const { customer } = job.data
      for (let item; (item = await items.findOne({ customer }, { sort: { _id: 1 } }));) {
        await deliver(item)
        await items.deleteOne({ _id: item._id })
      }
    },
    { concurrency: 4 },
  )
  return queue
}

const [one, other] = [await worker(), await worker()]

async function add(customer, text) {
  await items.insertOne({ customer, text })
  await one.enqueue('items', { customer }, { dedupeKey: `items:${customer}`, dedupeScope: 'pending' })
}

for (let n = 0; n < 10; n++) {
  await add('Ada', n)
  await add('Grace', n)
}
while (await items.findOne({})) await wait(20)
await Promise.all([one.shutdown(), other.shutdown()])

for (const customer of ['Ada', 'Grace']) {
  const texts = seen.filter((line) => line.startsWith(customer)).map((line) => line.split(' ')[1])
  console.log(`${customer}: ${texts.join()}`)
}
await client.close()
