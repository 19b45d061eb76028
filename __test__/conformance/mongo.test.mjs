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

async function started(Backend) {
  collections += 1
  const backend = new Backend({ db, collectionName: `jobs_${collections}` })
  await backend.startup()
  return backend
}

/** An app's own methods must be called, so its jobs are claimed in JavaScript. */
class Decorated extends MongoJobQueue {
  async complete(...args) {
    return super.complete(...args)
  }
}

conformance('MongoJobQueue', () => started(MongoJobQueue))
conformance('a decorated MongoJobQueue', () => started(Decorated))
