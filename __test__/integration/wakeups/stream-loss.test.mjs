/** The stream is lost in every way there is. Jobs that were enqueued meanwhile still run, and no poll comes to help. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { MongoClient } from 'mongodb'
import { findMongod } from '../../../scripts/mongod/find.mjs'
import { startReplicaSet } from '../../../scripts/mongod/replica-set.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { elsewhere } from '../../support/elsewhere.mjs'
import { streamCursors } from '../../support/streams.mjs'
import { letPass } from '../../support/time.mjs'

const NEVER = 3_600_000
const WORKER = 'the-worker'
/** The server is told to fail: it is not one that others use. */
let set
let admin

before(async () => {
  set = await startReplicaSet(await findMongod(() => {}), { testCommands: true })
  admin = await MongoClient.connect(set.url)
})
after(async () => {
  await admin?.close()
  await set?.stop()
})

let databases = 0

/** A worker with push, and somebody elsewhere who enqueues all along. */
async function story(t) {
  databases += 1
  const config = { url: set.url, database: `loss_${databases}` }
  const said = []
  const logger = Object.fromEntries(
    ['debug', 'info', 'warn', 'error'].map((level) => [
      level,
      (fields, message) => said.push({ level, message: message ?? fields }),
    ]),
  )
  const worker = await elsewhere(t, config, { appName: WORKER, useChangeStreams: true, logger })
  const states = []
  worker.backend.onStreamState((state) => states.push(state))
  const ran = new Set()
  worker.queue.process('work', async (job) => void ran.add(job.id), { concurrency: 4, pollInterval: NEVER })

  const producer = await elsewhere(t, config, { appName: 'producer' })
  const acknowledged = []
  let isProducing = true
  const producing = (async () => {
    while (isProducing) {
      acknowledged.push(await producer.queue.enqueue('work', null, { delay: acknowledged.length % 3 }))
      await letPass(5, 'the pause between two jobs')
    }
  })()
  atEnd(t, () => {
    isProducing = false
    return producing
  })
  await pollUntil('the worker works', () => ran.size > 0)
  const db = admin.db(config.database)
  return {
    ...{
      db,
      collection: db.collection('jobs'),
      backend: worker.backend,
      states,
      said,
      ran,
      acknowledged,
      producer,
    },
    /** Nothing is made from now on, unless the test makes it: each later job would hide that an earlier one was missed. */
    async fallsSilent() {
      isProducing = false
      await producing
    },
    /** Waits until everything that was acknowledged has run, though nothing comes after it. */
    async everythingRuns() {
      await this.fallsSilent()
      await pollUntil('the stream is back', () => worker.backend.streamState === 'streaming')
      await pollUntil('everything acknowledged has run', () => acknowledged.every((id) => ran.has(id)))
    },
    /** Jobs that come when all is over are pushed again. */
    async isPushedAgain() {
      const id = await producer.queue.enqueue('work', null)
      await pollUntil('a later job is pushed', () => ran.has(id), { patienceMs: 5000 })
    },
  }
}

/** Fails some of the worker's next commands, and no others. The result waits until so many have failed. */
async function failNext(t, commands, times, error) {
  const failPoint = { configureFailPoint: 'failCommand' }
  atEnd(t, () => admin.db('admin').command({ ...failPoint, mode: 'off' }))
  const data = { failCommands: commands, appName: WORKER, ...error }
  const mode = times === Infinity ? 'alwaysOn' : { times }
  const { count } = await admin.db('admin').command({ ...failPoint, mode, data })
  return (failures) =>
    admin.db('admin').command({
      waitForFailPoint: failPoint.configureFailPoint,
      timesEntered: count + failures,
      maxTimeMS: 60_000,
    })
}

const HISTORY_LOST = { errorCode: 286, errorLabels: ['NonResumableChangeStreamError'] }

/** The cursors of the stream, once there are some. */
const someCursors = (collection) =>
  pollUntil('there is a cursor', async () => {
    const cursors = await streamCursors(admin, collection)
    return cursors.length > 0 && cursors
  })

/** Waits until there is another cursor in the place of these. */
const whenReplaced = (collection, gone) =>
  pollUntil('another cursor is in its place', async () => {
    const ids = (await streamCursors(admin, collection)).map(({ id }) => String(id))
    return ids.length > 0 && gone.every(({ id }) => !ids.includes(String(id)))
  })

