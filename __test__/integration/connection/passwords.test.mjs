/** A server that asks for passwords: what the app's client can do, the engine can, and no more. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { findMongod } from '../../../scripts/mongod/find.mjs'
import { startServer } from '../../../scripts/mongod/server.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { runNode } from '../../support/child.mjs'
import { startRelay } from '../../support/proxies/relay.mjs'
import { Backends, assertWorks, createAdmin } from './support/backends.mjs'
import { Overheard } from './support/overheard.mjs'

const PASSWORD = 'p@ss/word:s3cret%'
const ADMIN_PASSWORD = 'adm1n-s3cret'
const NEXT_PASSWORD = 'n3xt-s3cret'
const WRONG_PASSWORD = 'wr0ng-s3cret'
const hasSockets = process.platform !== 'win32'

const overheard = new Overheard(PASSWORD, ADMIN_PASSWORD, NEXT_PASSWORD, WRONG_PASSWORD)
const backends = new Backends(overheard)
const sockets = mkdtempSync(join(tmpdir(), 'durabl-'))
let server, admin, host

before(async () => {
  const args = ['--auth', ...(hasSockets ? ['--unixSocketPrefix', sockets] : [])]
  server = await startServer(await findMongod(() => {}), { args })
  host = `127.0.0.1:${server.port}`
  admin = await createAdmin(`mongodb://${host}`, ADMIN_PASSWORD)
  await createUser('new', { mechanisms: ['SCRAM-SHA-256'] })
  await createUser('old', { mechanisms: ['SCRAM-SHA-1'] })
  await createUser('reader', { roles: [{ role: 'read', db: 'app' }] })
})
after(async () => {
  await admin?.close()
  await server?.stop()
  rmSync(sockets, { recursive: true, force: true })
  overheard.assertNoSecret()
})

function createUser(name, options = {}) {
  const roles = [{ role: 'readWrite', db: 'app' }]
  return admin.db('users').command({ createUser: name, pwd: PASSWORD, roles, ...options })
}

const uri = (user, options = '', { password = PASSWORD, at = host } = {}) =>
  `mongodb://${user}:${encodeURIComponent(password)}@${at}/?authSource=users${options}`

for (const [user, mechanism] of [
  ['new', 'SCRAM-SHA-256'],
  ['old', 'SCRAM-SHA-1'],
]) {
  test(`${mechanism} works, named and negotiated, with an auth source`, async (t) => {
    await backends.assertClientsWork(t, uri(user))
    await backends.assertClientsWork(t, uri(user, `&authMechanism=${mechanism}`))
    const auth = { username: user, password: PASSWORD }
    await backends.assertClientsWork(t, `mongodb://${host}`, { auth, authSource: 'users' })
    await assertWorks(await backends.started(t, { uri: uri(user), database: 'app' }))
  })
}

test('another mechanism than the user’s is refused', async (t) => {
  const wrong = uri('new', '&authMechanism=SCRAM-SHA-1&serverSelectionTimeoutMS=5000')
  await backends.assertRefused(
    backends.made(t, { uri: wrong, database: 'app' }).startup(),
    'AuthenticationError',
  )
})

test('a Unix socket leads there too', { skip: !hasSockets }, async (t) => {
  const at = encodeURIComponent(join(sockets, `mongodb-${server.port}.sock`))
  await backends.assertClientsWork(t, uri('new', '', { at }))
  await assertWorks(await backends.started(t, { uri: uri('new', '', { at }), database: 'app' }))
})

test('a wrong password is an error of its own, from every call', async (t) => {
  const wrong = uri('new', '&serverSelectionTimeoutMS=5000', { password: WRONG_PASSWORD })
  const backend = backends.made(t, { uri: wrong, database: 'app' })
  const message = /check the user, the password and the authSource/
  await backends.assertRefused(backend.startup(), 'AuthenticationError', message)
  await backends.assertRefused(backend.enqueue('type', 1), 'AuthenticationError', message)
  await backends.assertRefused(backend.claimNext('type'), 'AuthenticationError', message)
})

test('a user who may not write gets an error that says so', async (t) => {
  // The indexes are there, so starting up writes nothing.
  const reader = await backends.ofClient(t, uri('reader'))
  await backends.assertRefused(reader.enqueue('type', 1), 'PermissionError')
})

test('a changed password holds up no client with the new one, and lets none in with the old', async (t) => {
  await createUser('rotating')
  const relay = await startRelay(t, server.port)
  const short = '&serverSelectionTimeoutMS=5000'
  const at = `127.0.0.1:${relay.port}`
  const old = await backends.ofClient(t, uri('rotating', short, { at }))
  const { id } = await old.claimOrEnqueue('held', { by: 'the old one' })
  await admin.db('users').command({ updateUser: 'rotating', pwd: NEXT_PASSWORD })
  // Authenticated connections stay authenticated.
  await assertWorks(old)
  // A worker that starts now is beside it, and doesn't share its connections, though all else is equal.
  const password = NEXT_PASSWORD
  const next = await backends.ofClient(t, uri('rotating', short, { password, at }))
  await assertWorks(next)
  relay.cut()
  await backends.assertRefused(old.enqueue('type', 1), 'AuthenticationError')
  await assertWorks(next)
  assert.equal((await next.findOne({ id })).status, 'active')
  assert.deepEqual(await next.release(id), { status: 'released' })
})

test('changes to the app’s own client after the backend was made change nothing for the backend', async (t) => {
  const { MongoClient } = await import('mongodb')
  const client = await MongoClient.connect(uri('new'))
  const backend = await backends.started(t, { db: client.db('app') })
  const { id, claimToken } = await backend.claimOrEnqueue('type', 1)
  await client.close()
  assert.deepEqual(await backend.complete(id, claimToken), { status: 'completed' })
  await assertWorks(backend)
  // A new one on the closed client is a mistake, and told at once.
  assert.throws(
    () => backends.made(t, { db: client.db('app') }),
    (error) => {
      overheard.look(error)
      return error.name === 'ConnectionError' && /has been closed/.test(error.message)
    },
  )
  // An app that connects the same client again may go on with it.
  await client.connect()
  atEnd(t, () => client.close())
  await assertWorks(await backends.started(t, { db: client.db('app') }))
})

test('no output of a whole process shows a credential', async () => {
  const program = `
    const { MongoClient } = require('mongodb')
    const { JobQueue, MongoJobQueue, consoleLogger } = require('./dist/index.js')
    void (async () => {
      const client = await MongoClient.connect(process.env.URI)
      const backend = new MongoJobQueue({ db: client.db('app'), logger: consoleLogger() })
      const byUri = new MongoJobQueue({ uri: process.env.URI, database: 'app' })
      await backend.startup()
      const queue = new JobQueue(backend, consoleLogger())
      console.log(queue, backend, byUri)
      console.dir([queue, backend, byUri], { depth: 9, showHidden: true })
      console.log('%s %o %j', backend, queue, byUri)
      const done = new Promise((resolve) => queue.process('t', (job, ctx) => resolve(console.log(job, ctx))))
      await queue.enqueue('t', 1)
      await done
      console.log('worked')
      await queue.shutdown()
      await backend.enqueue('t', 1).catch((error) => console.dir(error, { depth: 9, showHidden: true }))
      await client.close()
      // A process that crashes takes the unread rest of its output with it.
      await new Promise((resolve) => process.stdout.write('', resolve))
      await Promise.reject(new Error('left to itself'))
    })()
  `
  const env = { URI: uri('new'), RUST_LOG: 'trace', RUST_BACKTRACE: '1' }
  const { stdout, stderr, code } = await runNode(['-e', program], { env })
  assert.equal(code, 1, stderr)
  assert.match(stdout, /worked/, stderr)
  assert.match(stdout, /MongoJobQueue \{ database: 'app', collection: 'jobs', streamState: 'off' \}/)
  assert.match(stderr, /left to itself/)
  overheard.look(stdout + stderr)
})
