/** The conformance suite under settings of a client, a server or a collection that change which commands and plans are allowed. */
import { after } from 'node:test'
import { MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'
import { findMongod } from '../../scripts/mongod/find.mjs'
import { startReplicaSet } from '../../scripts/mongod/replica-set.mjs'
import { collectionsInTurn } from './collections.mjs'
import { conformance } from './suite.mjs'

// A server of its own: one of the settings is the whole server's.
const set = await startReplicaSet(await findMongod(() => {}), { testCommands: true })
const clients = []
after(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await set.stop()
})

async function connected(options) {
  const client = await MongoClient.connect(set.url, options)
  clients.push(client)
  return client
}

/** Makes backends whose collections have these options. */
function starter(client, name, options) {
  const db = client.db('durabl_settings')
  const next = collectionsInTurn(db, name)
  return async () => started(db, await next(), options)
}

async function started(db, { collectionName, isNew }, options) {
  if (isNew && options !== undefined) await db.createCollection(collectionName, options)
  const backend = new MongoJobQueue({ db, collectionName })
  await backend.startup()
  return backend
}

const plain = await connected()
const strict = await connected({ serverApi: { version: '1', strict: true, deprecationErrors: true } })
const required = ['type', 'status', 'attempt', 'maxAttempts', 'runAt', 'createdAt']
const validator = { $jsonSchema: { bsonType: 'object', required } }

conformance('MongoJobQueue under the strict stable API', starter(strict, 'strict'))
conformance('MongoJobQueue on a collection with a validator', starter(plain, 'checked', { validator }))
const startedIndexed = starter(plain, 'indexed')
conformance('MongoJobQueue on a server without table scans', async () => {
  const backend = await startedIndexed()
  // Of its own queries an app has to take care: these are what `findOne` is asked for here, beside what durabl's indexes serve.
  const fields = ['dedupeKey', 'data.$**', 'data.nothing', 'data.absent', 'data.n']
  await backend.getCollection().createIndexes(fields.map((field) => ({ key: { [field]: 1 } })))
  await plain.db('admin').command({ setParameter: 1, notablescan: true })
  return backend
})
