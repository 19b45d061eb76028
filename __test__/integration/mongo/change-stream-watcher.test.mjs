import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { MongoChangeStreamWatcher, MongoJobQueue } from 'durabl'
import { findMongod } from '../../../scripts/mongod/find.mjs'
import { startServer } from '../../../scripts/mongod/server.mjs'
import { MongoClient } from 'mongodb'
import { pollUntil } from '../../support/wait.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { connect } from '../../support/mongo.mjs'
import { streamCursors } from '../../support/streams.mjs'

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }

/** Collects wake-ups; `next()` resolves with the oldest one that it has not returned yet. */
function ear() {
  const heard = []
  const waiting = []
  const next = () =>
    heard.length > 0 ? Promise.resolve(heard.shift()) : new Promise((resolve) => waiting.push(resolve))
  return {
    listener: (type) => (waiting.length > 0 ? waiting.shift()(type) : heard.push(type)),
    next,
    /** Skips wake-ups until one is `type`. */
    async until(type) {
      while ((await next()) !== type);
    },
  }
}

async function watching(t, options) {
  const { client, db } = await connect(t, options)
  const backend = new MongoJobQueue({ db })
  atEnd(t, () => backend.shutdown(2000))
  await backend.startup()
  const watcher = new MongoChangeStreamWatcher(backend.getCollection(), db, SILENT)
  atEnd(t, () => watcher.stop())
  const { listener, ...rest } = ear()
  watcher.addListener(listener)
  return { client, db, backend, watcher, listener, ...rest }
}

test('a new job wakes by its type, and a retried one wakes any type', async (t) => {
  const { backend, watcher, next } = await watching(t)
  await watcher.start()
  await backend.enqueue('mail', 1)
  assert.equal(await next(), 'mail')
  const job = await backend.claimNext('mail')
  await backend.release(job.id, job.claimToken)
  assert.equal(await next(), '')
})

test('a change that makes no job claimable wakes no listener', async (t) => {
  const { backend, watcher, next } = await watching(t)
  await watcher.start()
  const job = await backend.claimOrEnqueue('direct', 1)
  await backend.heartbeat(job.id, job.claimToken)
  await backend.log(job.id, 'hello', job.claimToken)
  await backend.complete(job.id, job.claimToken)
  await backend.enqueue('last', 1)
  assert.equal(await next(), 'last')
})

test('a listener that was removed hears nothing, one that throws harms no other', async (t) => {
  const { backend, watcher, listener, next } = await watching(t)
  const removed = ear()
  watcher.addListener(removed.listener)
  watcher.removeListener(removed.listener)
  watcher.removeListener(listener)
  watcher.addListener(() => {
    throw new Error('a bad listener')
  })
  watcher.addListener(listener)
  await watcher.start()
  await backend.enqueue('mail', 1)
  assert.equal(await next(), 'mail')
  const silence = Symbol('silence')
  assert.equal(await Promise.race([removed.next(), Promise.resolve(silence)]), silence)
})

test('each subscription ends by itself: a listener hears until the last of its own has ended', async (t) => {
  const { backend, watcher, next } = await watching(t)
  const [twice, once] = [ear(), ear()]
  const unsubscribes = [twice, twice, once].map(({ listener }) => watcher.addListener(listener))
  await watcher.start()
  unsubscribes[0]()
  unsubscribes[0]()
  unsubscribes[2]()
  await backend.enqueue('mail', 1)
  assert.equal(await twice.next(), 'mail')
  assert.equal(await next(), 'mail')
  unsubscribes[1]()
  await backend.enqueue('last', 1)
  assert.equal(await next(), 'last')
  const silence = Symbol('silence')
  for (const { next: heard } of [twice, once])
    assert.equal(await Promise.race([heard(), Promise.resolve(silence)]), silence)
})

test('a listener that is added while the watcher starts hears types', async (t) => {
  const { backend, watcher } = await watching(t)
  const late = ear()
  const started = watcher.start()
  watcher.addListener(late.listener)
  await started
  await backend.enqueue('mail', 1)
  assert.equal(await late.next(), 'mail')
})

test('a listener of a backend that is added while it starts up hears types', async (t) => {
  const { db } = await connect(t)
  const backend = new MongoJobQueue({ db, useChangeStreams: true, logger: SILENT })
  atEnd(t, () => backend.shutdown(2000))
  const other = new MongoJobQueue({ db, logger: SILENT })
  atEnd(t, () => other.shutdown(2000))
  const late = ear()
  const started = backend.startup()
  backend.onJobAvailable(late.listener)
  await started
  // Of another process, as it were; the stream may still be opening.
  while (backend.streamState !== 'streaming') await new Promise((resolve) => backend.onStreamState(resolve))
  await other.enqueue('mail', 1)
  await late.until('mail')
})

