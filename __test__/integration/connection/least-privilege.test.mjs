/** The roles of docs/reference/security.md are enough for what it says, and what they don't allow is refused in clear words. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { JobQueue } from 'durabl'
import { MongoClient } from 'mongodb'
import { findMongod } from '../../../scripts/mongod/find.mjs'
import { startServer } from '../../../scripts/mongod/server.mjs'
import { deferred, eventLog } from '../../support/async.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { Backends, PATIENCE, createAdmin } from './support/backends.mjs'
import { Overheard } from './support/overheard.mjs'
import { pollUntil } from '../../support/wait.mjs'

const PASSWORD = 'pr1vate-s3cret'
const overheard = new Overheard(PASSWORD)
const backends = new Backends(overheard)
const directory = mkdtempSync(join(tmpdir(), 'durabl-'))
const DOC = new URL('../../../docs/reference/security.md', import.meta.url)

let server, admin

before(async () => {
  // A replica set that asks for passwords wants a secret for its members too, also if there is but one.
  const keyFile = join(directory, 'key')
  writeFileSync(keyFile, 'durablkey', { mode: 0o600 })
  const args = ['--auth', '--keyFile', keyFile]
  server = await startServer(await findMongod(() => {}), { replicaSet: 'rs0', args })
  await initiate()
  admin = await createAdmin(`mongodb://127.0.0.1:${server.port}`, PASSWORD)
  await createRolesOfTheDocument(admin)
  for (const role of ['durablProducer', 'durablWorker', 'durablDeployer']) await createUser(role, [role])
})
after(async () => {
  await admin?.close()
  await server?.stop()
  rmSync(directory, { recursive: true, force: true })
  overheard.assertNoSecret()
})

async function initiate() {
  const client = await MongoClient.connect(`mongodb://127.0.0.1:${server.port}/?directConnection=true`)
  const db = client.db('admin')
  const members = [{ _id: 0, host: `127.0.0.1:${server.port}` }]
  await db.command({ replSetInitiate: { _id: 'rs0', members } })
  await pollUntil('it is the primary', async () => (await db.command({ hello: 1 })).isWritablePrimary)
  await client.close()
}

/** Runs the very sample that users copy. */
async function createRolesOfTheDocument(client) {
  const samples = [...readFileSync(DOC, 'utf8').matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, code]) => code)
  const sample = samples.find((code) => code.includes('createRole'))
  const AsyncFunction = (async () => {}).constructor
  await new AsyncFunction('client', sample)(client)
}

function createUser(name, roles) {
  return admin.db('app').command({ createUser: name, pwd: PASSWORD, roles })
}

/** The rights of a role on the jobs. */
function createRole(name, actions) {
  const privileges = [{ resource: { db: 'app', collection: 'jobs' }, actions }]
  return admin.db('app').command({ createRole: name, privileges, roles: [] })
}

/** A user with one role of the same name. */
async function createUserWith(name, actions) {
  await createRole(name, actions)
  await createUser(name, [name])
  return name
}

async function backendOf(t, user, options) {
  const uri = `mongodb://${user}:${PASSWORD}@127.0.0.1:${server.port}/?authSource=app&replicaSet=rs0`
  const client = await MongoClient.connect(uri, PATIENCE)
  atEnd(t, () => client.close())
  const backend = backends.made(t, { db: client.db('app'), ...options })
  return { client, backend }
}

const refused = (call, words) => backends.assertRefused(call, 'PermissionError', words)

test('without indexes, no user starts without the right to make them', async (t) => {
  const { backend } = await backendOf(t, 'durablWorker')
  await refused(backend.startup(), /createIndexes/)
})

test('a deployer makes the indexes and drops those of the older package, repeatedly', async (t) => {
  const { backend } = await backendOf(t, 'durablDeployer')
  const jobs = admin.db('app').collection('jobs')
  await jobs.createIndex({ type: 1, status: 1 }, { name: 'stats_idx' })
  await backend.startup()
  await backend.startup()
  const names = (await jobs.indexes()).map(({ name }) => name)
  assert.ok(names.includes('dedupe_pending_active_idx'), names.join())
  assert.ok(!names.includes('stats_idx'), names.join())
  await refused(backend.enqueue('type', 1), /insert/)
})

