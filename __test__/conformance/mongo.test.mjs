/** Needs a replica set; `npm test` finds or starts one. */
import { after } from 'node:test'
import { randomUUID } from 'node:crypto'
import { MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'
import { testUrl } from '../support/mongo.mjs'
import { conformance } from './suite.mjs'

const client = await MongoClient.connect(testUrl())
const db = client.db(`durabl_conformance_${randomUUID().slice(0, 8)}`)
after(async () => {
  await db.dropDatabase()
  await client.close()
})

let collections = 0

conformance('MongoJobQueue', async () => {
  collections += 1
  const backend = new MongoJobQueue({ db, collectionName: `jobs_${collections}` })
  await backend.startup()
  return backend
})
