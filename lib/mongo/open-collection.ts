/** A collection and the engine that works on it: all that the operations of a `MongoJobQueue` share. */
import type { Db } from 'mongodb'
import { defaultLogger, safeLogger } from '../base/logger'
import type { MongoJobQueueOptions } from '../types'
import { codecOf, codecWith } from './bson/codec'
import type { Codec } from './bson/codec'
import { isConnected, refuseClosed } from './connection/app-db'
import { readMongoOptions } from './mongo-options'
import type { MongoSettings } from './mongo-options'
import { EngineHandle } from './native/engine-handle'
import { nativeAddon } from './native/loader'
import { MongoSchedules } from './schedules'
import { StartupReminder } from './startup-reminder'
import { MongoTransactions } from './transactions/transactions'

export class OpenCollection {
  readonly settings: Omit<MongoSettings, 'db'>
  /** The app's, if it gave one. A function, as the client of a `Db` leads to credentials, and a print shows every property. */
  readonly db: () => Db | null
  readonly engine: EngineHandle
  readonly codec: Codec
  readonly sessions: MongoTransactions
  readonly schedules: MongoSchedules
  readonly reminder: StartupReminder
  private isConnectionSeen = false

  constructor(options: MongoJobQueueOptions) {
    const { connection, bson, db, ...settings } = readMongoOptions(options)
    this.settings = settings
    this.db = () => db
    const { collectionName } = settings
    const logger = safeLogger(settings.logger ?? defaultLogger)
    // Now, and not with the first payload: a missing part should show when the app starts.
    this.codec = db === null ? codecWith(bson) : codecOf(db)
    this.reminder = new StartupReminder(
      // A client that the app has not connected is not connected for this: nothing would close it.
      () =>
        db !== null && isConnected(db) ? db.collection(collectionName, { readPreference: 'primary' }) : null,
      logger,
    )
    this.engine = new EngineHandle(nativeAddon(), connection, settings, logger)
    this.schedules = new MongoSchedules(this.engine, this.codec, () => this.refuseUnusable(), logger)
    this.sessions = new MongoTransactions(this.engine, this.db, collectionName, this.codec)
  }

  /** The engine has a connection of its own; but an app that has closed its client should get an error. */
  refuseUnusable(): void {
    if (this.isConnectionSeen) return
    const db = this.db()
    if (db !== null) refuseClosed(db)
    this.isConnectionSeen = db === null || isConnected(db)
  }
}
