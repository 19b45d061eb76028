/**
 * Options of an app's client, drawn at random, as plain data that a line of a corpus can hold. A value that JSON can't express stands there as
 * `{ "$": name }`. Every credential among them is one of `SECRETS`.
 */
import * as mongodb7 from 'mongodb'
import * as mongodb6 from 'mongodb6'
import { OPTION_TABLE } from '../../../../dist/mongo/connection/option-table.js'
import { PASSPHRASE, certificate, pem } from '../../../support/certificates.mjs'

const DRIVERS = { mongodb6, mongodb7 }

const SECRET = 's3cr3t-passw0rd'
/** Secrets that no error may quote: passwords, of any user, and keys. */
export const SECRETS = [SECRET, 'us3r-name', '48151623', PASSPHRASE, 'PRIVATE KEY']

const hostile = {
  get mode() {
    throw new Error('a getter')
  },
}

/** Made anew for each client, by its driver's package where that matters. */
const SPECIAL = {
  ca: () => pem('ca.pem'),
  caText: () => pem('ca.pem').toString(),
  caBytes: () => new Uint8Array(pem('ca.pem')),
  client: () => pem('client.pem'),
  clientText: () => pem('client.pem').toString(),
  encrypted: () => pem('client-encrypted.pem'),
  caFile: () => certificate('ca.pem'),
  clientFile: () => certificate('client.pem'),
  encryptedFile: () => certificate('client-encrypted.pem'),
  bytes: () => Buffer.from([0, 255]),
  function: () => () => undefined,
  class: () => class {},
  symbol: () => Symbol('s'),
  undefined: () => undefined,
  nan: () => NaN,
  infinity: () => Infinity,
  bigint: () => 2n ** 70n,
  date: () => new Date(NaN),
  regexp: () => /x/,
  map: () => new Map([['w', 0]]),
  set: () => new Set(['x']),
  bare: () => Object.create(null),
  hostile: () => hostile,
  secondary: ({ ReadPreference }) =>
    new ReadPreference('secondary', [{ dc: 'east' }], { maxStalenessSeconds: 120 }),
  majority: ({ WriteConcern }) => new WriteConcern('majority', 500, true),
  nobody: ({ WriteConcern }) => new WriteConcern(0),
  snapshot: ({ ReadConcern }) => new ReadConcern('snapshot'),
}

const $ = (name) => ({ $: name })

function made(value, mongodb) {
  if (Array.isArray(value)) return value.map((element) => made(element, mongodb))
  if (typeof value !== 'object' || value === null) return value
  if ('$' in value) return SPECIAL[value.$](mongodb)
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, made(inner, mongodb)]))
}

const NAMES = Object.keys(SPECIAL)
const ODD = [
  ...[null, true, false, '', ' ', '\0', '\ud800', 'x'.repeat(5000), '$where', 'a.b', 'a:b,c:d'],
  ...[0, -1, 1.5, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 53, 1e300, '0', '10', [], [1], ['x'], [[]], [null], {}],
  ...[
    { $ne: null },
    { w: 0 },
    { mode: 'primary' },
    { level: 'majority' },
    { username: 48151623, password: SECRET },
  ],
  ...NAMES.map($),
]

const BOOLEANS = [true, false, 'true', 'false']
const SWITCHED_ON = [true, true, true, 'true', false]
const SIZES = [0, 1, 100, '7', 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 53]
const TIMES = [0, 1, 500, 30_000, '1000', 2 ** 31, 2 ** 53, 1e21]
const MODES = ['primary', 'primaryPreferred', 'secondary', 'secondaryPreferred', 'nearest']
const TAGS = [[{ dc: 'east' }, {}], [{ dc: 5 }], [{ dc: null }], [], 'dc:east', ['dc:east', 'dc:west'], [[]]]
const LEVELS = ['local', 'majority', 'linearizable', 'available', 'snapshot', 'nonsense', 5, '']
const CERTIFICATES = [$('client'), $('clientText'), [$('client')], $('encrypted'), $('bytes'), 'nonsense', []]

