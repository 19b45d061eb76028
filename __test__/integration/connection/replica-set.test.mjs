/** A replica set of three: where the app's client writes and reads, and what it waits for, the engine does. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'
import { findMongod } from '../../../scripts/mongod/find.mjs'
import { startReplicaSet } from '../../../scripts/mongod/replica-set.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { answerWithin } from '../../support/time.mjs'
import { CLIENTS, assertWorks } from './support/backends.mjs'

let set, nodes

before(async () => {
  // Each secondary reads from the primary: while one is frozen, none that reads from it stands still as well.
  const settings = { chainingAllowed: false }
  set = await startReplicaSet(await findMongod(() => {}), { nodes: 3, settings, args: ['--oplogSize', '64'] })
  nodes = await Promise.all(set.servers.map(open))
  const backend = new MongoJobQueue({ uri: `${set.url}&w=3`, database: 'app' })
  await backend.startup()
  await backend.shutdown()
  for (const { db } of nodes) await db.command({ profile: 2 })
})
after(async () => {
  for (const { client } of nodes ?? []) await client.close()
  await set?.stop()
})

/** One node, asked by itself: what has it been asked by others? */
async function open({ port, pid }) {
  const client = await MongoClient.connect(`mongodb://127.0.0.1:${port}/?directConnection=true`)
  const { isWritablePrimary } = await client.db('admin').command({ hello: 1 })
  return { client, db: client.db('app'), pid, isPrimary: isWritablePrimary }
}

/** The commands that a node got from an engine, by their names. */
async function askedOf(node, appName) {
  const entries = await node.db.collection('system.profile').find({ appName }).toArray()
  return entries.map(({ command }) => command)
}

const primary = () => nodes.find(({ isPrimary }) => isPrimary)
const secondaries = () => nodes.filter(({ isPrimary }) => !isPrimary)

/** A backend whose commands can be told from those of others. */
async function backendOf(t, options, dbOptions, Client = MongoClient) {
  const appName = `app-${randomUUID()}`
  const client = await Client.connect(set.url, { appName, serverSelectionTimeoutMS: 5000, ...options })
  atEnd(t, () => client.close())
  const backend = new MongoJobQueue({ db: client.db('app', dbOptions) })
  atEnd(t, () => backend.shutdown(2000))
  return { backend, appName }
}

for (const [what, options, dbOptions, expected] of [
  ['its own default', {}, {}, undefined],
  ['the client’s', { w: 2, journal: true, wtimeoutMS: 4000 }, {}, { w: 2, j: true, wtimeout: 4000 }],
  ['the database’s', { w: 1 }, { writeConcern: { w: 'majority', j: true } }, { w: 'majority', j: true }],
]) {
  for (const [driver, Client] of Object.entries(CLIENTS)) {
    test(`what is enqueued and claimed waits for what ${what} write concern asks (${driver})`, async (t) => {
      const { backend, appName } = await backendOf(t, options, dbOptions, Client)
      await assertWorks(backend)
      // Of an update the profile keeps the statement only.
      const writes = (await askedOf(primary(), appName)).filter(
        (command) => 'insert' in command || 'findAndModify' in command,
      )
      assert.equal(writes.length, 2)
      for (const { writeConcern = {} } of writes) {
        const { w, j, wtimeout } = writeConcern
        assert.deepEqual({ w, j, wtimeout }, { w: undefined, j: undefined, wtimeout: undefined, ...expected })
      }
    })
  }
}

