/** Each documented error code comes out of a call, or is named here as one that no test can bring about. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, describe, test } from 'node:test'
import {
  DeferJobError,
  DummyBackend,
  FatalJobError,
  JobQueue,
  MongoJobQueue,
  NonRetryable,
  Orchestrator,
  getGlobalBackend,
  setGlobalBackend,
  withGlobalQueue,
} from 'durabl'
import { testOrchestration } from 'durabl/testing'
import { BSONRegExp, MongoClient } from 'mongodb'
import { packageOf } from '../../../dist/mongo/bson/package.js'
import { loadAddon } from '../../../dist/mongo/native/loader.js'
import { findMongod } from '../../../scripts/mongod/find.mjs'
import { startReplicaSet } from '../../../scripts/mongod/replica-set.mjs'
import { app } from '../../support/app.mjs'
import { deferred } from '../../support/async.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { SILENT } from '../../support/jobs.mjs'
import { testUrl } from '../../support/mongo.mjs'
import { standalone } from '../../support/servers.mjs'

let set
before(async () => {
  set = await startReplicaSet(await findMongod(() => {}), { testCommands: true })
})
after(() => set?.stop())

function behind(t, uri, options = {}) {
  const backend = new MongoJobQueue({ uri, database: 'codes', logger: SILENT, ...options })
  atEnd(t, () => backend.shutdown(0))
  return backend
}

/** A backend whose inserts the server fails in this way. */
async function failing(t, data) {
  const admin = await MongoClient.connect(set.url)
  atEnd(t, () => admin.close())
  const appName = `codes ${JSON.stringify(data)}`
  const failPoint = (mode) =>
    admin.db('admin').command({
      configureFailPoint: 'failCommand',
      mode,
      data: { failCommands: ['insert'], appName, ...data },
    })
  const backend = behind(t, `${set.url}&appName=${encodeURIComponent(appName)}&serverSelectionTimeoutMS=500`)
  await failPoint('alwaysOn')
  atEnd(t, () => failPoint('off'))
  return backend
}

/** The error that a handler's context leads to. */
async function inHandler(t, handler, options = {}) {
  const { queue, jobs } = await app(t)
  const outcome = deferred()
  queue.process(
    'work',
    async (job, ctx) => {
      try {
        outcome.resolve(await handler(ctx, job, jobs))
      } catch (error) {
        outcome.resolve(error)
      }
    },
    options,
  )
  await queue.enqueue('work', {})
  throw await outcome.promise
}

const reasonOf = (signal) =>
  signal.aborted
    ? signal.reason
    : new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason), { once: true }))

function dummyQueue(t, backend = new DummyBackend()) {
  const queue = new JobQueue(backend, SILENT)
  atEnd(t, () => queue.shutdown(0))
  return queue
}

/** Why a step's signal is aborted in an orchestration of these limits. */
async function stepCutShort(t, config) {
  const queue = dummyQueue(t)
  const outcome = deferred()
  const body = (job, octx) =>
    octx.step('a', async (keys, signal) => void outcome.resolve(await reasonOf(signal)))
  new Orchestrator(queue, SILENT).define('work', body, config)
  await queue.enqueue('work', {})
  throw await outcome.promise
}

/** An attempt of an orchestration. */
const attempt = (body) => testOrchestration(body).run()

const TOO_LARGE = { text: 'x'.repeat(17 << 20) }
const EMPTY_WORLD = {
  ...{ triple: 'linux-x64-gnu', root: '/package', version: '1.2.3' },
  ...{ exists: () => false, finds: () => false },
  require(request) {
    throw Object.assign(new Error(`Cannot find module '${request}'`), { code: 'MODULE_NOT_FOUND' })
  },
}

/** A copy of the package mongodb, as Mongoose 7 brings it along; it is loaded until the test ends. */
function oldCopy(t) {
  class ObjectId {}
  ObjectId.prototype[Symbol.for('@@mdb.bson.version')] = 5
  const copy = { BSON: { serialize() {} }, MongoClient: class MongoClient {}, ObjectId }
  const { cache } = createRequire(import.meta.url)
  const path = '/old/node_modules/mongodb/lib/index.js'
  cache[path] = { exports: copy }
  atEnd(t, () => delete cache[path])
  return copy
}