test('a stream that the server kills comes back, and nothing goes unheard', async (t) => {
  const { client, db, backend, watcher, next, until } = await watching(t)
  await watcher.start()
  await backend.enqueue('before', 1)
  assert.equal(await next(), 'before')
  const admin = client.db('admin')
  const lookForCursors = () =>
    admin
      .aggregate([
        { $currentOp: { idleCursors: true, localOps: true } },
        { $match: { ns: `${db.databaseName}.jobs`, 'cursor.cursorId': { $exists: true } } },
      ])
      .toArray()
  // Between two commands a cursor may be seen neither as idle nor as used.
  const cursors = await pollUntil('a cursor is seen', async () => {
    const seen = await lookForCursors()
    return seen.length > 0 && seen
  })
  await db.command({ killCursors: 'jobs', cursors: cursors.map(({ cursor }) => cursor.cursorId) })
  await backend.enqueue('after', 1)
  // By its type if the driver could go on from where it was, else by a catch-up.
  assert.ok(['after', ''].includes(await next()))
  await backend.enqueue('later', 1)
  await until('later')
})

test('after the collection was dropped the watcher goes on with the new one', async (t) => {
  const { db, backend, watcher, until } = await watching(t)
  await watcher.start()
  await backend.enqueue('before', 1)
  await until('before')
  await db.dropCollection('jobs')
  // The catch-up that says: look for yourself.
  await until('')
  await backend.enqueue('after', 1)
  await until('after')
})

test('starting twice and stopping twice are harmless, and stopped is stopped', async (t) => {
  const { backend, watcher, next } = await watching(t)
  const first = watcher.start()
  await watcher.start()
  await backend.enqueue('early', 1)
  assert.equal(await next(), 'early')
  await first
  await watcher.stop()
  await watcher.stop()
  await backend.enqueue('unheard', 1)
  await watcher.start()
  await backend.enqueue('heard', 1)
  assert.equal(await next(), 'heard')
})

const STOPPED = { name: 'ShutDownError', code: 'ERR_DURABL_SHUT_DOWN', message: /stopped before/ }

test('a watcher that is stopped while it starts opens no stream', async (t) => {
  const { client, backend, watcher } = await watching(t)
  const started = assert.rejects(watcher.start(), STOPPED)
  await watcher.stop()
  await started
  assert.match(inspect(watcher), /stopped/)
  assert.deepEqual(await streamCursors(client, backend.getCollection()), [])
})

test('a watcher that is stopped while the server is opening its stream closes that', async (t) => {
  const { client, db, backend } = await watching(t)
  const collection = backend.getCollection()
  let watcher = null
  let stopping = null
  const watch = (pipeline) => {
    const stream = collection.watch(pipeline)
    // As soon as it can: the stream is on its way then.
    setImmediate(() => (stopping = watcher.stop()))
    return stream
  }
  watcher = new MongoChangeStreamWatcher({ watch }, db, SILENT)
  await assert.rejects(watcher.start(), STOPPED)
  await stopping
  await pollUntil('nothing is left of it', async () => (await streamCursors(client, collection)).length === 0)
})

test('a watcher that is stopped and started again at once has one stream, and tells of each job once', async (t) => {
  const { client, backend, watcher, next } = await watching(t)
  const first = assert.rejects(watcher.start(), STOPPED)
  const stopped = watcher.stop()
  await watcher.start()
  await Promise.all([first, stopped])
  await pollUntil('one stream is left', async () => {
    return (await streamCursors(client, backend.getCollection())).length === 1
  })
  for (const type of ['one', 'two']) {
    await backend.enqueue(type, 1)
    assert.equal(await next(), type)
  }
  await watcher.stop()
  await pollUntil('nothing is left of it', async () => {
    return (await streamCursors(client, backend.getCollection())).length === 0
  })
})

test('a standalone server has no change streams, and says so in a sentence', async (t) => {
  const server = await startServer(await findMongod(() => {}))
  atEnd(t, () => server.stop())
  const client = await MongoClient.connect(`mongodb://127.0.0.1:${server.port}`)
  atEnd(t, () => client.close())
  const db = client.db('app')
  const watcher = new MongoChangeStreamWatcher(db.collection('jobs'), db, SILENT)
  await assert.rejects(watcher.start(), {
    name: 'ServerUnsupportedError',
    code: 'ERR_DURABL_NOT_A_REPLICA_SET',
    message: /replica set/,
  })
  // Polling works there all the same.
  const queue = new MongoJobQueue({ db })
  atEnd(t, () => queue.shutdown(2000))
  await queue.startup()
  await queue.enqueue('mail', 1)
  assert.equal((await queue.claimNext('mail')).type, 'mail')
  const pushed = new MongoJobQueue({ db, useChangeStreams: true })
  atEnd(t, () => pushed.shutdown(2000))
  await assert.rejects(pushed.startup(), { code: 'ERR_DURABL_NOT_A_REPLICA_SET' })
})

test('malformed arguments are refused', async (t) => {
  const { db } = await connect(t)
  const watcher = new MongoChangeStreamWatcher(db.collection('jobs'), db)
  assert.throws(() => watcher.addListener('mail'), TypeError)
  assert.throws(() => new MongoChangeStreamWatcher(db.collection('jobs'), db, 'log'), TypeError)
})
