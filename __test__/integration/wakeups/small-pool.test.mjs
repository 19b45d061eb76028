/** Push takes no connection from anything else, however few the app allows. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'
import { atEnd } from '../../support/cleanup.mjs'
import { SILENT } from '../../support/jobs.mjs'
import { connect, testUrl } from '../../support/mongo.mjs'
import { streamCursors } from '../../support/streams.mjs'
import { pollUntil } from '../../support/wait.mjs'

/** A stream keeps its connection for 5 s, again and again. */
const SOON_MS = 3000

async function soon(what, call) {
  const from = performance.now()
  const answer = await call
  const took = performance.now() - from
  assert.ok(took < SOON_MS, `${what} took ${Math.round(took)} ms`)
  return answer
}

/** Waits until the server has the answer of so many streams to wait for. */
const whenStreaming = (client, collections) =>
  pollUntil('all streams wait', async () => {
    const open = await Promise.all(collections.map((collection) => streamCursors(client, collection)))
    return open.every((cursors) => cursors.some(({ opid }) => opid !== undefined))
  })

test('ten streams of one process leave an enqueue as quick as it was', async (t) => {
  const { client, db } = await connect(t)
  const backends = Array.from({ length: 10 }, (_, n) => {
    const options = { uri: testUrl(), database: db.databaseName, collectionName: `jobs_${n}` }
    const backend = new MongoJobQueue({ ...options, useChangeStreams: true, logger: SILENT })
    atEnd(t, () => backend.shutdown(5000))
    return backend
  })
  const collections = backends.map((_, n) => db.collection(`jobs_${n}`))
  await Promise.all(backends.map((backend) => backend.startup()))
  await whenStreaming(client, collections)
  for (const backend of backends) await soon('an enqueue', backend.enqueue('work', 1))
  await soon('all shutdowns', Promise.all(backends.map((backend) => backend.shutdown(60_000))))
})

test('with one connection and a stream everything works, and the shutdown needs no time', async (t) => {
  const { client, db: own } = await connect(t)
  const app = await MongoClient.connect(testUrl(), { maxPoolSize: 1 })
  atEnd(t, () => app.close())
  const backend = new MongoJobQueue({ db: app.db(own.databaseName), useChangeStreams: true, logger: SILENT })
  const events = []
  const queue = new JobQueue(backend, SILENT, {
    onJobEvent: (event) => events.push(event),
  })
  atEnd(t, () => queue.shutdown(5000))
  await queue.startup()
  const ran = []
  queue.process(
    'work',
    async (job, ctx) => {
      for (let n = 0; n < 5; n += 1) void ctx.log(`line ${n}`)
      assert.equal(await ctx.heartbeat(), 'applied')
      ran.push(job.id)
    },
    { concurrency: 4 },
  )
  queue.process('transacting', async (job, ctx) => {
    await ctx.transaction(async (session) => {
      await app.db(own.databaseName).collection('done').insertOne({ _id: job.id }, { session })
    })
    ran.push(job.id)
  })
  await whenStreaming(client, [own.collection('jobs')])
  const from = performance.now()
  const ids = []
  for (let n = 0; n < 8; n += 1)
    ids.push(await soon('an enqueue', queue.enqueue(n < 5 ? 'work' : 'transacting', n)))
  await pollUntil('all have run', () => ids.every((id) => ran.includes(id)))
  await pollUntil('all are completed', async () => (await queue.getStats()).completed === ids.length)
  const took = performance.now() - from
  assert.ok(took < 20_000, `the jobs took ${Math.round(took)} ms`)
  assert.deepEqual((await backend.findOne({ id: ids[0] })).logs.length, 5)
  assert.deepEqual(
    events.filter(({ kind }) => kind === 'lease-lost'),
    [],
  )
  await soon('the shutdown', queue.shutdown(60_000))
})
