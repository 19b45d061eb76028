/** Apps in a `vm` context, as test runners and plug-in hosts make them: its objects are not those of the package's realm. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { compileFunction, createContext, runInContext } from 'node:vm'
import { connect } from '../../support/mongo.mjs'

const outside = createRequire(import.meta.url)

/** A context with Node's globals, and with a realm of its own for those of the language. */
function newContext() {
  const context = createContext({})
  const own = new Set(runInContext('Object.getOwnPropertyNames(globalThis)', context))
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (!own.has(name)) context[name] = globalThis[name]
  }
  return context
}

/** A `require` that loads a package's own modules into a context, and takes what is built in and what is native from outside. */
function requireInside(context) {
  const cache = new Map()
  const load = (file) => {
    if (cache.has(file)) return cache.get(file).exports
    const module = { exports: {} }
    cache.set(file, module)
    const near = createRequire(file)
    const require = Object.assign((request) => resolve(near, request), { resolve: near.resolve })
    compileFunction(readFileSync(file, 'utf8'), ['module', 'exports', 'require', '__filename', '__dirname'], {
      filename: file,
      parsingContext: context,
    })(module, module.exports, require, file, dirname(file))
    return module.exports
  }
  const resolve = (near, request) => {
    if (isBuiltin(request)) return near(request)
    const file = near.resolve(request)
    return file.endsWith('.js') ? load(file) : near(file)
  }
  return (request) => resolve(outside, request)
}

/** The app: it enqueues values of its own realm, handles them, and throws one of its own errors. */
const APP = `(async ({ JobQueue, FatalJobError }, backend, quiet) => {
  const queue = new JobQueue(backend, quiet)
  const seen = []
  const done = new Promise((resolve) => {
    queue.process('work', async (job) => {
      seen.push(job)
      if (job.attempt === 1) throw new TypeError('the first attempt fails')
      resolve()
      throw new FatalJobError('so does the second')
    })
  })
  const data = { at: new Date(0), map: new Map([['key', [1, { two: 2 }]]]), list: new Array(3).fill('x') }
  const id = await queue.enqueue('work', data, { backoff: 'fixed', backoffDelay: 1, dedupeKey: 'k' })
  await done
  let refusal
  await queue.enqueue('work', { f: { g() {} } }).catch((error) => (refusal = error.code))
  const found = await backend.findOne({ 'data.at': new Date(0) })
  await queue.shutdown()
  return { id, seen, refusal, found }
})`

async function check(durabl, backend, context) {
  const quiet = { debug() {}, info() {}, warn() {}, error() {} }
  const { id, seen, refusal, found } = await runInContext(APP, context)(durabl, backend, quiet)
  assert.equal(typeof id, 'string')
  assert.equal(seen.map(({ attempt }) => attempt).join(), '1,2')
  assert.equal(new Date(seen[0].data.at).getTime(), 0)
  assert.equal(refusal, 'ERR_DURABL_PAYLOAD_NOT_ENCODABLE')
  assert.equal(found.id, id)
}

for (const [where, load] of [
  ['with the package outside of it', () => outside],
  ['with the package inside of it', requireInside],
]) {
  test(`an app in a vm context uses a database, ${where}`, async (t) => {
    const context = newContext()
    const require = load(context)
    const durabl = require('durabl')
    const { db } = await connect(t)
    const backend = new durabl.MongoJobQueue({ db })
    await backend.startup()
    await check(durabl, backend, context)
    const job = await db.collection('jobs').findOne({})
    assert.deepEqual([job.status, job.attempt, job.failReason], ['failed', 2, 'so does the second'])
    assert.deepEqual(job.data, { at: new Date(0), map: { key: [1, { two: 2 }] }, list: ['x', 'x', 'x'] })
  })

  test(`an app in a vm context uses memory, ${where}`, async () => {
    const context = newContext()
    const durabl = load(context)('durabl')
    await check(durabl, new durabl.DummyBackend(), context)
  })
}
