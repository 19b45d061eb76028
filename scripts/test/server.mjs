/** The server that the tests run on: the one that MONGO_URL names, or a replica set of their own. */
import { findMongod } from '../mongod/find.mjs'
import { startReplicaSet } from '../mongod/replica-set.mjs'
import { Advice, say } from '../terminal.mjs'

const CONNECT_TIMEOUT_MS = 10_000

async function demandReplicaSet(url) {
  const { MongoClient } = await import('mongodb')
  const client = new MongoClient(url, { serverSelectionTimeoutMS: CONNECT_TIMEOUT_MS })
  try {
    const hello = await client.db('admin').command({ hello: 1 })
    if (hello.setName || hello.msg === 'isdbgrid') return
  } catch (error) {
    throw new Advice(`No server answers at MONGO_URL: ${error.message}`)
  } finally {
    await client.close()
  }
  throw new Advice(
    'MONGO_URL names a standalone server; change streams need a replica set (one node is enough).',
  )
}

/** @returns the connection string, and `stop()` */
export async function serverForTests() {
  const url = process.env.MONGO_URL
  if (url) {
    await demandReplicaSet(url)
    say('testing on the server that MONGO_URL names')
    return { url, stop: async () => {} }
  }
  const set = await startReplicaSet(await findMongod(say), { testCommands: true })
  say(`a replica set of one node runs at ${set.url}`)
  return set
}
