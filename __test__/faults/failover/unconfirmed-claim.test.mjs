import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'
import { findMongod } from '../../../scripts/mongod/find.mjs'
import { startReplicaSet } from '../../../scripts/mongod/replica-set.mjs'
import { atEnd } from '../../support/cleanup.mjs'

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

/** A backend on a set whose primary has lost its majority and goes on, `enqueued` before that one job. */
async function onPrimaryAlone(t) {
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
  const enqueued = await backend.enqueue('sync', {})
  const { primary } = await client.db('admin').command({ hello: 1 })
  await cutOff(
    t,
    set.servers.filter(({ port }) => !primary.endsWith(`:${port}`)),
  )
  // A stopped member still takes what it had asked for when it was stopped.
  const others = client.db('unconfirmed').collection('other')
  while (
    await others.insertOne({}).then(
      () => true,
      () => false,
    )
  );
  return { backend, enqueued, jobs: client.db('unconfirmed').collection('jobs') }
}

test('writes that only a primary without its majority knows of', async (t) => {
  const { backend, enqueued, jobs } = await onPrimaryAlone(t)

  await t.test('no caller gets the claim', async () => {
    const claim = await backend.claimNext('sync').catch((error) => error)
    assert.ok(claim instanceof Error, `the claim was believed: ${JSON.stringify(claim)}`)
    const stored = await jobs.findOne({ _id: enqueued })
    assert.equal(stored.status, 'active', 'nothing was claimed, so nothing was shown')
  })

  await t.test('a key is not told to be held', async () => {
    const key = { dedupeKey: 'k', dedupeScope: 'pending' }
    const follower = { _id: 'rolled back soon', type: 'sync', status: 'pending', ...key }
    await jobs.insertOne(follower, { writeConcern: { w: 1 } })
    const answer = await backend.claimOrEnqueue('sync', {}, key).catch((error) => error)
    assert.ok(answer instanceof Error, `the follower was believed in: ${JSON.stringify(answer)}`)
  })
})