test('a producer enqueues in every way, and can neither clean up nor listen', async (t) => {
  const { client, backend } = await backendOf(t, 'durablProducer')
  await backend.startup()
  const queue = new JobQueue(backend, overheard.logger)
  const scope = { dedupeKey: 'k', dedupeScope: 'pending' }
  assert.ok(await queue.enqueue('produced', 1, scope))
  assert.equal(await queue.enqueue('produced', 2, { ...scope, coalesce: 'latest' }), null)
  assert.equal((await queue.enqueueMany([{ type: 'produced', data: 3 }])).length, 1)
  await client.withSession((session) =>
    session.withTransaction(async () => {
      assert.ok(await queue.enqueue('produced', 4, { session }))
      assert.equal(await queue.enqueue('produced', 5, { ...scope, session }), null)
    }),
  )
  assert.equal(await queue.hasOutstanding('produced', 'k'), true)
  assert.equal((await queue.getStats('produced')).pending, 3)
  await refused(backend.cleanupOldJobs(), /delete|remove/)
  const listening = await backendOf(t, 'durablProducer', { useChangeStreams: true })
  await refused(listening.backend.startup(), /changeStream|aggregate/)
})

for (const useChangeStreams of [false, true]) {
  test(`a worker does everything, ${useChangeStreams ? 'with' : 'without'} a change stream`, async (t) => {
    const { backend } = await backendOf(t, 'durablWorker', { useChangeStreams })
    await backend.startup()
    assert.equal(backend.isChangeStreamsActive(), useChangeStreams)
    const log = eventLog()
    const queue = new JobQueue(backend, overheard.logger, { onJobEvent: log.listener })
    atEnd(t, () => queue.shutdown(1000))
    const type = `work-${useChangeStreams}`
    const renewed = deferred()
    queue.process(type, async ({ data }, ctx) => {
      await ctx.log('seen')
      await ctx.heartbeat()
      if (data === 'bad') throw new Error('on purpose')
      if (data === 'transaction') await ctx.transaction(async () => {})
      renewed.resolve()
    })
    for (const data of ['good', 'transaction']) {
      const id = await queue.enqueue(type, data)
      await log.next('completed', ({ jobId }) => jobId === id)
    }
    const bad = await queue.enqueue(type, 'bad', { maxAttempts: 2, backoffDelay: 1 })
    await log.next('failed', ({ jobId, terminal }) => jobId === bad && terminal)
    const handle = await queue.claimOrEnqueue('by hand', 1, { dedupeKey: type, dedupeScope: 'pending' })
    assert.deepEqual(await handle.release(), { status: 'released' })
    assert.equal((await backend.claimNextByKey('by hand', type)).id, handle.id)
    assert.equal(await backend.recoverStuckJobs(), 0)
    assert.ok((await backend.cleanupOldJobs(0)) >= 3)
  })
}

test('a right that is missing is named by the call that needs it, and nothing else fails', async (t) => {
  const all = ['find', 'insert', 'update', 'listIndexes']
  const without = async (right) => {
    const user = await createUserWith(
      `without-${right}`,
      all.filter((action) => action !== right),
    )
    return (await backendOf(t, user)).backend
  }
  await refused((await without('listIndexes')).startup(), /listIndexes/)
  await refused((await without('insert')).enqueue('type', 1), /insert/)
  await refused((await without('find')).hasOutstanding('type', 'k'), /find/)
  const reader = await without('update')
  const id = await reader.enqueue('type', 1)
  await refused(reader.claimNext('type'), /findAndModify|update/)
  assert.equal((await reader.findOne({ id })).status, 'pending')
})

test('a processor that may not claim says so, and goes on when it may', async (t) => {
  await createUserWith('later', ['find', 'insert', 'listIndexes'])
  const { client } = await backendOf(t, 'later')
  const complaint = deferred()
  const note = (...args) => /not authorized/.test(JSON.stringify(args)) && complaint.resolve()
  const ignore = () => {}
  const logger = { debug: ignore, info: ignore, warn: note, error: note, child: () => logger }
  const log = eventLog()
  const backend = backends.made(t, { db: client.db('app'), logger })
  const queue = new JobQueue(backend, logger, { onJobEvent: log.listener, autoRecover: false })
  atEnd(t, () => queue.shutdown(1000))
  queue.process('later', () => {}, { pollInterval: 100 })
  const id = await queue.enqueue('later', 1)
  const privileges = [{ resource: { db: 'app', collection: 'jobs' }, actions: ['update'] }]
  await complaint.promise
  await admin.db('app').command({ grantPrivilegesToRole: 'later', privileges })
  await log.next('completed', ({ jobId }) => jobId === id)
})
