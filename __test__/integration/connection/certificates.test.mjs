/** A server that speaks TLS and knows clients by their certificates: the engine shows and trusts what the app's client does. */
import assert from 'node:assert/strict'
import { copyFileSync, rmSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { findMongod } from '../../../scripts/mongod/find.mjs'
import { startServer } from '../../../scripts/mongod/server.mjs'
import { CLIENT_NAME, PASSPHRASE, certificate, pem } from '../../support/certificates.mjs'
import { runNode } from '../../support/child.mjs'
import { Backends, assertWorks, createAdmin } from './support/backends.mjs'
import { Overheard } from './support/overheard.mjs'

const PASSWORD = 'adm1n-s3cret'
/** The private key, without the lines that all keys have. */
const KEY = pem('client.pem')
  .toString()
  .match(/PRIVATE KEY-----\n(\S+)/)[1]

const overheard = new Overheard(PASSWORD, PASSPHRASE, KEY)
const backends = new Backends(overheard)
let server, port

const BOTH = { tls: true, tlsCAFile: certificate('ca.pem'), tlsCertificateKeyFile: certificate('client.pem') }
const CA = { tls: true, ca: pem('ca.pem') }
const caInUri = `tls=true&tlsCAFile=${encodeURIComponent(certificate('ca.pem'))}`

before(async () => {
  server = await startServer(await findMongod(() => {}), {
    args: [
      ...['--auth', '--tlsMode', 'requireTLS', '--tlsCAFile', certificate('ca.pem')],
      ...['--tlsCertificateKeyFile', certificate('server.pem'), '--tlsAllowConnectionsWithoutCertificates'],
    ],
  })
  port = server.port
  const admin = await createAdmin(`mongodb://localhost:${port}`, PASSWORD, BOTH)
  const roles = [{ role: 'readWrite', db: 'app' }]
  await admin.db('$external').command({ createUser: CLIENT_NAME, roles })
  await admin.close()
})
after(async () => {
  await server?.stop()
  overheard.assertNoSecret()
})

const x509 = () => `mongodb://localhost:${port}/?authMechanism=MONGODB-X509`
const password = (host = 'localhost') => `mongodb://admin:${PASSWORD}@${host}:${port}`

test('a private CA works, as a file and in memory', async (t) => {
  await backends.assertClientsWork(t, password(), { tls: true, tlsCAFile: certificate('ca.pem') })
  await backends.assertClientsWork(t, password(), CA)
  const list = [pem('other-ca.pem'), pem('ca.pem').toString()]
  await backends.assertClientsWork(t, password(), { tls: true, ca: list })
  await assertWorks(await backends.started(t, { uri: `${password()}/?${caInUri}`, database: 'app' }))
})

test('a private CA of the environment works, for a client and for a connection string', async () => {
  const program = `
    const { MongoJobQueue } = require('durabl')
    const { MongoClient } = require('mongodb')
    const check = async (options) => {
      const queue = new MongoJobQueue(options)
      await queue.startup()
      await queue.shutdown()
    }
    const uri = process.env.URI
    const client = new MongoClient(uri)
    check({ uri, database: 'app' })
      .then(() => check({ db: client.db('app') }))
      .then(() => client.close())`
  const run = (trusted) =>
    runNode(['-e', program], {
      env: {
        URI: `${password()}/?tls=true&serverSelectionTimeoutMS=5000`,
        NODE_EXTRA_CA_CERTS: trusted,
      },
    })
  const trusting = await run(certificate('ca.pem'))
  assert.equal(trusting.code, 0, trusting.stderr)
  const suspicious = await run(certificate('other-ca.pem'))
  assert.match(suspicious.stderr, /ConnectionError/)
})

test('a client is known by its certificate, as a file, in memory, and with an encrypted key', async (t) => {
  await backends.assertClientsWork(t, x509(), BOTH)
  await backends.assertClientsWork(t, x509(), { ...CA, cert: pem('client.pem'), key: pem('client.pem') })
  const encrypted = 'client-encrypted.pem'
  await backends.assertClientsWork(t, x509(), {
    ...CA,
    tlsCertificateKeyFile: certificate(encrypted),
    tlsCertificateKeyFilePassword: PASSPHRASE,
  })
  await backends.assertClientsWork(t, x509(), {
    ...{ ...CA, cert: pem(encrypted), key: pem(encrypted), passphrase: PASSPHRASE },
  })
  const inUri = `${x509()}&${caInUri}&tlsCertificateKeyFile=${encodeURIComponent(certificate('client.pem'))}`
  await assertWorks(await backends.started(t, { uri: inUri, database: 'app' }))
})

test('a password and a certificate go together', async (t) => {
  await backends.assertClientsWork(t, password(), BOTH)
})

test('a client by a CA that the server does not know is not let in', async (t) => {
  const stranger = encodeURIComponent(certificate('stranger.pem'))
  const uri = `${x509()}&${caInUri}&tlsCertificateKeyFile=${stranger}&serverSelectionTimeoutMS=500`
  await backends.assertRefused(backends.made(t, { uri, database: 'app' }).startup(), 'ConnectionError')
})

test('a certificate that was renewed in its place is shown by the next backend, also beside the last one', async (t) => {
  const renewed = certificate('renewed.pem')
  const options = `&${caInUri}&tlsCertificateKeyFile=${encodeURIComponent(renewed)}&serverSelectionTimeoutMS=3000`
  const make = () => backends.made(t, { uri: x509() + options, database: 'app' })
  copyFileSync(certificate('stranger.pem'), renewed)
  const first = make()
  await backends.assertRefused(first.startup(), 'ConnectionError')
  copyFileSync(certificate('client.pem'), renewed)
  const second = make()
  await second.startup()
  await assertWorks(second)
  rmSync(renewed)
})

test('a server that the app would not trust is not trusted', async (t) => {
  for (const trust of ['', `&tlsCAFile=${encodeURIComponent(certificate('other-ca.pem'))}`]) {
    const uri = `${password()}/?tls=true&serverSelectionTimeoutMS=500${trust}`
    await backends.assertRefused(backends.made(t, { uri, database: 'app' }).startup(), 'ConnectionError')
  }
})

test('a certificate for another name is not accepted', async (t) => {
  // The certificate is for localhost and 127.0.0.1.
  const uri = `${password('127.0.0.2')}/?serverSelectionTimeoutMS=500&${caInUri}`
  await backends.assertRefused(backends.made(t, { uri, database: 'app' }).startup(), 'ConnectionError')
})

test('an app that accepts any certificate gets an engine that does', async (t) => {
  await backends.assertClientsWork(t, password(), { tls: true, tlsAllowInvalidCertificates: true })
})

test('no TLS where the server asks for it is a failure, not a fallback', async (t) => {
  const uri = `${password()}/?serverSelectionTimeoutMS=500`
  await backends.assertRefused(backends.made(t, { uri, database: 'app' }).startup(), 'ConnectionError')
})
