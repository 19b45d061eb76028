/** The stream is lost in every way there is. What was enqueued meanwhile runs all the same, and no poll comes to help. */
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
    /** Waits until the loss was noticed, and then until everything that was acknowledged has run. */
    async everythingRuns() {
      await pollUntil('the stream is back', () => worker.backend.streamState === 'streaming')
      await letPass(100, 'more is made on the new stream')
      isProducing = false
      await producing
      await pollUntil('everything acknowledged has run', () => acknowledged.every((id) => ran.has(id)))
    },
    /** Jobs that come when all is over are pushed again. */
    async isPushedAgain() {
      const id = await producer.queue.enqueue('work', null)
      await pollUntil('a later job is pushed', () => ran.has(id), { patienceMs: 5000 })
    },
  }
}

/** Fails some of the worker's next commands, and nobody else's. */
async function failNext(t, commands, times, error) {
  const failPoint = { configureFailPoint: 'failCommand' }
  atEnd(t, () => admin.db('admin').command({ ...failPoint, mode: 'off' }))
  const data = { failCommands: commands, appName: WORKER, ...error }
  await admin.db('admin').command({ ...failPoint, mode: times === Infinity ? 'alwaysOn' : { times }, data })
}

const HISTORY_LOST = { errorCode: 286, errorLabels: ['NonResumableChangeStreamError'] }

const losses = {
  async 'its cursor is killed'(t, { db, collection }) {
    for (let i = 0; i < 3; i += 1) {
      const [cursor] = await pollUntil('there is a cursor', async () => {
        const cursors = await streamCursors(admin, collection)
        return cursors.length > 0 && cursors
      })
      await db.command({ killCursors: collection.collectionName, cursors: [cursor.id] })
      await letPass(200, 'the loss is noticed')
    }
  },

  async 'its operation is killed'(t, { collection }) {
    const [{ opid }] = await pollUntil('it waits for a reply', async () => {
      const waiting = (await streamCursors(admin, collection)).filter((cursor) => cursor.opid !== undefined)
      return waiting.length > 0 && waiting
    })
    await admin.db('admin').command({ killOp: 1, op: opid })
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
    await failNext(t, ['getMore'], 3, { closeConnection: true })
    await letPass(500, 'the connections break')
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
  // What was there when the collection was dropped is gone with it.
  scene.acknowledged.splice(0, from)
  await scene.everythingRuns()
  await scene.isPushedAgain()
  await pollUntil('the dedupe indexes are there again', async () => {
    const indexes = await scene.collection.indexes().catch(() => [])
    return indexes.some(({ name }) => name === 'dedupe_pending_active_idx')
  })
})
