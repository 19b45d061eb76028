/**
 * One durable insert and one durable claim after it, by the bare driver of Node.js: what a pick-up can't do without. And the claim
 * of a job of durabl's, which stands in more indexes than one.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { DUE, taking, tokenOf } from '../claim.mjs'
import { MongoClient } from '../mongodb.mjs'
import { now } from './clock.mjs'

const durable = { writeConcern: { w: 'majority' } }

const IN_ORDER = { sort: { priority: 1, runAt: 1 } }

export default async function driver({ open, place, parent, jobs, pause: [least, most] }) {
  const client = await MongoClient.connect(place.url)
  const db = client.db(place.database)
  const collection = db.collection('bare', durable)
  await collection.createIndex({ status: 1, runAt: 1 })
  const queue = await open()
  await queue.setUp()
  const real = db.collection('jobs', durable)
  const pause = () => sleep(least + Math.random() * (most - least))
  await parent.ready()
  const inserts = []
  const claims = []
  const realClaims = []
  for (let n = 0; n < jobs; n += 1) {
    const start = now()
    await collection.insertOne({ status: 'pending', runAt: new Date(), data: { n } })
    const inserted = now()
    const due = { status: 'pending', runAt: { $lte: new Date() } }
    const activating = { $set: { status: 'active', claimedAt: new Date() } }
    const taken = await collection.findOneAndUpdate(due, activating, { sort: { runAt: 1 } })
    if (!taken) throw new Error('the job that was just inserted is not there')
    inserts.push(inserted - start)
    claims.push(now() - inserted)
    await pause()
    await queue.add({ n })
    const added = now()
    if (!(await real.findOneAndUpdate(DUE, taking(tokenOf(n)), IN_ORDER)))
      throw new Error('the job that was just added is not there')
    realClaims.push(now() - added)
    await pause()
  }
  await queue.close()
  await client.close()
  return { inserts, claims, realClaims }
}