/** A way to bring each code about. A text: the reason why no test can. */
const CASES = {
  ERR_DURABL_INVALID_ARGUMENT: () => setGlobalBackend(5),
  ERR_DURABL_UNSUPPORTED_OPTION: (t) => behind(t, 'mongodb://127.0.0.1/?tls=false&ssl=true'),
  ERR_DURABL_CONNECTION: (t) => behind(t, 'mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300').startup(),
  ERR_DURABL_AUTHENTICATION: (t) =>
    behind(t, `${set.url.replace('//', '//nobody:wrong@')}&serverSelectionTimeoutMS=3000`).startup(),
  ERR_DURABL_PERMISSION_DENIED: async (t) => (await failing(t, { errorCode: 13 })).enqueue('work', {}),
  ERR_DURABL_SERVER_TOO_OLD:
    'no server older than MongoDB 6.0 runs here; the engine’s check has tests of its own',
  ERR_DURABL_NOT_A_REPLICA_SET: async (t) =>
    behind(t, await standalone(t), { useChangeStreams: true }).startup(),
  ERR_DURABL_INDEX_CONFLICT: async (t) => {
    const { db } = await app(t)
    await db.collection('others').createIndex({ foreign: 1 }, { name: 'dedupe_active_idx' })
    const backend = new MongoJobQueue({ db, collectionName: 'others', logger: SILENT })
    atEnd(t, () => backend.shutdown(0))
    await backend.startup()
  },
  ERR_DURABL_WRITE_FAILED: (t) => behind(t, `${set.url}&w=9`).enqueue('work', {}),
  ERR_DURABL_SERVER: async (t) => (await failing(t, { errorCode: 8000 })).enqueue('work', {}),
  ERR_DURABL_TIMEOUT: async (t) =>
    (await failing(t, { blockConnection: true, blockTimeMS: 11_000 })).enqueue('work', {}),
  ERR_DURABL_HANDLER_TIMEOUT: (t) => inHandler(t, ({ signal }) => reasonOf(signal), { timeoutMs: 20 }),
  ERR_DURABL_CANCELLED: async (t) => {
    const queue = dummyQueue(t)
    const handle = await queue.claimOrEnqueue('work', {})
    await queue.runClaimed(handle, ({ id }) => queue.cancel(id))
  },
  ERR_DURABL_LEASE_LOST: (t) =>
    inHandler(t, async (ctx, job, jobs) => {
      await jobs.updateOne({ _id: job.id }, { $set: { claimToken: 'of another worker' } })
      return ctx.transaction(() => {})
    }),
  ERR_DURABL_SHUT_DOWN: async (t) => {
    const queue = dummyQueue(t)
    await queue.shutdown()
    queue.process('work', () => {})
  },
  ERR_DURABL_PAYLOAD_TOO_LARGE: (t) => behind(t, testUrl()).enqueue('work', TOO_LARGE),
  ERR_DURABL_PAYLOAD_NOT_ENCODABLE: (t) => {
    const cycle = {}
    cycle.self = cycle
    return behind(t, testUrl()).enqueue('work', cycle)
  },
  ERR_DURABL_PAYLOAD_NOT_DECODABLE: async (t) => {
    const { backend, jobs } = await app(t)
    const id = await backend.enqueue('work', {})
    // The server knows more of regular expressions than JavaScript.
    await jobs.updateOne({ _id: id }, { $set: { 'data.pattern': new BSONRegExp('(?<', '') } })
    await backend.claimNext('work')
  },
  ERR_DURABL_ENQUEUE_MANY: async (t) =>
    (await failing(t, { errorCode: 8000 })).enqueueMany([{ type: 'work', data: {} }]),
  ERR_DURABL_DUPLICATE_PROCESSOR: (t) => {
    const queue = dummyQueue(t)
    for (let i = 0; i < 2; i += 1) queue.process('work', () => {})
  },
  ERR_DURABL_NO_GLOBAL_BACKEND: () => getGlobalBackend(),
  ERR_DURABL_GLOBAL_SCOPE_OVERLAP: () =>
    withGlobalQueue(new DummyBackend(), () => withGlobalQueue(new DummyBackend(), () => {})),
  ERR_DURABL_SCHEDULE_OWNED: async (t) => {
    const queue = dummyQueue(t)
    const [spec, job] = [{ everyMs: 60_000 }, { type: 'work', data: {} }]
    await queue.applySchedules('app', [{ id: 'a', spec, job }])
    await queue.schedule('a', spec, job)
  },
  ERR_DURABL_TRANSACTION: (t) => inHandler(t, (ctx) => ctx.transaction(() => ctx.complete())),
  ERR_DURABL_UNSUPPORTED: (t) => behind(t, testUrl()).getCollection(),
  ERR_DURABL_ADDON_MISSING: () => loadAddon(EMPTY_WORLD),
  ERR_DURABL_DRIVER_MISSING: (t) => packageOf({ client: new (oldCopy(t).MongoClient)() }),
  ERR_DURABL_FATAL_JOB: () => {
    throw new FatalJobError('for good')
  },
  ERR_DURABL_NON_RETRYABLE: () =>
    attempt(() => {
      throw new NonRetryable('for good')
    }),
  ERR_DURABL_NONDETERMINISM: async () => {
    const under = testOrchestration((job, octx) => octx.step('a', () => 1))
    await under.run()
    await under.resumeWith((job, octx) => octx.step('b', () => 1))
  },
  ERR_DURABL_STEP_RESULT: () => attempt((job, octx) => octx.step('a', () => ({ save() {} }))),
  ERR_DURABL_JOURNAL_TOO_LARGE: async () => {
    const backend = new DummyBackend({ journalSoftLimitBytes: 1000 })
    await backend.enqueue('work', {})
    const { id, claimToken } = await backend.claimNext('work')
    const record = { seq: 0, name: 'a', result: 'x'.repeat(2000), ts: new Date() }
    await backend.appendStep(id, claimToken, record)
  },
  ERR_DURABL_JOURNAL_DAMAGED: async (t) => {
    const { backend, jobs } = await app(t)
    const id = await backend.enqueue('work', {})
    await jobs.updateOne({ _id: id }, { $set: { steps: 'none' } })
    await backend.readSteps(id)
  },
  ERR_DURABL_STEP_REFUSED: () => attempt((job, octx) => octx.step('a', () => octx.step('b', () => 1))),
  ERR_DURABL_STEP_TIMEOUT: (t) => stepCutShort(t, { stepTimeoutMs: 20 }),
  ERR_DURABL_MAX_DURATION: (t) => stepCutShort(t, { maxDurationMs: 20 }),
  ERR_DURABL_DEADLINE: (t) => stepCutShort(t, { deadlineMs: 20 }),
  ERR_DURABL_ORCHESTRATION_UNSUPPORTED: (t) => {
    const backend = new DummyBackend()
    backend.readSteps = undefined
    dummyQueue(t, backend).assertJournalCapable()
  },
  ERR_DURABL_ORCHESTRATOR_CONFLICT: (t) => {
    const orchestrator = new Orchestrator(dummyQueue(t), SILENT)
    for (let i = 0; i < 2; i += 1) orchestrator.define('work', async () => {})
  },
  ERR_DURABL_HEARTBEAT_CONFLICT: (t) =>
    new Orchestrator(dummyQueue(t), SILENT).define('work', async () => {}, { visibilityTimeoutMs: 300_001 }),
  ERR_DURABL_DEFERRED: () => {
    throw new DeferJobError(1000)
  },
  ERR_DURABL_INTERNAL: 'a fault of durabl’s own: no input is known that brings one about',
}

