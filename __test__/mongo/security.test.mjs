/** Servers that ask who is there, and servers that speak TLS: what the app's client can do, the engine can, and no more. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { before, after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'
import { findMongod } from '../../scripts/mongod/find.mjs'
import { startServer } from '../../scripts/mongod/server.mjs'
import { atEnd } from '../support/cleanup.mjs'
import { runNode } from '../support/child.mjs'

const certificate = (name) => fileURLToPath(new URL(`certificates/${name}`, import.meta.url))
const pem = (name) => readFileSync(certificate(name))

const PATIENCE = { serverSelectionTimeoutMS: 5000 }

/** The app's client, and a started backend on its database. */
async function backendOn(t, uri, options = {}) {
  const client = await MongoClient.connect(uri, { ...PATIENCE, ...options })
  atEnd(t, () => client.close())
  return started(t, { db: client.db('app') })
}

async function started(t, options) {
  const queue = new MongoJobQueue(options)
  atEnd(t, () => queue.shutdown(2000))
  await queue.startup()
  return queue
}

async function assertWorks(queue) {
  const id = await queue.enqueue('type', { hello: 'world' })
  const job = await queue.claimNext('type')
  assert.equal(job.id, id)
  assert.deepEqual(await queue.complete(id, job.claimToken), { status: 'completed' })
}

/** Makes a user by the way that is open until there is one. */
async function createAdmin(uri, options) {
  const client = await MongoClient.connect(uri, { ...PATIENCE, ...options, directConnection: true })
  await client.db('admin').command({ createUser: 'admin', pwd: 'admin-pw', roles: ['root'] })
  await client.close()
  return MongoClient.connect(uri, {
    ...{ ...PATIENCE, ...options, directConnection: true },
    auth: { username: 'admin', password: 'admin-pw' },
  })
}

describe('a server that asks for passwords', () => {
  const PASSWORD = 'p@ss/word:s3cret%'
  let server
  let host

  before(async () => {
    server = await startServer(await findMongod(() => {}), { args: ['--auth'] })
    host = `127.0.0.1:${server.port}`
    const admin = await createAdmin(`mongodb://${host}`)
    const roles = [{ role: 'readWrite', db: 'app' }]
    await admin
      .db('users')
      .command({ createUser: 'new', pwd: PASSWORD, roles, mechanisms: ['SCRAM-SHA-256'] })
    await admin.db('users').command({ createUser: 'old', pwd: PASSWORD, roles, mechanisms: ['SCRAM-SHA-1'] })
    await admin
      .db('users')
      .command({ createUser: 'reader', pwd: PASSWORD, roles: [{ role: 'read', db: 'app' }] })
    await admin.close()
  })
  after(() => server?.stop())

  const uri = (user, options = '', password = PASSWORD) =>
    `mongodb://${user}:${encodeURIComponent(password)}@${host}/?authSource=users${options}`

  for (const [user, mechanism] of [
    ['new', 'SCRAM-SHA-256'],
    ['old', 'SCRAM-SHA-1'],
  ]) {
    test(`${mechanism} works, named and negotiated`, async (t) => {
      await assertWorks(await backendOn(t, uri(user)))
      await assertWorks(await backendOn(t, uri(user, `&authMechanism=${mechanism}`)))
      await assertWorks(
        await backendOn(t, `mongodb://${host}`, {
          ...{ auth: { username: user, password: PASSWORD }, authSource: 'users' },
        }),
      )
      await assertWorks(await started(t, { uri: uri(user), database: 'app' }))
    })
  }

  test('a wrong password is an error of its own, and nothing shows it', async (t) => {
    const wrong = uri('new', '&serverSelectionTimeoutMS=500', 'wr0ng-s3cret')
    const lines = []
    const log = (...args) => lines.push(inspect(args, { depth: 9 }))
    const logger = { debug: log, info: log, warn: log, error: log }
    const queue = new MongoJobQueue({ uri: wrong, database: 'app', logger })
    atEnd(t, () => queue.shutdown(1000))
    await assert.rejects(queue.startup(), (error) => {
      assert.equal(error.name, 'AuthenticationError')
      assert.equal(error.code, 'ERR_DURABL_AUTHENTICATION')
      lines.push(inspect(error, { depth: 9 }))
      return true
    })
    await assert.rejects(queue.enqueue('type', 1), { name: 'AuthenticationError' })
    assert.ok(!lines.join().includes('s3cret'), lines.join('\n'))
  })

  test('a user who may not write is told so', async (t) => {
    const client = await MongoClient.connect(uri('reader'), PATIENCE)
    atEnd(t, () => client.close())
    const queue = new MongoJobQueue({ db: client.db('app') })
    atEnd(t, () => queue.shutdown(1000))
    await assert.rejects(queue.startup(), { name: 'PermissionError', code: 'ERR_DURABL_PERMISSION_DENIED' })
  })

  test('no output of a whole process shows a credential', async () => {
    const program = `
      const { MongoClient } = require('mongodb')
      const { JobQueue, MongoJobQueue, consoleLogger } = require('./dist/index.js')
      const { inspect } = require('node:util')
      void (async () => {
        const client = await MongoClient.connect(process.env.URI)
        const backend = new MongoJobQueue({ db: client.db('app'), logger: consoleLogger() })
        await backend.startup()
        const queue = new JobQueue(backend, consoleLogger())
        const done = new Promise((resolve) => queue.process('t', resolve))
        await queue.enqueue('t', 1)
        await done
        console.log('worked', String(queue), JSON.stringify(Object.keys(backend)))
        await queue.shutdown()
        await backend.enqueue('t', 1).catch((error) => console.log(inspect(error, { depth: 9 })))
        await client.close()
      })()
    `
    const env = { URI: uri('new'), RUST_LOG: 'trace', RUST_BACKTRACE: '1' }
    const { stdout, stderr, code } = await runNode(['-e', program], { env })
    assert.equal(code, 0, stderr)
    assert.match(stdout, /worked/)
    assert.ok(!(stdout + stderr).includes('s3cret'), stdout + stderr)
  })
})