const CONCERNS = [
  ...[{ w: 'majority' }, { w: 2, j: true }, { w: 1, journal: false, wtimeoutMS: 500 }, { w: 0 }, { w: '0' }],
  ...[{ w: -1 }, { w: 0.5 }, { w: 2 ** 32 }, { w: $('nan') }, { w: true }, { w: { dc: 1 } }, { w: 'custom' }],
  ...[{ j: 'yes' }, { wtimeout: 'x' }, { wtimeoutMS: -1 }, { fsync: 1 }, {}, $('majority'), $('nobody')],
]
const PREFERENCES = [
  ...MODES,
  ...[{ mode: 'nearest', tags: [{ dc: 'east' }] }, { mode: 'secondary', tags: [{ dc: 5 }] }, $('secondary')],
  ...[
    { mode: 'secondary', maxStalenessSeconds: 'x' },
    { mode: 'secondary', maxStalenessSeconds: 1.5 },
  ],
  ...[
    { mode: 'secondary', hedge: { enabled: true } },
    { mode: 'secondary', tags: 'x' },
  ],
]

/** Values that an app might give, most of them good. */
const USUAL = {
  tls: SWITCHED_ON,
  ssl: SWITCHED_ON,
  ca: [$('ca'), $('caText'), $('caBytes'), [$('ca'), $('caText')], [], 5, 'nonsense', ''],
  cert: CERTIFICATES,
  key: [...CERTIFICATES, [{ pem: $('client'), passphrase: SECRET }]],
  passphrase: [PASSPHRASE, SECRET, '', 5, $('bytes')],
  tlsCAFile: [$('caFile'), '/no/such.pem', $('clientFile')],
  tlsCertificateKeyFile: [$('clientFile'), $('encryptedFile'), '/no/such.pem', $('caFile'), $('clientText')],
  tlsCertificateKeyFilePassword: [PASSPHRASE, SECRET],
  rejectUnauthorized: BOOLEANS,
  tlsAllowInvalidCertificates: BOOLEANS,
  tlsAllowInvalidHostnames: BOOLEANS,
  tlsInsecure: BOOLEANS,
  checkServerIdentity: [$('function')],
  auth: [
    ...[
      { username: 'us3r-name', password: SECRET },
      { username: 'us3r-name', password: '' },
    ],
    ...[
      { username: 'us3r-name', password: $('undefined') },
      { username: '', password: SECRET },
    ],
    ...[
      { username: 48151623, password: SECRET },
      { username: 'us3r-name', password: 48151623 },
      { username: [], password: {} },
    ],
  ],
  authMechanism: [
    ...['DEFAULT', 'SCRAM-SHA-1', 'SCRAM-SHA-256', 'PLAIN', 'MONGODB-X509', 'MONGODB-AWS', 'GSSAPI'],
    ...['MONGODB-OIDC', 'scram-sha-256', 'X509'],
  ],
  authSource: ['admin', '$external', 'users', '', 5],
  authMechanismProperties: [
    ...[
      {},
      { AWS_SESSION_TOKEN: SECRET },
      { AWS_SESSION_TOKEN: 5 },
      { SERVICE_NAME: 'x' },
      { ENVIRONMENT: 'gcp' },
    ],
    ...[`AWS_SESSION_TOKEN:${SECRET}`, { OIDC_CALLBACK: $('function') }, `AWS_SESSION_TOKEN:x,${SECRET}:y`],
  ],
  readPreference: PREFERENCES,
  readPreferenceTags: TAGS,
  maxStalenessSeconds: [90, 120, -1, 0, 5, 2 ** 53],
  readConcern: [...LEVELS.map((level) => ({ level })), $('snapshot')],
  readConcernLevel: LEVELS,
  writeConcern: CONCERNS,
  w: [1, 2, 'majority', 'custom', 0, '0', -1, 0.5, 51],
  compressors: ['none', 'zlib', 'zstd,snappy', ['zlib', 'none'], [], ['snappy']],
  zlibCompressionLevel: [-1, 0, 1, 9, 10, -2, '3', 2 ** 31],
  proxyHost: ['localhost', '::1', '', 'a b'],
  proxyPort: [1080, '1080', 0, 65_535, 65_536, 2 ** 32],
  serverApi: [
    ...['1', { version: '1', strict: true, deprecationErrors: false }, { version: '1', strict: 'yes' }],
    ...[{ version: '1', deprecationErrors: 1 }],
  ],
  appName: ['shop', '', 'x'.repeat(200), 'a\0b', 5],
  replicaSet: ['rs0', '', 'ünï'],
  srvServiceName: ['mongodb', 'custom', '', 'a.b'],
  srvMaxHosts: [0, 2, 2 ** 32 + 1],
  localThresholdMS: TIMES,
  family: [4, 6],
}
const usual = (name) => {
  if (name in USUAL) return USUAL[name]
  if (/Size$|^maxConnecting$/.test(name)) return SIZES
  if (/(MS|timeout)$/i.test(name)) return TIMES
  return BOOLEANS
}

