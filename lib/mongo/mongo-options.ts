import type { BSONSerializeOptions, Db } from 'mongodb'
import { argumentError } from '../base/errors'
import type { Logger, MongoJobQueueCommonOptions } from '../types'
import {
  DEFAULT_JOURNAL_LIMIT_BYTES,
  DEFAULT_LOG_LIMITS,
  JOURNAL_LIMIT,
  LOG_RULES,
} from '../validate/backend'
import { RETENTION, normalizeRetention } from '../validate/fleet'
import { readOptions } from '../validate/options'
import { LOGGER } from '../validate/queue'
import { BOOLEAN, TEXT, duration, isRecord } from '../validate/rules'
import type { Rule } from '../validate/rules'
import { checkDb, isDb, refuseClosed } from './connection/app-db'
import { connectionOf } from './connection/client-options'
import { bsonOptionsFromUri, connectionFromUri } from './connection/uri'
import type { NativeConnection } from './native/addon'
import type { EngineSettings } from './native/engine-handle'

/** The options of a `MongoJobQueue`: checked, defaults filled in. */
export interface MongoSettings extends EngineSettings {
  /** Null if the engine connects by a connection string. */
  readonly db: Db | null
  /** The most bytes that a journal may take. */
  readonly journalSoftLimitBytes: number
  /** Undefined for the default one. */
  readonly logger: Logger | undefined
}

/** Options that only the constructor uses. */
interface Connecting {
  readonly connection: NativeConnection
  /** The settings of a connection string; a `Db` has its own. */
  readonly bson: BSONSerializeOptions
}

const WHERE = 'MongoJobQueue'

const DEFAULT_COLLECTION = 'jobs'
const DEFAULT_MAX_BLOCK_MS = 300_000

/** Checked by itself, for its hints. */
const ANYTHING: Rule<unknown> = {
  allowed: 'a Db of a MongoClient',
  read: (value) => ({ value }),
}

/** The server's rules for names, which differ between platforms: the strictest ones. */
const DATABASE: Rule<string> = {
  allowed: 'the name of a database: 1 to 63 characters, none of / \\ . " $ * < > : | ? or blank',
  read: (value) => {
    if (typeof value !== 'string' || value === '') return { wrong: 'type' }
    return value.length > 63 || /[/\\. "$*<>:|?\0]/.test(value) ? { wrong: 'range' } : { value }
  },
}

const COLLECTION: Rule<string> = {
  allowed:
    "the name of a collection: not empty, without $ and null characters, not beginning with 'system.' or a dot",
  read: (value) => {
    if (typeof value !== 'string' || value === '') return { wrong: 'type' }
    const isAllowed = !/[$\0]/.test(value) && !/^(system)?\./.test(value) && !value.endsWith('.')
    return isAllowed && value.length <= 200 ? { value } : { wrong: 'range' }
  },
}

const RULES = {
  db: ANYTHING,
  // Never shown: it may hold a password.
  uri: { allowed: 'a connection string', read: (value) => ({ value }) } satisfies Rule<unknown>,
  database: DATABASE,
  collectionName: COLLECTION,
  useChangeStreams: BOOLEAN,
  handOff: BOOLEAN,
  logger: LOGGER,
  ...LOG_RULES,
  journalSoftLimitBytes: JOURNAL_LIMIT,
  maxBlockMs: duration(1),
  retention: RETENTION,
} satisfies Record<keyof MongoJobQueueCommonOptions | 'db' | 'uri' | 'database', Rule<unknown>>

/**
 * Checks the options and finds the connection.
 *
 * @throws TypeError, RangeError, UnsupportedOptionError, ConnectionError
 */
export function readMongoOptions(options: unknown): MongoSettings & Connecting {
  refuseBareDb(options)
  const read = readOptions(WHERE, options, RULES)
  const common = {
    collectionName: read.collectionName ?? DEFAULT_COLLECTION,
    useChangeStreams: read.useChangeStreams ?? false,
    handOff: read.handOff ?? true,
    logger: read.logger,
    maxLogEntries: read.maxLogEntries ?? DEFAULT_LOG_LIMITS.maxLogEntries,
    maxLogMessageBytes: read.maxLogMessageBytes ?? DEFAULT_LOG_LIMITS.maxLogMessageBytes,
    journalSoftLimitBytes: read.journalSoftLimitBytes ?? DEFAULT_JOURNAL_LIMIT_BYTES,
    maxBlockMs: read.maxBlockMs ?? DEFAULT_MAX_BLOCK_MS,
    retention: normalizeRetention(WHERE, read.retention),
  }
  if (read.db === undefined) return { ...common, ...byUri(read.uri, read.database) }
  if (read.uri !== undefined || read.database !== undefined) {
    throw argumentError(TypeError, `${WHERE}: give either "db", or "uri" and "database", not both`)
  }
  const db = checkDb(read.db)
  refuseClosed(db)
  return { ...common, db, connection: connectionOf(db), bson: {}, database: db.databaseName }
}

/** Its own fields would be called unknown options. */
function refuseBareDb(options: unknown): void {
  if (isRecord(options) && isDb(options)) {
    throw argumentError(TypeError, `${WHERE}: options must be an object; got a Db: pass { db }`)
  }
}

function byUri(
  uri: unknown,
  database: string | undefined,
): Pick<MongoSettings, 'db' | 'database'> & Connecting {
  if (uri === undefined) {
    throw argumentError(
      TypeError,
      `${WHERE}: must be given "db" (a Db of a MongoClient), or "uri" and "database"`,
    )
  }
  const reading = TEXT.read(uri)
  if (!('value' in reading)) throw argumentError(TypeError, `${WHERE}: option "uri" must be a string`)
  if (database === undefined) {
    throw argumentError(TypeError, `${WHERE}: option "database" must be given beside "uri"`)
  }
  const connection = connectionFromUri(reading.value)
  return { db: null, connection, bson: bsonOptionsFromUri(reading.value), database }
}
