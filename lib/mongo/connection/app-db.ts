/** The checks of an app's `Db`: it must be one, and its client must be of use. */
import type { Db } from 'mongodb'
import { ConnectionError, argumentError } from '../../base/errors'
import { fromCaller } from '../../base/stack'
import { isRecord } from '../../validate/rules'
import { show } from '../../validate/show'

const WANTED = 'MongoJobQueue: option "db" must be a Db of a MongoClient (package mongodb, 6 or 7)'

/** @throws TypeError if it is none, with a hint for the usual mistakes */
export function checkDb(value: unknown): Db {
  if (!isRecord(value)) throw argumentError(TypeError, `${WANTED}; got ${show(value)}`)
  if (typeof value.then === 'function')
    throw argumentError(TypeError, `${WANTED}; got a promise: await it first`)
  // A client has a method of this name; a collection and a Mongoose connection have a property.
  if (typeof value.db === 'function') {
    throw argumentError(TypeError, `${WANTED}; got a MongoClient: pass client.db('name')`)
  }
  if (isRecord(value.db) && isDb(value.db)) {
    throw argumentError(TypeError, `${WANTED}; got an object that has one: pass its property db`)
  }
  if (!isDb(value)) throw argumentError(TypeError, `${WANTED}; got another object`)
  return value as unknown as Db
}

/** True if it is a `Db`, by the members that are read of it. */
export function isDb(value: Record<string, unknown>): boolean {
  const { client } = value
  return (
    typeof value.databaseName === 'string' &&
    typeof value.collection === 'function' &&
    isRecord(client) &&
    isRecord(client.options) &&
    Array.isArray(client.options.hosts)
  )
}

interface ClientState {
  /** Present while the client is connected or on the way to it. */
  readonly topology?: unknown
  readonly s?: { readonly hasBeenClosed?: boolean }
}

/** True if the client is connected, or connecting. A client that never was connected is connected by its first use, and the engine needs none. */
export function isConnected(db: Db): boolean {
  return (db.client as unknown as ClientState).topology != null
}

/** @throws ConnectionError if the client was closed, and not connected again */
export function refuseClosed(db: Db): void {
  const client = db.client as unknown as ClientState
  if (client.topology != null || client.s?.hasBeenClosed !== true) return
  const message =
    'MongoJobQueue: the MongoClient behind "db" has been closed: pass a Db of a client that is connected'
  throw fromCaller(new ConnectionError('ERR_DURABL_CONNECTION', message))
}
