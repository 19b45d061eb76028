/** Needs a replica set; `npm test` finds or starts one. */
import { after } from 'node:test'
import { randomUUID } from 'node:crypto'
import { MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'
import { testUrl } from '../support/mongo.mjs'
import { collectionsInTurn } from './collections.mjs'
import { conformance } from './suite.mjs'

const client = await MongoClient.connect(testUrl())
const db = client.db(`durabl_conformance_${randomUUID().slice(0, 8)}`)
after(async () => {
  await db.dropDatabase()
  await client.close()
})

const nextCollection = collectionsInTurn(db, 'jobs')

async function started(Backend) {
  const { collectionName } = await nextCollection()
  const backend = new Backend({ db, collectionName })
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
