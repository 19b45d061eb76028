import assert from 'node:assert/strict'
import test from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import * as mongodb7 from 'mongodb'
import * as mongodb6 from 'mongodb6'
import { engineOf } from '../../../dist/mongo/mongo-job-queue.js'
import { atEnd } from '../../support/cleanup.mjs'
import { connect, testUrl } from '../../support/mongo.mjs'

const { MongoClient, ObjectId } = mongodb7

/** A started backend that ends with the test. */
async function backend(t, options = {}, clientOptions) {
  const { client, db } = await connect(t, clientOptions)
  const made = await started(t, { db, ...options })
  return { client, db, backend: made }
}

async function started(t, options) {
  const made = new MongoJobQueue(options)
  atEnd(t, () => made.shutdown(5000))
  await made.startup()
  return made
}

/** A job's data as a worker gets it. */
async function roundTrip(queue, data) {
  await queue.enqueue('round-trip', data)
  return (await queue.claimNext('round-trip')).data
}

test('a payload of any kind comes back', async (t) => {
  const { backend: queue } = await backend(t)
  for (const data of [null, 0, 'text', true, [1, [2]], {}])
    assert.deepEqual(await roundTrip(queue, data), data)
  assert.equal(await roundTrip(queue, undefined), null)
})

test('15 MB make the round trip', async (t) => {
  const { backend: queue } = await backend(t)
  const blob = Buffer.alloc(15 * 1024 * 1024, 'durabl')
  const back = await roundTrip(queue, { blob })
  assert.ok(Buffer.from(back.blob.buffer).equals(blob))
})

test('a payload that replaces another is taken as it is', async (t) => {
  const { backend: queue } = await backend(t)
  const key = { dedupeKey: 'k', dedupeScope: 'pending' }
  await queue.enqueue('type', { first: true }, key)
  const latest = { $add: [1, '$priority'], text: '$type', when: '$$NOW', nested: { $literal: '$x' } }
  assert.equal(await queue.enqueue('type', latest, { ...key, coalesce: 'latest' }), null)
  assert.deepEqual((await queue.claimNext('type')).data, latest)
})

test('a connection string does as well as a client', async (t) => {
  const { db } = await connect(t)
  const queue = await started(t, { uri: testUrl(), database: db.databaseName, collectionName: 'other' })
  const id = await queue.enqueue('type', { a: new ObjectId() })
  assert.equal((await db.collection('other').findOne({ _id: id })).status, 'pending')
  assert.throws(() => queue.getCollection(), { code: 'ERR_DURABL_UNSUPPORTED' })
})

test('the collection is the app’s own', async (t) => {
  const { client, db, backend: queue } = await backend(t, { collectionName: 'work' })
  const collection = queue.getCollection()
  assert.equal(collection.collectionName, 'work')
  assert.equal(collection.client ?? db.client, client)
  const id = await queue.enqueue('type', 1)
  assert.equal((await collection.findOne({ _id: id })).type, 'type')
})

test('jobs are found by their fields and by paths into the payload', async (t) => {
  const { backend: queue } = await backend(t)
  const user = new ObjectId()
  const id = await queue.enqueue('mail', { user, nested: { n: 5 } }, { dedupeKey: 'k' })
  await queue.enqueue('mail', { user: new ObjectId() })
  for (const query of [
    { id },
    { _id: id },
    { dedupeKey: 'k' },
    { 'data.user': user },
    { type: 'mail', 'data.nested.n': 5 },
  ]) {
    assert.equal((await queue.findOne(query)).id, id, Object.keys(query).join())
  }
  assert.equal(await queue.findOne({ id, type: 'other' }), null)
  await assert.rejects(queue.findOne({ 'data.user': new mongodb6.ObjectId() }), { name: 'PayloadError' })
  await assert.rejects(queue.findOne({ type: { $ne: '' } }), TypeError)
})

test('nothing is written when a call is refused', async (t) => {
  const { backend: queue } = await backend(t)
  const cycle = {}
  cycle.self = cycle
  for (const attempt of [
    () => queue.enqueue('', 1),
    () => queue.enqueue({ $gt: '' }, 1),
    () => queue.enqueue('type', cycle),
    () => queue.enqueue('type', () => {}),
    () => queue.enqueue('type', 1, { delay: -1 }),
    () => queue.claimOrEnqueue('type', Symbol('s')),
  ]) {
    await assert.rejects(attempt())
  }
  assert.equal(await queue.getCollection().countDocuments(), 0)
})

test('an error carries the stack of the call', async (t) => {
  const { backend: queue } = await backend(t)
  await queue.shutdown()
  await assert.rejects(
    (async function enqueueFromHere() {
      await queue.enqueue('type', 1)
    })(),
    (error) => {
      assert.equal(error.name, 'ShutDownError')
      assert.match(error.stack, /enqueueFromHere/)
      return true
    },
  )
})

test('a failure of the server carries the stack of the call and the server’s code', async (t) => {
  const { db, backend: queue } = await backend(t)
  await queue.resetStorage()
  await db.dropCollection('jobs').catch(() => {})
  await db.createCollection('real')
  await db.createCollection('jobs', { viewOn: 'real', pipeline: [] })
  await assert.rejects(
    (async function enqueueFromHere() {
      await queue.enqueue('type', 1)
    })(),
    (error) => {
      assert.equal(error.code, 'ERR_DURABL_SERVER')
      assert.equal(error.serverCode, 166)
      assert.match(error.stack, /enqueueFromHere/)
      return true
    },
  )
})

