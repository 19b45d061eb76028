import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'
import { findMongod } from '../../scripts/mongod/find.mjs'
import { startReplicaSet } from '../../scripts/mongod/replica-set.mjs'
import { atEnd } from '../support/cleanup.mjs'

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent }

async function connected(t, url) {
  const client = await MongoClient.connect(url)
  atEnd(t, () => client.close())
  return client
}

/** From now on the others hear of nothing that is written: as if the primary were cut off from them. */
async function cutOff(t, followers) {
  for (const { port } of followers) {
    const client = await connected(t, `mongodb://127.0.0.1:${port}/?directConnection=true`)
    await client.db('admin').command({ configureFailPoint: 'stopReplProducer', mode: 'alwaysOn' })
  }
}

test('a claim that only a primary without its majority knows of is given to nobody', async (t) => {
  const set = await startReplicaSet(await findMongod(() => {}), {
    nodes: 3,
    testCommands: true,
    settings: { electionTimeoutMillis: 60_000 },
  })
  atEnd(t, () => set.stop())
  const client = await connected(
    t,
    `${set.url}&w=majority&wtimeoutMS=500&serverSelectionTimeoutMS=5000&appName=unconfirmed-claim`,
  )
  const backend = new MongoJobQueue({ db: client.db('unconfirmed'), logger: silent })
  atEnd(t, () => backend.shutdown(0))
  await backend.startup()
  const id = await backend.enqueue('sync', {})
  const { primary } = await client.db('admin').command({ hello: 1 })
  await cutOff(
    t,
    set.servers.filter(({ port }) => !primary.endsWith(`:${port}`)),
  )
  // A stopped member still takes what it had asked for when it was stopped.
  const jobs = client.db('unconfirmed').collection('other')
  while (
    await jobs.insertOne({}).then(
      () => true,
      () => false,
    )
  );
  const claim = await backend.claimNext('sync').catch((error) => error)
  assert.ok(claim instanceof Error, `the claim was believed: ${JSON.stringify(claim)}`)
  const [stored] = await client.db('unconfirmed').collection('jobs').find({ _id: id }).toArray()
  assert.equal(stored.status, 'active', 'nothing was claimed, so nothing was shown')
})