describe('a server that speaks TLS and knows clients by their certificates', () => {
  let server
  let port
  const TLS = {
    tls: true,
    tlsCAFile: certificate('ca.pem'),
    tlsCertificateKeyFile: certificate('client.pem'),
  }

  before(async () => {
    server = await startServer(await findMongod(() => {}), {
      args: [
        ...['--auth', '--tlsMode', 'requireTLS', '--tlsCAFile', certificate('ca.pem')],
        ...['--tlsCertificateKeyFile', certificate('server.pem'), '--tlsAllowConnectionsWithoutCertificates'],
      ],
    })
    port = server.port
    const admin = await createAdmin(`mongodb://localhost:${port}`, TLS)
    await admin.db('$external').command({
      createUser: 'CN=worker,OU=clients,O=durabl tests',
      roles: [{ role: 'readWrite', db: 'app' }],
    })
    await admin.close()
  })
  after(() => server?.stop())

  const x509 = () => `mongodb://localhost:${port}/?authMechanism=MONGODB-X509`
  const password = () => `mongodb://admin:admin-pw@localhost:${port}`

  test('a private CA works, as a file and in memory', async (t) => {
    await assertWorks(await backendOn(t, password(), { tls: true, tlsCAFile: certificate('ca.pem') }))
    await assertWorks(await backendOn(t, password(), { tls: true, ca: pem('ca.pem') }))
    await assertWorks(await backendOn(t, password(), { tls: true, ca: [pem('ca.pem').toString()] }))
    const inUri = `${password()}/?tls=true&tlsCAFile=${encodeURIComponent(certificate('ca.pem'))}`
    await assertWorks(await started(t, { uri: inUri, database: 'app' }))
  })

  test('a client is known by its certificate, as a file, in memory, and with an encrypted key', async (t) => {
    const ca = { tls: true, ca: pem('ca.pem') }
    await assertWorks(await backendOn(t, x509(), TLS))
    await assertWorks(await backendOn(t, x509(), { ...ca, cert: pem('client.pem'), key: pem('client.pem') }))
    const encrypted = 'client-encrypted.pem'
    await assertWorks(
      await backendOn(t, x509(), {
        ...ca,
        tlsCertificateKeyFile: certificate(encrypted),
        tlsCertificateKeyFilePassword: 'open-sesame',
      }),
    )
    await assertWorks(
      await backendOn(t, x509(), {
        ...ca,
        cert: pem(encrypted),
        key: pem(encrypted),
        passphrase: 'open-sesame',
      }),
    )
  })

  test('a server that the app would not trust is not trusted', async (t) => {
    const queue = new MongoJobQueue({
      uri: `${password()}/?tls=true&serverSelectionTimeoutMS=500`,
      database: 'app',
    })
    atEnd(t, () => queue.shutdown(1000))
    await assert.rejects(queue.startup(), { name: 'ConnectionError' })
  })

  test('a certificate for another name is not accepted', async (t) => {
    // The certificate is for localhost and 127.0.0.1.
    const ca = `tlsCAFile=${encodeURIComponent(certificate('ca.pem'))}`
    const uri = `mongodb://admin:admin-pw@127.0.0.2:${port}/?tls=true&serverSelectionTimeoutMS=500&${ca}`
    const queue = new MongoJobQueue({ uri, database: 'app' })
    atEnd(t, () => queue.shutdown(1000))
    await assert.rejects(queue.startup(), { name: 'ConnectionError' })
  })

  test('an app that accepts any certificate gets an engine that does', async (t) => {
    await assertWorks(await backendOn(t, password(), { tls: true, tlsAllowInvalidCertificates: true }))
  })

  test('no TLS where the server asks for it is a failure, not a fallback', async (t) => {
    const queue = new MongoJobQueue({ uri: `${password()}/?serverSelectionTimeoutMS=500`, database: 'app' })
    atEnd(t, () => queue.shutdown(1000))
    await assert.rejects(queue.startup(), { name: 'ConnectionError' })
  })
})