test('a client that was closed is refused at once, and a backend is when its client has been closed before its first call', async () => {
  const closed = await MongoClient.connect(testUrl())
  const late = new MongoJobQueue({ db: closed.db('app') })
  await closed.close()
  const refusal = { name: 'ConnectionError', message: /has been closed/ }
  assert.throws(() => new MongoJobQueue({ db: closed.db('app') }), refusal)
  await assert.rejects(late.startup(), refusal)
  await assert.rejects(late.enqueue('type', 1), refusal)
  await late.shutdown(5000)
})

for (const [version, { MongoClient }] of Object.entries({ 6: mongodb6, 7: mongodb7 })) {
  test(`a client that the app leaves to be connected by its first use is as good (mongodb ${version})`, async (t) => {
    const client = new MongoClient(testUrl())
    const db = client.db(`durabl_test_lazy_${version}`)
    const queue = new MongoJobQueue({ db })
    atEnd(t, async () => {
      await queue.shutdown(5000)
      await db.dropDatabase()
      await client.close()
    })
    assert.equal(typeof (await queue.enqueue('type', 1, { dedupeKey: 'k' })), 'string')
    await queue.startup()
    assert.equal(client.topology ?? null, null, 'nothing of durabl connects it')
    const id = await client.withSession((session) =>
      session.withTransaction(() => queue.enqueue('type', 2, { session })),
    )
    assert.deepEqual((await queue.getCollection().findOne({ _id: id })).data, 2)
  })
}

test('a server that is down is reported in one sentence, within the client’s own patience', async (t) => {
  const queue = new MongoJobQueue({
    uri: 'mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300&connectTimeoutMS=300',
    database: 'app',
  })
  atEnd(t, () => queue.shutdown(1000))
  await assert.rejects(queue.startup(), { name: 'ConnectionError', code: 'ERR_DURABL_CONNECTION' })
})

test('push is seen from outside: state, listeners, wake-ups', async (t) => {
  const { db } = await connect(t)
  const queue = new MongoJobQueue({ db, useChangeStreams: true })
  atEnd(t, () => queue.shutdown(5000))
  assert.equal(queue.streamState, 'off')
  const states = []
  const streaming = new Promise((resolve) => {
    const forget = queue.onStreamState((state) => {
      states.push(state)
      if (state === 'streaming') resolve()
    })
    atEnd(t, forget)
  })
  let heard
  const wakeUp = new Promise((resolve) => (heard = resolve))
  // Added before startup, it counts all the same.
  const unsubscribe = queue.onJobAvailable((type) => type === 'mail' && heard(type))
  await queue.startup()
  await streaming
  assert.equal(queue.isChangeStreamsActive(), true)
  assert.equal(queue.streamState, 'streaming')
  const other = await started(t, { db })
  await other.enqueue('mail', 1)
  assert.equal(await wakeUp, 'mail')
  unsubscribe()
  unsubscribe()
  assert.equal(
    other.onJobAvailable(() => {}),
    null,
  )
})

test('a listener that throws harms no other', async (t) => {
  const { db } = await connect(t)
  const errors = []
  const logger = { debug() {}, info() {}, warn() {}, error: (fields) => errors.push(fields) }
  const queue = new MongoJobQueue({ db, useChangeStreams: true, logger })
  atEnd(t, () => queue.shutdown(5000))
  let heard
  const wakeUp = new Promise((resolve) => (heard = resolve))
  queue.onJobAvailable(() => {
    throw new Error('a bad listener')
  })
  queue.onJobAvailable(heard)
  await queue.startup()
  await queue.enqueue('mail', 1)
  await wakeUp
  assert.ok(errors.some(({ err }) => err?.message === 'a bad listener'))
})

test('the engine is for an unmodified backend only', async (t) => {
  const { db } = await connect(t)
  const make = () => {
    const made = new MongoJobQueue({ db })
    atEnd(t, () => made.shutdown(1000))
    return made
  }
  const plain = make()
  assert.notEqual(engineOf(plain), null)
  class Derived extends MongoJobQueue {}
  const derived = new Derived({ db })
  atEnd(t, () => derived.shutdown(1000))
  assert.equal(engineOf(derived), null)
  assert.equal(engineOf(new Proxy(plain, {})), null)
  assert.equal(engineOf({ ...plain }), null)
  assert.equal(engineOf({}), null)
  const spied = make()
  spied.enqueue = async () => 'spied'
  assert.equal(engineOf(spied), null)
  const original = MongoJobQueue.prototype.complete
  MongoJobQueue.prototype.complete = async () => ({ status: 'completed' })
  assert.equal(engineOf(plain), null)
  MongoJobQueue.prototype.complete = original
  assert.notEqual(engineOf(plain), null)
})

test('a proxy around a backend sees every call and runs jobs', async (t) => {
  const { backend: inner } = await backend(t)
  const calls = []
  const proxy = new Proxy(inner, {
    get(target, name, receiver) {
      if (typeof name === 'string') calls.push(name)
      return Reflect.get(target, name, receiver)
    },
  })
  const queue = new JobQueue(proxy)
  const seen = new Promise((resolve) =>
    queue.process('type', (job) => resolve(job.data), { pollInterval: 50 }),
  )
  await queue.enqueue('type', { n: 1 })
  assert.deepEqual(await seen, { n: 1 })
  await queue.shutdown()
  for (const name of ['enqueue', 'claimNext', 'complete']) assert.ok(calls.includes(name), name)
})

test('shutting down twice is harmless, and the app’s client stays open', async (t) => {
  const { db, backend: queue } = await backend(t)
  await Promise.all([queue.shutdown(), queue.shutdown()])
  await queue.shutdown()
  await queue[Symbol.asyncDispose]()
  assert.equal((await db.command({ ping: 1 })).ok, 1)
})