const losses = {
  async 'its cursor is killed'(t, { db, collection }) {
    for (let i = 0; i < 3; i += 1) {
      const cursors = await someCursors(collection)
      await db.command({ killCursors: collection.collectionName, cursors: cursors.map(({ id }) => id) })
      await whenReplaced(collection, cursors)
    }
  },

  async 'its operation is killed'(t, { collection }) {
    const lost = (await someCursors(collection)).map(({ id }) => String(id))
    // An operation may end before it is killed. Then the next one of the same cursor is.
    await pollUntil('another cursor is in its place', async () => {
      const cursors = await streamCursors(admin, collection)
      const left = cursors.filter(({ id }) => lost.includes(String(id)))
      for (const { opid } of left)
        if (opid !== undefined) await admin.db('admin').command({ killOp: 1, op: opid })
      return cursors.length > 0 && left.length === 0
    })
  },

  async 'the history that it would resume from is gone'(t, { states }) {
    await failNext(t, ['getMore', 'aggregate'], 2, HISTORY_LOST)
    await pollUntil('the loss is noticed', () => states.includes('reconnecting'))
  },

  async 'the server refuses to resume for a while'(t, { states }) {
    await failNext(t, ['getMore', 'aggregate'], 12, HISTORY_LOST)
    await pollUntil('the loss is noticed', () => states.includes('reconnecting'))
  },

  async 'its connection breaks'(t) {
    const isMet = await failNext(t, ['getMore'], 3, { closeConnection: true })
    await isMet(3)
  },
}

for (const [loss, cause] of Object.entries(losses)) {
  test(`everything runs when ${loss}`, async (t) => {
    const scene = await story(t)
    await cause(t, scene)
    await scene.everythingRuns()
    await scene.isPushedAgain()
    assert.deepEqual(
      scene.said.filter(({ level }) => level === 'error' && !loss.includes('for a while')),
      [],
      'a loss that is soon over is no error',
    )
  })
}

test('the stream’s states are told when it is lost and when it is back, and the log says so once', async (t) => {
  const scene = await story(t)
  await failNext(t, ['getMore', 'aggregate'], 6, HISTORY_LOST)
  await pollUntil('it is lost', () => scene.states.includes('reconnecting'))
  await pollUntil('it is back', () => scene.states.at(-1) === 'streaming')
  const told = scene.states.filter((state) => state !== 'off' && state !== 'connecting')
  assert.deepEqual(told.slice(-2), ['reconnecting', 'streaming'])
  const warnings = scene.said.filter(
    ({ level, message }) => level === 'warn' && message.includes('change stream'),
  )
  assert.equal(warnings.length, 1, JSON.stringify(scene.said))
})

test('everything enqueued after the collection was dropped runs, under its indexes', async (t) => {
  const scene = await story(t)
  await scene.collection.drop()
  const from = scene.acknowledged.length + 1
  await pollUntil('the loss is noticed', () => scene.states.includes('reconnecting'))
  // Jobs that were there when the collection was dropped are gone with it.
  scene.acknowledged.splice(0, from)
  await scene.everythingRuns()
  await scene.isPushedAgain()
  await pollUntil('the dedupe indexes are there again', async () => {
    const indexes = await scene.collection.indexes().catch(() => [])
    return indexes.some(({ name }) => name === 'dedupe_pending_active_idx')
  })
})

test('a job made while the stream is lost runs as soon as that is back, though nothing comes after it', async (t) => {
  const scene = await story(t)
  // The worker's own looks are aggregations, and go on; a stream is opened by a find before all else.
  const isMet = await failNext(t, ['getMore', 'find'], Infinity, HISTORY_LOST)
  await pollUntil('the loss is noticed', () => scene.states.includes('reconnecting'))
  await scene.fallsSilent()
  // It looks once when the stream is lost, and could see the next job so.
  await isMet(4)
  const id = await scene.producer.queue.enqueue('work', null)
  await isMet(6)
  assert.equal(scene.ran.has(id), false, 'nothing tells of it')
  await admin.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' })
  await pollUntil('it has run', () => scene.ran.has(id))
})

/**
 * A write gets its place in the log of the server before it can be seen. A stream that begins behind such a place does not tell of the write.
 * A look that comes too early finds nothing.
 */
test('a job whose insert is on its way while the stream is opened is not missed', async (t) => {
  const scene = await story(t)
  await scene.everythingRuns()
  const sleepy = 'sleepBetweenInsertOpTimeGenerationAndLogOp'
  const other = admin.db(scene.db.databaseName).collection('other', { writeConcern: { w: 1 } })
  await other.insertOne({ _id: 'there' })
  const before = await someCursors(scene.collection)

  const insertSleeps = { configureFailPoint: sleepy, mode: { times: 1 }, data: { waitForMillis: 8000 } }
  const { count } = await admin.db('admin').command(insertSleeps)
  let isWritten = false
  const enqueued = scene.producer.queue.enqueue('work', null).finally(() => (isWritten = true))
  await admin.db('admin').command({ waitForFailPoint: sleepy, timesEntered: count + 1, maxTimeMS: 60_000 })
  await other.updateOne({ _id: 'there' }, { $set: { later: true } })
  const killed = { killCursors: scene.collection.collectionName, cursors: before.map(({ id }) => id) }
  await scene.db.command(killed)
  await whenReplaced(scene.collection, before)
  await pollUntil('the stream is back', () => scene.backend.streamState === 'streaming')
  assert.equal(isWritten, false, 'the stream was opened too late')
  const id = await enqueued
  await pollUntil('it has run', () => scene.ran.has(id))
})
