/** The queue that a command works on. */
import type { Collection, Db, MongoClient } from 'mongodb'
import { installedPackage } from '../../mongo/bson/package'
import { MongoJobQueue } from '../../mongo/mongo-job-queue'
import { JobQueue } from '../../queue/job-queue'
import { UsageError, textIn } from './arguments'
import type { Values } from './arguments'

export const CONNECTION = {
  uri: { type: 'string' },
  database: { type: 'string' },
  collection: { type: 'string' },
} as const

export interface Opened {
  readonly client: MongoClient
  readonly db: Db
  readonly collection: Collection
  readonly backend: MongoJobQueue
  readonly queue: JobQueue
  readonly close: () => Promise<void>
}

/** A command in a shell waits less long than an app. */
const SELECTION_MS = 5000

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** Nothing is connected yet. */
export function openQueue(values: Values): Opened {
  const uri = textIn(values, 'uri') ?? process.env.DURABL_URI ?? process.env.MONGO_URL
  if (!uri) throw new UsageError('No server is named: give --uri, or set DURABL_URI or MONGO_URL')
  const { MongoClient } = installedPackage()
  const client = made(
    () => new (MongoClient as new (...args: unknown[]) => MongoClient)(uri, optionsFor(uri)),
  )
  const name = textIn(values, 'database') ?? process.env.DURABL_DATABASE ?? databaseIn(uri)
  if (!name) throw new UsageError('No database is named: give --database, or name it in the uri')
  const db = client.db(name)
  const collectionName = textIn(values, 'collection') ?? 'jobs'
  const backend = new MongoJobQueue({ db, collectionName, logger: silent })
  const queue = new JobQueue(backend, silent)
  const close = async () => {
    await queue.shutdown(1000)
    await client.close()
  }
  return { client, db, collection: db.collection(collectionName), backend, queue, close }
}

function optionsFor(uri: string): object {
  const isSaid = /[?&]serverSelectionTimeoutMS=/i.test(uri)
  return { appName: 'durabl-command', ...(!isSaid && { serverSelectionTimeoutMS: SELECTION_MS }) }
}

/** A connection string may hold a password, so no error repeats it. */
function made(make: () => MongoClient): MongoClient {
  try {
    return make()
  } catch (error) {
    const name = error instanceof Error ? error.name : 'Error'
    throw new UsageError(`The connection string is malformed (${name})`)
  }
}

/** The database in the string; undefined if it names none. The driver would take `test` then, which holds no queue. */
function databaseIn(uri: string): string | undefined {
  const path = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]*)/.exec(uri)?.[1]
  return path ? decodeURIComponent(path) : undefined
}
