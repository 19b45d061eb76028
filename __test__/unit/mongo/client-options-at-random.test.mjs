/**
 * The options of an app's client as anybody may have set them, with either major version of its driver. An option that the driver accepts holds
 * for the engine's connection too, or is refused by name. The connection never protects less, never has another identity, and no error
 * quotes a credential. No server is needed.
 *
 * Options that were trouble, or look like it, stand in `corpus/client-options.jsonl`. The rest is drawn from a seed, and a line to add there is
 * printed with it.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { inspect } from 'node:util'
import { DurablError, MongoJobQueue } from 'durabl'
import { connectionOf } from '../../../dist/mongo/connection/client-options.js'
import { OPTION_TABLE } from '../../../dist/mongo/connection/option-table.js'
import { SECRETS, databaseOf, drawClient } from './support/client-options.mjs'
import { ROUNDS, atRandom } from '../../support/rounds.mjs'

const CORPUS = readFileSync(new URL('corpus/client-options.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')

/** The name by which an option is refused, if that is not its own. */
const OTHER_NAMES = {
  tlsAllowInvalidHostnames: ['checkServerIdentity'],
  tlsInsecure: ['checkServerIdentity'],
  tlsCertificateKeyFile: ['key', 'cert'],
  tlsCertificateKeyFilePassword: ['key'],
  passphrase: ['key'],
  cert: ['key'],
  auth: ['username', 'password'],
  writeConcern: ['w', 'journal', 'wtimeoutMS'],
  j: ['journal'],
  fsync: ['journal'],
  wtimeout: ['wtimeoutMS'],
  readConcern: ['readConcernLevel'],
  readPreference: ['readPreferenceTags', 'maxStalenessSeconds', 'max_staleness'],
  readPreferenceTags: ['readPreference'],
  // In the words of the engine's driver.
  maxStalenessSeconds: ['readPreference', 'max_staleness'],
  proxyHost: ['proxy'],
  zlibCompressionLevel: ['zlib'],
}

/** Lower-case names of what was set, by whom ever. */
function namesOf({ uri, options, database = {} }) {
  const inUri = [...new URLSearchParams(uri.slice(uri.indexOf('?') + 1)).keys()]
  const set = [
    ...inUri,
    ...Object.keys(options),
    ...Object.keys(database),
    ...(/@/.test(uri) ? ['auth'] : []),
  ]
  const isSet = (name) => set.some((one) => one.toLowerCase() === name.toLowerCase())
  const known = Object.keys(OPTION_TABLE).filter(isSet)
  return [...known, ...known.flatMap((name) => OTHER_NAMES[name] ?? [])].map((name) => name.toLowerCase())
}

const quoted = (text) => SECRETS.filter((secret) => text.includes(secret))

function assertRefusal(error, client) {
  assert.ok(error instanceof DurablError || error instanceof TypeError, inspect(error))
  assert.match(String(error.code), /^ERR_DURABL_(UNSUPPORTED_OPTION|INVALID_ARGUMENT)$/, error.stack)
  const words = error.message.toLowerCase().split(/\W+/)
  assert.ok(
    namesOf(client).some((name) => words.includes(name)),
    `no option is named by: ${error.message}`,
  )
  const told = `${error.message} ${error.stack} ${inspect(error, { depth: Infinity, showHidden: true })}`
  assert.deepEqual(quoted(told), [], error.message)
}

/** PEM texts in any of their forms. */
const textsOf = (material) => [material].flat().map((text) => Buffer.from(text).toString().trim())

