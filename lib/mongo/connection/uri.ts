/** A connection string on its way to the engine, which knows most of its options; the others are treated as those of a client. */
import type { BSONSerializeOptions } from 'mongodb'
import { argumentError } from '../../base/errors'
import type { NativeConnection } from '../native/addon'
import { unsupported } from './client-options'
import { OPTION_TABLE } from './option-table'
import type { Rule } from './option-table'
import { trustedByNode } from './tls'

/** Nothing but the connection string decides. */
const UNDECIDED: Omit<NativeConnection, 'uri' | 'maxPoolSize'> = {
  hosts: [],
  srvHost: null,
  srvServiceName: null,
  srvMaxHosts: null,
  replicaSet: null,
  directConnection: null,
  loadBalanced: null,
  username: null,
  password: null,
  authSource: null,
  authMechanism: null,
  awsSessionToken: null,
  tls: false,
  tlsCaFile: null,
  tlsCa: null,
  tlsCertificateKeyFile: null,
  tlsCertificateKey: null,
  tlsCertificateKeyPassword: null,
  tlsAllowInvalidCertificates: false,
  tlsAllowInvalidHostnames: false,
  compressors: [],
  zlibCompressionLevel: null,
  minPoolSize: null,
  maxConnecting: null,
  maxIdleTimeMs: null,
  connectTimeoutMs: null,
  serverSelectionTimeoutMs: null,
  socketTimeoutMs: null,
  heartbeatFrequencyMs: null,
  localThresholdMs: null,
  appName: null,
  readConcernLevel: null,
  writeConcernW: null,
  writeConcernJournal: null,
  writeConcernTimeoutMs: null,
  readPreferenceMode: null,
  readPreferenceTags: null,
  maxStalenessSeconds: null,
  retryReads: null,
  retryWrites: null,
  serverApiVersion: null,
  serverApiStrict: null,
  serverApiDeprecationErrors: null,
  proxyHost: null,
  proxyPort: null,
  proxyUsername: null,
  proxyPassword: null,
}

/** By lower-case name: connection strings are careless about case. */
const RULES: ReadonlyMap<string, readonly [string, Rule]> = new Map(
  Object.entries(OPTION_TABLE).map(([name, rule]) => [name.toLowerCase(), [name, rule]]),
)

/** The engine's names for options that the app's driver knows by other names. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  j: 'journal',
  fsync: 'journal',
  wtimeout: 'wtimeoutMS',
}

/** The options that shape payloads; others of the kind change nothing in durabl. */
const BSON_SWITCHES = [
  'serializeFunctions',
  'ignoreUndefined',
  'promoteValues',
  'promoteLongs',
  'promoteBuffers',
  'useBigInt64',
  'bsonRegExp',
  'raw',
  'enableUtf8Validation',
] as const satisfies readonly (keyof BSONSerializeOptions)[]

/**
 * The settings for writing and reading payloads in a connection string, as the app's driver would understand them. The engine never sees
 * them.
 *
 * @throws TypeError naming a switch that is neither on nor off
 */
export function bsonOptionsFromUri(uri: string): BSONSerializeOptions {
  const options: BSONSerializeOptions = {}
  for (const pair of pairsOf(uri)) {
    const [key, value] = splitOnce(pair)
    const name = BSON_SWITCHES.find((known) => known.toLowerCase() === key.toLowerCase())
    if (name === undefined) continue
    if (value !== 'true' && value !== 'false') {
      throw argumentError(TypeError, `MongoJobQueue: option "uri": ${name} must be true or false`)
    }
    options[name] = value === 'true'
  }
  return options
}

/** The options of a connection string, as they stand. */
function pairsOf(uri: string): string[] {
  const start = uri.indexOf('?')
  return start < 0 ? [] : uri.slice(start + 1).split('&')
}

/**
 * The connection that a connection string describes. It is never quoted: it may hold a password.
 *
 * @throws TypeError if it is no connection string; UnsupportedOptionError naming the options that the engine can't honour
 */
export function connectionFromUri(uri: string): NativeConnection {
  if (!/^mongodb(\+srv)?:\/\/./.test(uri)) {
    throw argumentError(
      TypeError,
      'MongoJobQueue: option "uri" must be a connection string that begins with mongodb:// or mongodb+srv://',
    )
  }
  const pairs = pairsOf(uri)
  const undecided = { ...UNDECIDED, tlsCa: asksForTls(uri, pairs) ? trustedByNode() : null }
  if (pairs.length === 0) return { ...undecided, uri, maxPoolSize: null }
  const refused: string[] = []
  const kept = pairs.flatMap((pair) => translated(pair, pairs, refused))
  if (refused.length > 0) throw unsupported(refused)
  const isUnbounded = pairs.some((pair) => /^maxPoolSize=0$/i.test(pair))
  return {
    ...undecided,
    uri: uri.slice(0, uri.indexOf('?')) + (kept.length > 0 ? `?${kept.join('&')}` : ''),
    maxPoolSize: isUnbounded ? 0 : null,
  }
}

const NO_NAMES =
  'MongoJobQueue: option "uri": after the question mark, it must be name=value, with & between; a ? in a password is %3F there'

/** The pair as the engine knows it: one, or none if it need not. */
function translated(pair: string, all: readonly string[], refused: string[]): string[] {
  const [key = '', value = ''] = splitOnce(pair)
  const [name, rule] = RULES.get(key.toLowerCase()) ?? [key, null]
  // The engine refuses an unknown name by quoting it. Text that is no name may be part of a password, and must not be quoted.
  if (rule === null && /[^a-z]/i.test(name)) throw argumentError(TypeError, NO_NAMES)
  if (rule === null) return [pair]
  if (rule === 'carried') return carried(name, pair, value)
  if ('irrelevant' in rule || value === 'false') return []
  if (name === 'tlsAllowInvalidHostnames' && acceptsAnyCertificate(all)) return []
  refused.push(`${name}: ${rule.refused}`)
  return []
}

function carried(name: string, pair: string, value: string): string[] {
  switch (name) {
    case 'maxPoolSize':
      return value === '0' ? [] : [pair]
    case 'zlibCompressionLevel':
      return value === '0' ? [] : [pair]
    case 'compressors': {
      const wanted = value.split(',').filter((compressor) => compressor !== 'none')
      return wanted.length === 0 ? [] : [`compressors=${wanted.join(',')}`]
    }
    default: {
      const other = OTHER_NAMES[name]
      return [other === undefined ? pair : `${other}=${value}`]
    }
  }
}

/** It may name trusted certificates as well; the engine handles those. */
function asksForTls(uri: string, pairs: readonly string[]): boolean {
  return uri.startsWith('mongodb+srv:') || pairs.some((pair) => /^(tls|ssl)=true$/i.test(pair))
}

function acceptsAnyCertificate(pairs: readonly string[]): boolean {
  return pairs.some((pair) => /^tlsAllowInvalidCertificates=true$/i.test(pair))
}

function splitOnce(pair: string): [string, string] {
  const at = pair.indexOf('=')
  return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]
}
