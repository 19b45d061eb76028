/** The change stream: one of them, opened when asked for, and its state in everyone's sight. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'
import { SILENT, jobs } from '../../support/jobs.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { standalone } from '../../support/servers.mjs'
import { streamCursors } from '../../support/streams.mjs'

/** No poll comes to help. */
const NEVER = 3_600_000

/** A started backend with push, beside the one of `jobs`. */
async function pushed(t, db, options = {}) {
  const backend = new MongoJobQueue({ db, useChangeStreams: true, logger: SILENT, ...options })
  atEnd(t, () => backend.shutdown(5000))
  await backend.startup()
  return backend
}

test('queues of one client and collection share one change stream', async (t) => {
  const { client, db, collection } = await jobs(t)
  const backends = []
  for (let i = 0; i < 3; i += 1) backends.push(await pushed(t, db))
  const ran = new Set()
  for (const [i, backend] of backends.entries()) {
    const queue = new JobQueue(backend, SILENT)
    atEnd(t, () => queue.shutdown(5000))
    for (const type of [`a${i}`, `b${i}`])
      queue.process(type, async (job) => void ran.add(job.type), { pollInterval: NEVER })
  }
  const types = ['a0', 'a1', 'a2', 'b0', 'b1', 'b2']
  const cursor = await pollUntil('one stream watches for every type', async () => {
    const cursors = await streamCursors(client, collection)
    const watched = JSON.stringify(cursors[0]?.pipeline ?? '')
    return cursors.length === 1 && types.every((type) => watched.includes(`"${type}"`)) && cursors[0]
  })
  assert.equal(cursor.options.fullDocument ?? 'default', 'default', 'nothing is looked up for each change')

  const other = await pushed(t, db, { collectionName: 'other' })
  await pollUntil('another collection has another stream', async () => {
    const others = await streamCursors(client, other.getCollection())
    return others.length === 1 && (await streamCursors(client, collection)).length === 1
  })
  for (const backend of [...backends, other]) assert.equal(backend.isChangeStreamsActive(), true)

  const foreign = await jobs(t)
  for (const type of types)
    await foreign.client.db(db.databaseName).collection('jobs').insertOne(bareJob(type))
  await pollUntil('each type was woken', () => ran.size === types.length)
})

/** As another process would have written it. */
function bareJob(type) {
  const now = new Date(Date.now() - 1)
  const job = { type, data: null, status: 'pending', priority: 0, attempt: 0, maxAttempts: 3 }
  return { _id: `${type}-${Math.random()}`, ...job, runAt: now, createdAt: now, logs: [] }
}

test('the stream ends with the last queue that uses it, and is off for each that has ended', async (t) => {
  const { client, db, backend, collection } = await jobs(t)
  await backend.shutdown(5000)
  const [one, other] = [await pushed(t, db), await pushed(t, db)]
  await pollUntil('the stream is open', async () => (await streamCursors(client, collection)).length === 1)
  const told = []
  one.onStreamState((state) => told.push(state))
  await one.shutdown(5000)
  assert.deepEqual([one.isChangeStreamsActive(), one.streamState, told], [false, 'off', ['off']])
  await one.shutdown(5000)
  assert.deepEqual(told, ['off'], 'told once')
  assert.equal(other.isChangeStreamsActive(), true)
  assert.equal((await streamCursors(client, collection)).length, 1)
  await other.shutdown(5000)
  await pollUntil('the stream is gone', async () => (await streamCursors(client, collection)).length === 0)
})

test('listeners added before the start count, and the state can be read and followed', async (t) => {
  const { db, queue } = await jobs(t)
  const backend = new MongoJobQueue({ db, useChangeStreams: true, logger: SILENT, uri: undefined })
  atEnd(t, () => backend.shutdown(5000))
  const states = []
  backend.onStreamState((state) => states.push(state))
  const heard = []
  backend.onJobAvailable((type) => heard.push(type))
  assert.equal(backend.isChangeStreamsActive(), false)
  assert.equal(backend.streamState, 'off')

  await backend.startup()
  await pollUntil('the stream is open', () => backend.streamState === 'streaming')
  assert.equal(backend.isChangeStreamsActive(), true)
  assert.deepEqual(states.filter((state) => state !== 'off').slice(0, 2), ['connecting', 'streaming'])
  await queue.enqueue('told', 1)
  await pollUntil('the early listener has heard', () => heard.includes('told'))
})

test('without push there is no stream, and the state says so', async (t) => {
  const { client, backend, collection } = await jobs(t)
  assert.equal(backend.isChangeStreamsActive(), false)
  assert.equal(backend.streamState, 'off')
  assert.equal(
    backend.onJobAvailable(() => {}),
    null,
  )
  assert.deepEqual(await streamCursors(client, collection), [])
})

test('push on a standalone server is refused in one sentence, and polling works there', async (t) => {
  const client = await MongoClient.connect(await standalone(t))
  atEnd(t, () => client.close())
  const db = client.db('app')
  const push = new MongoJobQueue({ db, useChangeStreams: true, logger: SILENT })
  atEnd(t, () => push.shutdown(5000))
  await assert.rejects(push.startup(), {
    name: 'ServerUnsupportedError',
    code: 'ERR_DURABL_NOT_A_REPLICA_SET',
    message: /useChangeStreams needs a replica set, and this server is a standalone/,
  })
  assert.equal(push.isChangeStreamsActive(), false)
  assert.equal(push.streamState, 'off')

  // Two clients: nothing is known here but what a poll finds.
  const [here, there] = ['here', 'there'].map((appName) => {
    const [{ host, port }] = client.options.hosts
    const backend = new MongoJobQueue({
      uri: `mongodb://${host}:${port}/?appName=${appName}`,
      database: 'app',
    })
    const queue = new JobQueue(backend, SILENT)
    atEnd(t, () => queue.shutdown(5000))
    return queue
  })
  await here.startup()
  await there.startup()
  const ran = []
  here.process('work', async (job) => void ran.push(job.id), { pollInterval: 100 })
  const ids = [await there.enqueue('work', 1), await there.enqueue('work', 2, { delay: 150 })]
  await pollUntil('both were found', () => ids.every((id) => ran.includes(id)))
})