/** The differences by which the connection protects less than the client does, or has another identity. */
function* weaknesses(connection, { client, writeConcern }) {
  const { tls, rejectUnauthorized, checkServerIdentity, ca, tlsCAFile, credentials, hosts, srvHost } =
    client.options
  const checks = tls && rejectUnauthorized !== false
  if (Boolean(tls) !== connection.tls) yield 'tls'
  if (connection.tlsAllowInvalidHostnames) yield 'tlsAllowInvalidHostnames'
  if (checks && connection.tlsAllowInvalidCertificates) yield 'tlsAllowInvalidCertificates'
  if (checks && checkServerIdentity != null) yield 'checkServerIdentity'
  if (tls && ca != null && !textsOf(ca).every((text) => connection.tlsCa?.includes(text))) yield 'ca'
  if (tls && ca == null && (tlsCAFile ?? null) !== connection.tlsCaFile) yield 'tlsCAFile'
  const { cert, key, tlsCertificateKeyFile } = client.options
  const isKnown = (cert != null && key != null) || tlsCertificateKeyFile !== undefined
  if (tls && isKnown && (connection.tlsCertificateKey ?? connection.tlsCertificateKeyFile) === null)
    yield 'cert'
  if (connection.tlsCertificateKey?.toString().match(/BEGIN (?!ENCRYPTED)\w* ?PRIVATE/)) yield 'key'
  if (credentials && namesSomebody(credentials)) yield* impostures(connection, credentials)
  if (writeConcern?.w === 0 || (writeConcern?.w ?? null) !== connection.writeConcernW) yield 'w'
  if (srvHost !== undefined ? connection.srvHost !== srvHost : connection.hosts.length !== hosts.length)
    yield 'hosts'
  if ((client.options.proxyHost ?? null) !== connection.proxyHost) yield 'proxyHost'
}

/** Otherwise the driver has no identity to use. */
const namesSomebody = ({ username, mechanism = 'DEFAULT' }) => Boolean(username) || mechanism !== 'DEFAULT'

function* impostures(connection, { username, password, source, mechanism = 'DEFAULT' }) {
  const isSame = (carried, own) => (carried ?? '') === (own ?? '')
  if (!isSame(connection.username, username)) yield 'username'
  if (mechanism !== 'MONGODB-X509' && !isSame(connection.password, password)) yield 'password'
  if ((connection.authMechanism ?? 'DEFAULT') !== mechanism) yield 'authMechanism'
  if (connection.username === null && connection.authMechanism === null) yield 'nobody'
  // The contents of a TXT record are left to the engine, which reads it too.
  if (connection.srvHost === null && !isSame(connection.authSource, source)) yield 'authSource'
}

/** The range of the engine's numbers: others would be changed on their way there. */
const MOST = {
  ...{ srvMaxHosts: 2 ** 32 - 1, maxPoolSize: 2 ** 32 - 1, minPoolSize: 2 ** 32 - 1 },
  ...{ maxConnecting: 2 ** 32 - 1, zlibCompressionLevel: 2 ** 31 - 1, writeConcernW: 2 ** 32 - 1 },
  proxyPort: 65_535,
}

/** Numbers that are not what the client has. */
const changed = (connection) =>
  Object.entries(MOST).flatMap(([name, most]) => {
    const value = connection[name]
    const isWhole = Number.isInteger(value) && value <= most && value >= 0
    return typeof value === 'number' && !isWhole ? [`${name}: ${value}`] : []
  })

/** @returns whether the driver refused it, the engine did, or it was `carried` */
async function judge(client) {
  const db = databaseOf(client)
  if (db === null) return 'none'
  let queue, connection
  try {
    connection = connectionOf(db)
    assert.deepEqual([...weaknesses(connection, db)], [], 'the connection has less than the client')
    assert.deepEqual(connectionOf(db), connection)
    queue = new MongoJobQueue({ db })
  } catch (error) {
    if (error.code === 'ERR_ASSERTION') throw error
    assertRefusal(error, client)
    return 'refused'
  }
  assert.deepEqual(changed(connection), [])
  assert.deepEqual(quoted(inspect(queue, { depth: Infinity, showHidden: true })), [])
  await queue.shutdown(0)
  return 'carried'
}

describe('the options of a client as any app may have set them', () => {
  // The driver's, about options that it does not use any more.
  const printed = process.listeners('warning')
  before(() => printed.forEach((listener) => process.off('warning', listener)))
  after(() => printed.forEach((listener) => process.on('warning', listener)))

  for (const [n, line] of CORPUS.entries())
    test(`are carried over or refused by name (${n})`, async () => {
      assert.notEqual(await judge(JSON.parse(line)), 'none', 'the driver refuses this: it shows nothing')
    })

  test('so are those at random', async (t) => {
    const counts = { none: 0, refused: 0, carried: 0 }
    await atRandom(t, {}, async ({ draw, show }) => {
      const client = drawClient(draw)
      show(() => JSON.stringify(client))
      counts[await judge(client)] += 1
    })
    t.diagnostic(JSON.stringify(counts))
    assert.ok(counts.refused > ROUNDS / 20 && counts.carried > ROUNDS / 20, JSON.stringify(counts))
  })
})
