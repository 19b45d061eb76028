import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import test from 'node:test'
import { MongoJobQueue } from 'durabl'
import * as mongodb7 from 'mongodb'
import * as mongodb6 from 'mongodb6'
import { connectionOf } from '../../../dist/mongo/connection/client-options.js'
import { OPTION_TABLE } from '../../../dist/mongo/connection/option-table.js'
import { connectionFromUri } from '../../../dist/mongo/connection/uri.js'
import { PASSPHRASE, certificate, pem } from '../../support/certificates.mjs'
import { runNode } from '../../support/child.mjs'

const require = createRequire(import.meta.url)

/** A database of a client that never connects. */
function database(uri = 'mongodb://127.0.0.1:1', options = {}, mongodb = mongodb7) {
  return new mongodb.MongoClient(uri, options).db('app')
}

const carried = (uri, options, mongodb) => connectionOf(database(uri, options, mongodb))

function refused(make) {
  let found
  assert.throws(make, (error) => {
    found = error
    return true
  })
  assert.equal(found.name, 'UnsupportedOptionError', found.stack)
  assert.equal(found.code, 'ERR_DURABL_UNSUPPORTED_OPTION')
  assert.match(found.message, /new MongoJobQueue\(\{ uri, database/)
  return found.message
}

for (const [name, mongodb] of [
  ['mongodb', mongodb7],
  ['mongodb6', mongodb6],
]) {
  test(`every option that ${name} knows has been thought about`, () => {
    const { OPTIONS } = require(`${name}/lib/connection_string`)
    const { LEGAL_TCP_SOCKET_OPTIONS, LEGAL_TLS_SOCKET_OPTIONS } = require(`${name}/lib/cmap/connect`)
    const known = [...Object.keys(OPTIONS), ...LEGAL_TCP_SOCKET_OPTIONS, ...LEGAL_TLS_SOCKET_OPTIONS]
    assert.ok(known.length > 90)
    assert.deepEqual(
      known.filter((option) => !Object.hasOwn(OPTION_TABLE, option)),
      [],
    )
  })

  test(`the options of a client of ${name} are carried over`, () => {
    const connection = carried(
      'mongodb://me:p%40ss%2Fword@one,two:27018,[::1]:27019/app?replicaSet=rs0&authSource=users',
      {
        ...{ appName: 'shop', compressors: ['zstd', 'zlib'], zlibCompressionLevel: 7 },
        ...{ maxPoolSize: 7, minPoolSize: 1, maxConnecting: 3, maxIdleTimeMS: 60_000 },
        ...{
          connectTimeoutMS: 1000,
          serverSelectionTimeoutMS: 2000,
          heartbeatFrequencyMS: 3000,
          localThresholdMS: 20,
        },
        ...{ readConcern: { level: 'majority' }, w: 2, journal: true, wtimeoutMS: 500 },
        ...{
          readPreference: 'secondaryPreferred',
          readPreferenceTags: [{ dc: 'east' }, {}],
          maxStalenessSeconds: 120,
        },
        ...{ retryReads: false, retryWrites: false, authMechanism: 'SCRAM-SHA-256' },
        serverApi: { version: '1', strict: true, deprecationErrors: false },
      },
      mongodb,
    )
    assert.deepEqual(connection, {
      uri: null,
      hosts: ['one:27017', 'two:27018', '[::1]:27019'],
      ...{ srvHost: null, srvServiceName: null, srvMaxHosts: null },
      ...{ replicaSet: 'rs0', directConnection: null, loadBalanced: null },
      ...{ username: 'me', password: 'p@ss/word', authSource: 'users', authMechanism: 'SCRAM-SHA-256' },
      awsSessionToken: null,
      ...{ tls: false, tlsCaFile: null, tlsCa: null, tlsCertificateKeyFile: null, tlsCertificateKey: null },
      ...{
        tlsCertificateKeyPassword: null,
        tlsAllowInvalidCertificates: false,
        tlsAllowInvalidHostnames: false,
      },
      ...{ compressors: ['zstd', 'zlib'], zlibCompressionLevel: 7 },
      ...{ maxPoolSize: 7, minPoolSize: 1, maxConnecting: 3, maxIdleTimeMs: 60_000, connectTimeoutMs: 1000 },
      ...{
        serverSelectionTimeoutMs: 2000,
        socketTimeoutMs: null,
        heartbeatFrequencyMs: 3000,
        localThresholdMs: 20,
      },
      appName: 'shop',
      ...{
        readConcernLevel: 'majority',
        writeConcernW: 2,
        writeConcernJournal: true,
        writeConcernTimeoutMs: 500,
      },
      readPreferenceMode: 'secondaryPreferred',
      readPreferenceTags: [{ dc: 'east' }, {}],
      maxStalenessSeconds: 120,
      ...{ retryReads: false, retryWrites: false },
      ...{ serverApiVersion: '1', serverApiStrict: true, serverApiDeprecationErrors: false },
      ...{ proxyHost: null, proxyPort: null, proxyUsername: null, proxyPassword: null },
    })
  })
}

test('hosts of every kind are carried over', () => {
  assert.deepEqual(carried('mongodb://%2Ftmp%2Fmongodb-27017.sock').hosts, ['/tmp/mongodb-27017.sock'])
  const direct = carried('mongodb://one/?directConnection=true')
  assert.deepEqual([direct.directConnection, direct.loadBalanced], [true, null])
  assert.equal(carried('mongodb://one/?loadBalanced=true').loadBalanced, true)
  const srv = carried('mongodb+srv://me:pw@cluster.example.com/?srvServiceName=custom&srvMaxHosts=2')
  assert.deepEqual([srv.srvHost, srv.srvServiceName, srv.srvMaxHosts], ['cluster.example.com', 'custom', 2])
  assert.deepEqual([srv.hosts, srv.tls], [[], true])
  // The TXT record beside the SRV record may name it.
  assert.equal(srv.authSource, null)
  assert.equal(carried('mongodb+srv://me:pw@cluster.example.com/?authSource=users').authSource, 'users')
})

test('a database’s own concerns and preference win over the client’s', () => {
  const client = new mongodb7.MongoClient('mongodb://one', { w: 1 })
  const db = client.db('app', { writeConcern: { w: 'majority' }, readPreference: 'nearest' })
  const connection = connectionOf(db)
  assert.deepEqual([connection.writeConcernW, connection.readPreferenceMode], ['majority', 'nearest'])
})

test('mechanisms are carried over', () => {
  const pick = ({ username, password, authSource, authMechanism, awsSessionToken }) => [
    ...[username, password, authSource, authMechanism, awsSessionToken],
  ]
  assert.deepEqual(pick(carried('mongodb://one')), [null, null, null, null, null])
  assert.deepEqual(pick(carried('mongodb://me:pw@one')), ['me', 'pw', 'admin', null, null])
  assert.deepEqual(pick(carried('mongodb://me:pw@one/db')), ['me', 'pw', 'db', null, null])
  assert.deepEqual(pick(carried('mongodb://me:pw@one/?authMechanism=PLAIN')), [
    'me',
    'pw',
    '$external',
    'PLAIN',
    null,
  ])
  assert.deepEqual(pick(carried('mongodb://one/?tls=true&authMechanism=MONGODB-X509')), [
    ...[null, null, '$external', 'MONGODB-X509', null],
  ])
  assert.deepEqual(pick(carried('mongodb://one/?authMechanism=MONGODB-AWS')), [
    ...[null, null, '$external', 'MONGODB-AWS', null],
  ])
  const temporary =
    'mongodb://key:secret@one/?authMechanism=MONGODB-AWS&authMechanismProperties=AWS_SESSION_TOKEN:token'
  assert.deepEqual(pick(carried(temporary, {}, mongodb6)), [
    'key',
    'secret',
    '$external',
    'MONGODB-AWS',
    'token',
  ])
})

test('TLS files are named, TLS texts are handed over', () => {
  const tls = { tls: true }
  const files = carried('mongodb://one', {
    ...tls,
    tlsCAFile: '/ca.pem',
    tlsCertificateKeyFile: '/client.pem',
  })
  assert.deepEqual([files.tlsCaFile, files.tlsCertificateKeyFile], ['/ca.pem', '/client.pem'])
  assert.deepEqual([files.tlsCa, files.tlsCertificateKey], [null, null])
  for (const ca of [pem('ca.pem'), pem('ca.pem').toString(), [pem('ca.pem'), pem('ca.pem').toString()]]) {
    const texts = carried('mongodb://one', { ...tls, ca })
    assert.ok(texts.tlsCa.toString().includes('-----BEGIN CERTIFICATE-----'))
    assert.equal(texts.tlsCaFile, null)
  }
})

test('a key in memory travels encrypted, and equal ones travel alike', () => {
  const options = { tls: true, cert: pem('client.pem'), key: pem('client.pem') }
  const { tlsCertificateKey, tlsCertificateKeyPassword } = carried('mongodb://one', options)
  const text = tlsCertificateKey.toString()
  assert.match(text, /-----BEGIN CERTIFICATE-----[^]*-----BEGIN ENCRYPTED PRIVATE KEY-----/)
  assert.ok(!text.includes('-----BEGIN PRIVATE KEY-----') && tlsCertificateKeyPassword.length > 20)
  assert.deepEqual(carried('mongodb://one', options).tlsCertificateKey, tlsCertificateKey)
  const old = { tls: true, tlsCertificateKeyFile: certificate('client-encrypted.pem') }
  const opened = carried('mongodb://one', { ...old, tlsCertificateKeyFilePassword: PASSPHRASE })
  assert.match(opened.tlsCertificateKey.toString(), /ENCRYPTED PRIVATE KEY/)
  const message = refused(() => carried('mongodb://one', { ...old, tlsCertificateKeyFilePassword: 'wrong' }))
  assert.match(message, /key \(with its passphrase\)/)
  assert.ok(!message.includes('wrong'))
})

test('the engine trusts the certificates that Node trusts beside its own list', async () => {
  const program = `
    const { MongoClient } = require('mongodb')
    const { connectionOf } = require('./dist/mongo/connection/client-options.js')
    const { tlsCa } = connectionOf(new MongoClient('mongodb://one/?tls=true').db('app'))
    console.log(tlsCa === null ? 'the list' : tlsCa.includes(process.env.EXTRA) ? 'more' : 'something else')
  `
  const EXTRA = pem('ca.pem').toString().trim()
  const with_ = await runNode(['-e', program], { env: { NODE_EXTRA_CA_CERTS: certificate('ca.pem'), EXTRA } })
  assert.equal(with_.stdout, 'more\n', with_.stderr)
  const without = await runNode(['-e', program], { env: { NODE_EXTRA_CA_CERTS: '', EXTRA } })
  assert.equal(without.stdout, 'the list\n', without.stderr)
})

test('certificates that the app does not check, the engine does not check', () => {
  for (const options of [
    'tlsInsecure=true',
    'tlsAllowInvalidCertificates=true&tlsAllowInvalidHostnames=true',
  ]) {
    const connection = carried(`mongodb://one/?tls=true&${options}`)
    assert.equal(connection.tlsAllowInvalidCertificates, true)
  }
  assert.equal(carried('mongodb://one/?tls=true&tlsInsecure=false').tlsAllowInvalidCertificates, false)
})

const noop = () => undefined

for (const [name, uri, options] of [
  ['checkServerIdentity', 'mongodb://one/?tls=true&tlsAllowInvalidHostnames=true', {}],
  ['checkServerIdentity', 'mongodb://one', { tls: true, checkServerIdentity: noop }],
  ['tlsCRLFile', 'mongodb://one', { tls: true, tlsCRLFile: '/crl.pem' }],
  ['crl', 'mongodb://one', { tls: true, crl: 'x' }],
  ['pfx', 'mongodb://one', { tls: true, pfx: Buffer.from('x') }],
  ['secureContext', 'mongodb://one', { tls: true, secureContext: {} }],
  ['ciphers', 'mongodb://one', { tls: true, ciphers: 'HIGH' }],
  ['secureProtocol', 'mongodb://one', { tls: true, secureProtocol: 'TLSv1_2_method' }],
  ['servername', 'mongodb://one', { tls: true, servername: 'other' }],
  ['ALPNProtocols', 'mongodb://one', { tls: true, ALPNProtocols: ['x'] }],
  ['ca', 'mongodb://one', { tls: true, ca: 5 }],
  ['key', 'mongodb://one', { tls: true, cert: pem('client.pem'), key: [{ pem: 'x' }] }],
  ['key', 'mongodb://one', { tls: true, cert: pem('client.pem'), key: 'nonsense' }],
  ['lookup', 'mongodb://one', { lookup: noop }],
  ['localAddress', 'mongodb://one', { localAddress: '127.0.0.2' }],
  ['connectionType', 'mongodb://one', { connectionType: class {} }],
  ['srvHostValidator', 'mongodb+srv://a.example.com', { srvHostValidator: () => true }],
  ['srvAllowedHostsSuffix', 'mongodb+srv://a.example.com', { srvAllowedHostsSuffix: 'example.org' }],
  ['authMechanism', 'mongodb://me@one/?authMechanism=GSSAPI', {}],
  [
    'authMechanism',
    'mongodb://127.0.0.1/?authMechanism=MONGODB-OIDC',
    { authMechanismProperties: { OIDC_CALLBACK: noop } },
  ],
  [
    'AWS_CREDENTIAL_PROVIDER',
    'mongodb://one/?authMechanism=MONGODB-AWS',
    { authMechanismProperties: { AWS_CREDENTIAL_PROVIDER: noop } },
  ],
  ['w: 0', 'mongodb://one/?w=0', {}],
]) {
  test(`${name} is refused by name (${uri.slice(uri.indexOf('one'))} ${Object.keys(options)})`, () => {
    assert.ok(refused(() => carried(uri, options)).includes(name))
    // The constructor is where an app meets it.
    refused(() => new MongoJobQueue({ db: database(uri, options) }))
  })
}

test('auto-encryption is refused by name', () => {
  // Its native package need not be installed here: the options as the client would have them will do.
  const db = database()
  db.client.options.autoEncryption = { keyVaultNamespace: 'a.b' }
  assert.match(
    refused(() => connectionOf(db)),
    /autoEncryption/,
  )
})

test('all refusals come at once', () => {
  const message = refused(() => carried('mongodb://one/?w=0', { tls: true, ciphers: 'HIGH', lookup: noop }))
  for (const name of ['w: 0', 'ciphers', 'lookup']) assert.ok(message.includes(name), message)
})

test('a refusal quotes no credential', () => {
  const uri =
    'mongodb://someone:s3cret@one/?authMechanism=MONGODB-AWS&authMechanismProperties=AWS_SESSION_TOKEN:t0ken'
  const message = refused(() => carried(uri, { ciphers: 'HIGH' }, mongodb6))
  assert.ok(!/s3cret|t0ken|someone/.test(message), message)
})

// ---------------------------------------------------------------------------------------------------------------------

const uriOf = (uri) => connectionFromUri(uri).uri

test('a connection string is passed on as it is, but for what the engine need not know', () => {
  const plain = 'mongodb://me:p%3Fw@one,two/app?replicaSet=rs0&w=majority'
  assert.equal(uriOf(plain), plain)
  assert.equal(
    uriOf('mongodb://one/?promoteLongs=false&appName=a&SocketTimeoutMS=45000'),
    'mongodb://one/?appName=a',
  )
  assert.equal(uriOf('mongodb://one/?ignoreUndefined=true'), 'mongodb://one/')
  assert.equal(uriOf('mongodb://one/?j=true&wtimeout=5'), 'mongodb://one/?journal=true&wtimeoutMS=5')
  assert.equal(uriOf('mongodb://one/?compressors=none'), 'mongodb://one/')
  const unbounded = connectionFromUri('mongodb://one/?maxPoolSize=0')
  assert.deepEqual([unbounded.uri, unbounded.maxPoolSize], ['mongodb://one/', 0])
})

test('a connection string with options that the engine cannot honour is refused by name', () => {
  assert.match(
    refused(() => uriOf('mongodb://one/?tlsCRLFile=/crl.pem')),
    /tlsCRLFile/,
  )
  assert.match(
    refused(() => uriOf('mongodb://one/?tls=true&tlsAllowInvalidHostnames=true')),
    /tlsAllowInvalidHostnames/,
  )
  const both = 'mongodb://one/?tlsAllowInvalidHostnames=true&tlsAllowInvalidCertificates=true'
  assert.equal(uriOf(both), 'mongodb://one/?tlsAllowInvalidCertificates=true')
})

const make = (options) => () => new MongoJobQueue(options)

test('a malformed connection string, or one with an unknown option, is refused without being quoted', () => {
  for (const uri of ['', 'localhost', 'postgres://me:s3cret@one', 'mongodb://me:s3c/ret@one', 5, {}, null]) {
    assert.throws(make({ uri, database: 'd' }), (error) => {
      assert.ok(error instanceof TypeError || error.name === 'UnsupportedOptionError', error.stack)
      assert.match(error.message, /uri/)
      assert.ok(!error.message.includes('s3c'), error.message)
      return true
    })
  }
  assert.throws(make({ uri: 'mongodb://one/?maxPoolSizes=5', database: 'd' }), /maxpoolsize/i)
})

test('options are checked, and typos are recognised', () => {
  const uri = 'mongodb://127.0.0.1:1'
  const cases = [
    [undefined, /must be given "db"/],
    [{}, /must be given "db"/],
    ['mongodb://one', /options must be an object/],
    [database(), /got a Db: pass \{ db \}/],
    [{ uri }, /"database" must be given/],
    [{ uri, database: '' }, /"database" must be the name of a database/],
    [{ uri, database: 'a.b' }, /"database"/],
    [{ uri, database: 'a', collectionName: '$x' }, /"collectionName"/],
    [{ uri, database: 'a', collection: 'x' }, /unknown option "collection"; did you mean "collectionName"/],
    [{ uri, database: 'a', useChangeStream: true }, /did you mean "useChangeStreams"/],
    [{ uri, database: 'a', useChangeStreams: 'yes' }, /must be true or false/],
    [{ uri, database: 'a', maxLogEntries: 0 }, /"maxLogEntries"/],
    [{ uri, database: 'a', logger: console.log }, /"logger" must be a logger/],
    [{ db: database(), uri }, /not both/],
    [{ db: 5 }, /must be a Db.*got 5/],
    [{ db: {} }, /must be a Db.*another object/],
    [{ db: Promise.resolve() }, /got a promise: await it/],
    [{ db: database().client }, /got a MongoClient: pass client\.db/],
    [{ db: { db: database() } }, /has one: pass its property db/],
    [{ db: database().collection('jobs') }, /has one: pass its property db/],
  ]
  for (const [options, expected] of cases) {
    assert.throws(make(options), (error) => {
      assert.ok(error instanceof TypeError || error instanceof RangeError, error.stack)
      assert.equal(error.code, 'ERR_DURABL_INVALID_ARGUMENT')
      assert.match(error.message, expected)
      return true
    })
  }
})
