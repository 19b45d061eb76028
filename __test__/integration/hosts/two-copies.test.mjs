/** Two copies of the package in one process, as npm installs them where two dependencies disagree about the version. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { root } from '../../support/child.mjs'
import { project } from '../../support/installed.mjs'
import { connect, testUrl } from '../../support/mongo.mjs'

const PROGRAM = `
import assert from 'node:assert/strict'
import { MongoClient } from 'mongodb'
import * as one from 'durabl'
import * as two from ${JSON.stringify(pathToFileURL(join(root, 'index.mjs')))}

assert.notEqual(one.JobQueue, two.JobQueue)
const client = await MongoClient.connect(process.env.MONGO_URL)
const db = client.db(process.env.MONGO_DB)
const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const queueOf = (copy, backend) => new copy.JobQueue(backend, quiet)
const ran = (queue, type, handler = () => {}) =>
  new Promise((resolve) => queue.process(type, (job) => (setImmediate(resolve, job.data.by), handler(job))))

const [first, second] = [one, two].map(({ MongoJobQueue }) => new MongoJobQueue({ db, useChangeStreams: true }))
const [own, others, mixed] = [queueOf(one, first), queueOf(two, second), queueOf(one, new two.MongoJobQueue({ db }))]
await Promise.all([own.startup(), others.startup()])

// Each works off what another has made.
await others.enqueue('a', { by: 'others' })
await mixed.enqueue('b', { by: 'mixed' })
await own.enqueue('c', { by: 'own' })
console.log(await Promise.all([ran(own, 'a'), ran(others, 'b'), ran(mixed, 'c')]))

// A key is one key for all of them.
const enqueued = await Promise.all([own, others, mixed].map((queue) => queue.enqueue('d', {}, { dedupeKey: 'k', delay: 60_000 })))
console.log(enqueued.filter((id) => id !== null).length)

// A fatal error is fatal, whichever copy's it is.
await own.enqueue('e', { by: 'own' })
await ran(others, 'e', () => {
  throw new one.FatalJobError('no use')
})
await Promise.all([own, others, mixed].map((queue) => queue.shutdown()))
console.log((await db.collection('jobs').findOne({ type: 'e' })).status)
await client.close()
`

test('two copies of the package work beside and with each other', async (t) => {
  const { db } = await connect(t)
  const { run } = await project(t, { addon: true, mongodb: true })
  const { code, stdout, stderr, quietMs } = await run(PROGRAM, {
    env: { MONGO_URL: testUrl(), MONGO_DB: db.databaseName },
  })
  assert.equal(stderr, '')
  assert.equal(stdout, "[ 'others', 'mixed', 'own' ]\n1\nfailed\n")
  assert.equal(code, 0)
  // Otherwise the process would wait for the engine’s farewell, of five seconds.
  assert.ok(quietMs < 4000, `it lingered for ${quietMs} ms`)
})