const declared = readFileSync(new URL('../../../types/errors.d.ts', import.meta.url), 'utf8')
const codesIn = (text) => [...text.matchAll(/ERR_DURABL_\w+/g)].map(([code]) => code).sort()

test('a code is documented, typed, and has a case here, or it is none of them', () => {
  const [, table] = /\n \* \|---([\s\S]*?)\n \*\//.exec(declared)
  const [, union] = /export type ErrorCode =([\s\S]*?)\n\n/.exec(declared)
  assert.deepEqual(codesIn(union), Object.keys(CASES).sort())
  assert.deepEqual(
    [...table.matchAll(/^ \* \| `(ERR_DURABL_\w+)`/gm)].map(([, code]) => code).sort(),
    Object.keys(CASES).sort(),
  )
})

// One after the other: a server has one fail point for all of its commands.
describe('each code comes out of a call', () => {
  for (const [code, produce] of Object.entries(CASES)) {
    if (typeof produce === 'string') continue
    test(code, async (t) => {
      await assert.rejects(
        async () => produce(t),
        (error) => {
          assert.equal(error.code, code, error.stack)
          // A structure printed as it is: the driver's text was let through.
          assert.doesNotMatch(error.message, /\w+ \{ \w+: \w+\(|Some\(|labels:|source: None/)
          return true
        },
      )
    })
  }
})