/** Options that only make sense together. */
const TOGETHER = [
  { tls: true, ca: $('ca'), cert: $('client'), key: $('client') },
  { tls: true, cert: $('encrypted'), key: $('encrypted'), passphrase: PASSPHRASE },
  { tls: true, tlsCertificateKeyFile: $('encryptedFile'), tlsCertificateKeyFilePassword: PASSPHRASE },
  { tls: true, authMechanism: 'MONGODB-X509', tlsCertificateKeyFile: $('clientFile') },
  { proxyHost: 'localhost', proxyPort: 1080, proxyUsername: 'us3r-name', proxyPassword: SECRET },
  { auth: { username: 'us3r-name', password: SECRET }, authMechanism: 'PLAIN' },
  { readPreference: 'secondary', readPreferenceTags: [{ dc: 'east' }], maxStalenessSeconds: 120 },
]

const SERVERS = [
  ...['127.0.0.1:1', '127.0.0.1:1', '127.0.0.1:1', 'one,two:27018,[::1]:27019', '%2Ftmp%2Fmongodb-1.sock'],
  ...['ONE.example.com', '[::ffff:1.2.3.4]:5'],
]
const IN_URI = [
  ...['tls=true', 'tls=false', 'ssl=true', 'tlsInsecure=true', 'tlsAllowInvalidCertificates=true'],
  ...['tlsAllowInvalidHostnames=true', 'authSource=users', 'authMechanism=SCRAM-SHA-256'],
  ...['authMechanism=MONGODB-X509', 'authMechanism=MONGODB-AWS', 'authMechanism=GSSAPI', 'replicaSet=rs0'],
  ...['w=majority', 'w=0', 'journal=true', 'readPreference=nearest', 'readPreferenceTags=dc:east'],
  ...['compressors=zlib,snappy', 'maxPoolSize=0', 'directConnection=true', 'loadBalanced=true'],
  ...[`authMechanismProperties=AWS_SESSION_TOKEN:${SECRET}`, 'retryWrites=false', 'readConcernLevel=local'],
]

function drawUri({ chance, one, between }) {
  const who = chance(0.5) ? `us3r-name:${SECRET}@` : chance(0.1) ? 'us3r-name@' : ''
  const [scheme, servers] = chance(0.15) ? ['mongodb+srv', 'cluster.example.com'] : ['mongodb', one(SERVERS)]
  const pairs = new Set(Array.from({ length: chance(0.5) ? 0 : between(1, 2) }, () => one(IN_URI)))
  return `${scheme}://${who}${servers}/${chance(0.3) ? 'db' : ''}?${[...pairs].join('&')}`
}

/** Options by their names. At most one value of them is odd: a driver that refuses that is of no interest. */
function drawOptions({ chance, one, between }) {
  const options = chance(0.4) ? { ...one(TOGETHER) } : {}
  for (let n = between(0, 3); n > 0; n -= 1) {
    const name = one(chance(0.7) ? Object.keys(USUAL) : Object.keys(OPTION_TABLE))
    options[name] = one(usual(name))
  }
  if (chance(0.3)) options[one(Object.keys(OPTION_TABLE))] = one(ODD)
  return options
}

const OF_DATABASE = { readPreference: PREFERENCES, writeConcern: CONCERNS, readConcern: USUAL.readConcern }

/** A client, and a database of it. */
export function drawClient(draw) {
  const { chance, one } = draw
  const database = {}
  if (chance(0.2)) {
    const name = one(Object.keys(OF_DATABASE))
    database[name] = one(chance(0.2) ? ODD : OF_DATABASE[name])
  }
  return { driver: one(Object.keys(DRIVERS)), uri: drawUri(draw), options: drawOptions(draw), database }
}

/** The database of such a client, which never connects; null if the driver refuses. */
export function databaseOf({ driver, uri, options, database = {} }) {
  const mongodb = DRIVERS[driver]
  try {
    return new mongodb.MongoClient(uri, made(options, mongodb)).db('app', made(database, mongodb))
  } catch {
    return null
  }
}