test('a write that too few members have is not acknowledged, and is not lost either', async (t) => {
  const options = { w: 3, wtimeoutMS: 300, serverSelectionTimeoutMS: 1500 }
  const { backend } = await backendOf(t, options)
  const { backend: ofMajority } = await backendOf(t, { w: 'majority' })
  const { id, claimToken } = await backend.claimOrEnqueue('settled', 1)
  const unconfirmed = {
    name: 'ServerError',
    code: 'ERR_DURABL_WRITE_FAILED',
    serverCode: 64,
    message:
      /write concern \{ w: 3, wtimeout: 300 \} asks: waiting for replication timed out .*may be stored$/,
  }
  const [{ pid }] = secondaries()
  process.kill(pid, 'SIGSTOP')
  try {
    await Promise.all([
      assert.rejects(backend.enqueue('unconfirmed', 1), unconfirmed),
      assert.rejects(backend.complete(id, claimToken), unconfirmed),
    ])
    await assert.rejects(backend.enqueueMany([{ type: 'many', data: 1 }]), ({ message, results }) => {
      assert.match(message, /^enqueueMany: 1 of 1 jobs may not have been created: .*may be stored$/)
      assert.equal(results[0].error.code, 'ERR_DURABL_WRITE_FAILED')
      return true
    })
    await assertWorks(ofMajority)
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  assert.equal(typeof (await backend.enqueue('confirmed', 1)), 'string')
  const again = await backend.complete(id, claimToken)
  assert.deepEqual(again, { status: 'already-terminal', terminalStatus: 'completed' })
  // The primary has it, once, as after any error of this kind.
  assert.equal((await ofMajority.getStats('unconfirmed')).pending, 1)
  assert.equal((await ofMajority.getStats('many')).pending, 1)
})

for (const [what, options, serverCode, concern] of [
  ['a mode that the set does not define', { w: 'mistyped' }, 79, /write concern \{ w: "mistyped" \}/],
  ['more members than there are', { w: 9 }, 100, /write concern \{ w: 9 \}/],
]) {
  test(`a write concern of ${what} is refused at once, before a write and before a claim spends an attempt`, async (t) => {
    const { backend } = await backendOf(t, options)
    const { backend: ofMajority } = await backendOf(t, { w: 'majority' })
    const type = `never-confirmed-${serverCode}`
    const id = await ofMajority.enqueue(type, 1)
    const refusal = (error) => {
      assert.equal(error.code, 'ERR_DURABL_WRITE_FAILED')
      assert.equal(error.serverCode, serverCode)
      assert.match(error.message, concern)
      assert.match(error.message, /nothing was written$/)
      return true
    }
    const began = performance.now()
    await assert.rejects(backend.startup(), refusal)
    await assert.rejects(backend.enqueue(type, 1), refusal)
    await assert.rejects(backend.claimNext(type), refusal)
    await assert.rejects(backend.claimOrEnqueue(type, 1), refusal)
    const took = performance.now() - began
    assert.ok(took < 10_000, `it was tried again for ${took} ms`)
    const { status, attempt } = await ofMajority.findOne({ id })
    assert.deepEqual({ status, attempt }, { status: 'pending', attempt: 0 })
    assert.equal((await ofMajority.getStats(type)).pending, 1, 'a refused job was stored')
  })
}

for (const [what, options] of [
  ['secondary', { readPreference: 'secondary' }],
  [
    'nearest, by tags and staleness',
    { readPreference: 'nearest', readPreferenceTags: [{}], maxStalenessSeconds: 90 },
  ],
]) {
  test(`with read preference ${what}, claims and looks go to the primary all the same`, async (t) => {
    const { backend, appName } = await backendOf(t, options)
    await assertWorks(backend)
    const id = await backend.enqueue('look', 1, { dedupeKey: appName })
    assert.equal((await backend.findOne({ id })).status, 'pending')
    assert.equal(await backend.hasOutstanding('look', appName), true)
    const { id: claimed, claimToken } = await backend.claimNextByKey('look', appName)
    assert.equal(claimed, id)
    const record = { seq: 0, name: 'step', result: 1, ts: new Date() }
    for (const status of ['appended', 'already-recorded'])
      assert.equal((await backend.appendStep(id, claimToken, record)).status, status)
    assert.equal((await backend.readSteps(id)).length, 1)
    assert.equal(await backend.heartbeatClaimed(id, claimToken), 'heartbeated')
    assert.equal(await backend.completeClaimed(id, claimToken), 'completed')
    for (const secondary of secondaries()) assert.deepEqual(await askedOf(secondary, appName), [])
  })
}

test('a journal is read once a majority has what the primary shows', async (t) => {
  const { backend } = await backendOf(t, { readPreference: 'secondary' })
  const id = await backend.enqueue('journal', 1)
  assert.deepEqual(await backend.readSteps(id), [])
  const steps = [{ seq: 0, name: 'step', result: 1, ts: new Date() }]
  const frozen = secondaries()
  let reading
  try {
    for (const { pid } of frozen) process.kill(pid, 'SIGSTOP')
    const byOne = { writeConcern: { w: 1 } }
    await primary().db.collection('jobs').updateOne({ _id: id }, { $set: { steps } }, byOne)
    reading = backend.readSteps(id)
    assert.equal(await answerWithin(500, reading), null)
  } finally {
    for (const { pid } of frozen) process.kill(pid, 'SIGCONT')
  }
  assert.deepEqual(await reading, steps)
})

for (const [driver, Client] of Object.entries(CLIENTS)) {
  test(`counts, which cost most and decide nothing, are read from where the client reads (${driver})`, async (t) => {
    const { backend, appName } = await backendOf(t, { readPreference: 'secondary' }, {}, Client)
    await backend.getStats()
    const isCount = ({ aggregate, pipeline }) =>
      aggregate === 'jobs' && pipeline.some((stage) => stage.$group?._id === 1)
    const counts = (commands) => commands.filter(isCount).length
    assert.equal(counts(await askedOf(primary(), appName)), 0)
    const byThem = await Promise.all(secondaries().map((node) => askedOf(node, appName)))
    assert.equal(counts(byThem.flat()), 5)
  })
}

test('a set of another name is no set of the app’s', async (t) => {
  const uri = `${set.url.replace('replicaSet=rs0', 'replicaSet=other')}&serverSelectionTimeoutMS=500`
  const backend = new MongoJobQueue({ uri, database: 'app' })
  atEnd(t, () => backend.shutdown(1000))
  await assert.rejects(backend.startup(), {
    name: 'ConnectionError',
    message: /belongs to the replica set "other"/,
  })
})
