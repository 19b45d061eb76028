/**
 * An order and its welcome mail that can't disagree. The job is made in the transaction that stores the order. If the transaction aborts, there
 * is no mail; if the process dies after the commit, the mail is still sent.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' node examples/order.mjs
 */
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'

const client = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017/?replicaSet=rs0')
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')
const orders = db.collection('orders')

const backend = new MongoJobQueue({ db, collectionName: 'order_jobs' })
await backend.startup()
const queue = new JobQueue(backend)

let letters = 0
let expected = 0
let allSent
const sent = new Promise((resolve) => (allSent = resolve))

queue.process('welcome-email', async (job, ctx) => {
  // Sees the order from whichever member it reads, as the session begins after the job was claimed.
  const order = await orders.findOne({ _id: job.data.order }, { session: await ctx.session() })
  console.log(`Welcome, ${order.customer}!`)
  letters += 1
  if (letters === expected) allSent()
})

/** Stores the order, makes the job, takes the money: all of it or nothing. */
async function placeOrder(customer, { isCardGood = true } = {}) {
  await client.withSession((session) =>
    session.withTransaction(async () => {
      const { insertedId } = await orders.insertOne({ customer }, { session })
      const dedupeKey = `welcome:${customer}`
      await queue.enqueue('welcome-email', { order: insertedId }, { session, dedupeKey })
      if (!isCardGood) throw new Error(`the card of ${customer} was refused`)
    }),
  )
}

await orders.deleteMany({})
expected = 2
await placeOrder('Ada')
await placeOrder('Bob', { isCardGood: false }).catch((error) => console.log(`no order: ${error.message}`))
await placeOrder('Grace')
await sent

console.log(`${await orders.countDocuments()} orders, ${letters} letters, none to Bob`)
await queue.shutdown()
await client.close()
