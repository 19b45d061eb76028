/**
 * The engine has a connection of its own, made from the settings of the app's client. An option is carried over, or irrelevant to the engine,
 * or refused by name. None is dropped, as the engine would then connect with less security than the app, or elsewhere.
 */
import type { Db } from 'mongodb'
import { UnsupportedOptionError } from '../../base/errors'
import { fromCaller } from '../../base/stack'
import type { NativeConnection } from '../native/addon'
import { credentialsOf } from './credentials'
import { refusals } from './option-table'
import { optionsOf } from './resolved-options'
import type { HostAddress, ResolvedOptions } from './resolved-options'
import { refuseMisshapen } from './shapes'
import { tlsOf } from './tls'

/**
 * The connection of the client behind `db`, with the settings of the database itself.
 *
 * @throws UnsupportedOptionError naming every option that can't be carried over
 */
export function connectionOf(db: Db): NativeConnection {
  const options = optionsOf(db)
  const refused = refusals(options)
  const credentials = credentialsOf(options, refused)
  const tls = tlsOf(options, refused)
  const concerns = concernsOf(db, refused)
  const connection: NativeConnection = {
    uri: null,
    ...serversOf(options),
    ...credentials,
    ...tls,
    ...concerns,
    ...poolOf(options),
    ...proxyOf(options),
    appName: options.appName ?? null,
    compressors: compressorsOf(options),
    // As elsewhere, 0 and less stand for the library's default.
    zlibCompressionLevel: positive(options.zlibCompressionLevel),
    retryReads: options.retryReads ?? null,
    retryWrites: options.retryWrites ?? null,
    serverApiVersion: options.serverApi?.version ?? null,
    serverApiStrict: options.serverApi?.strict ?? null,
    serverApiDeprecationErrors: options.serverApi?.deprecationErrors ?? null,
  }
  refuseMisshapen(connection, refused)
  if (refused.length > 0) throw unsupported(refused)
  return connection
}

/** One error for all of them, so that the user learns of all at once. */
export function unsupported(refused: readonly string[]): UnsupportedOptionError {
  const noun = refused.length === 1 ? 'this option' : 'these options'
  return fromCaller(
    new UnsupportedOptionError(
      'ERR_DURABL_UNSUPPORTED_OPTION',
      `MongoJobQueue: the engine's own connection can't have ${noun} of the client: ${refused.join('; ')}. ` +
        `Leave it out, or connect the engine on its own: new MongoJobQueue({ uri, database, … })`,
    ),
  )
}

type Servers = Pick<
  NativeConnection,
  'hosts' | 'srvHost' | 'srvServiceName' | 'srvMaxHosts' | 'replicaSet' | 'directConnection' | 'loadBalanced'
>

function serversOf(options: ResolvedOptions): Servers {
  const srvHost = options.srvHost ?? null
  return {
    hosts: options.hosts.map(addressOf),
    srvHost,
    srvServiceName: srvHost === null ? null : (options.srvServiceName ?? null),
    srvMaxHosts: srvHost === null ? null : (options.srvMaxHosts ?? null),
    replicaSet: options.replicaSet ?? null,
    // False is the default, and with some other options an error.
    directConnection: options.directConnection === true ? true : null,
    loadBalanced: options.loadBalanced === true ? true : null,
  }
}

function addressOf(address: HostAddress): string {
  if (address.socketPath !== undefined) return address.socketPath
  const host = address.isIPv6 === true ? `[${address.host}]` : address.host
  return `${host}:${address.port ?? 27017}`
}

function compressorsOf(options: ResolvedOptions): string[] {
  return (options.compressors ?? []).filter((name) => name !== 'none')
}

type Pool = Pick<
  NativeConnection,
  | 'maxPoolSize'
  | 'minPoolSize'
  | 'maxConnecting'
  | 'maxIdleTimeMs'
  | 'connectTimeoutMs'
  | 'serverSelectionTimeoutMs'
  | 'socketTimeoutMs'
  | 'heartbeatFrequencyMs'
  | 'localThresholdMs'
>

function poolOf(options: ResolvedOptions): Pool {
  return {
    maxPoolSize: options.maxPoolSize ?? null,
    minPoolSize: options.minPoolSize ?? null,
    maxConnecting: options.maxConnecting ?? null,
    maxIdleTimeMs: options.maxIdleTimeMS ?? null,
    connectTimeoutMs: options.connectTimeoutMS ?? null,
    serverSelectionTimeoutMs: options.serverSelectionTimeoutMS ?? null,
    socketTimeoutMs: null,
    heartbeatFrequencyMs: options.heartbeatFrequencyMS ?? null,
    localThresholdMs: options.localThresholdMS ?? null,
  }
}

type Proxy = Pick<NativeConnection, 'proxyHost' | 'proxyPort' | 'proxyUsername' | 'proxyPassword'>

function proxyOf(options: ResolvedOptions): Proxy {
  return {
    proxyHost: options.proxyHost ?? null,
    proxyPort: options.proxyPort ?? null,
    proxyUsername: options.proxyUsername ?? null,
    proxyPassword: options.proxyPassword ?? null,
  }
}

type Concerns = Pick<
  NativeConnection,
  | 'readConcernLevel'
  | 'writeConcernW'
  | 'writeConcernJournal'
  | 'writeConcernTimeoutMs'
  | 'readPreferenceMode'
  | 'readPreferenceTags'
  | 'maxStalenessSeconds'
>

/** A database may have its own; if it has none, it shows its client's. */
function concernsOf(db: Db, refused: string[]): Concerns {
  const write = db.writeConcern
  // The driver lets a database have any value, even none.
  const readPreference = db.readPreference as Partial<typeof db.readPreference> | undefined
  const isLost = write?.w === 0
  if (isLost) refused.push('w: 0: an unacknowledged job can be lost')
  return {
    readConcernLevel: db.readConcern?.level ?? null,
    writeConcernW: isLost ? null : (write?.w ?? null),
    writeConcernJournal: write?.journal ?? write?.j ?? (write?.fsync as boolean | undefined) ?? null,
    writeConcernTimeoutMs: write?.wtimeoutMS ?? write?.wtimeout ?? null,
    readPreferenceMode: readPreference?.mode ?? null,
    readPreferenceTags: tagsOf(readPreference?.tags),
    maxStalenessSeconds: positive(readPreference?.maxStalenessSeconds),
  }
}

function tagsOf(tags: readonly Record<string, string>[] | undefined): Record<string, string>[] | null {
  return tags === undefined || tags.length === 0 ? null : tags.map((set) => ({ ...set }))
}

/** -1 is one way to say "no bound". */
function positive(value: number | undefined): number | null {
  return value !== undefined && value > 0 ? value : null
}
