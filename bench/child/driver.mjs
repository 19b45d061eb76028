/** One durable insert and one durable claim after it, by the bare driver of Node.js: what a pick-up can't do without. */
import { MongoClient } from '../mongodb.mjs'
import { setTimeout as sleep } from 'node:timers/promises'
import { now } from './clock.mjs'

const durable = { writeConcern: { w: 'majority' } }

export default async function driver({ place, parent, jobs, pause: [least, most] }) {
  const client = await MongoClient.connect(place.url)
  const collection = client.db(place.database).collection('bare', durable)
  await collection.createIndex({ status: 1, runAt: 1 })
  await parent.ready()
  const inserts = []
  const claims = []
  for (let n = 0; n < jobs; n += 1) {
    const start = now()
    await collection.insertOne({ status: 'pending', runAt: new Date(), data: { n } })
    const inserted = now()
    const due = { status: 'pending', runAt: { $lte: new Date() } }
    const taking = { $set: { status: 'active', claimedAt: new Date() } }
    const taken = await collection.findOneAndUpdate(due, taking, { sort: { runAt: 1 } })
    if (!taken) throw new Error('the job that was just inserted is not there')
    inserts.push(inserted - start)
    claims.push(now() - inserted)
    await sleep(least + Math.random() * (most - least))
  }
  await client.close()
  return { inserts, claims }
}
