/**
 * The parts of the `mongodb` package that durabl accepts from an app, described by structure. So durabl accepts objects of any copy of the
 * package, such as the copy that Mongoose brings along.
 */

/** A `Db` of the app's client (package `mongodb`, 6 or 7), or `mongoose.connection.db`. */
export interface DriverDb {
  /** The name of the database. */
  readonly databaseName: string
  /** A collection of the database. */
  collection(name: string): object
  /** Runs a command on the database. */
  command(command: any): Promise<unknown>
}

/** A `Collection` of the app's client. */
export interface DriverCollection {
  /** The name of the collection. */
  readonly collectionName: string
  /** Opens a change stream. */
  watch(pipeline?: any[]): object
}

/** A `ClientSession` of the app's client, or of Mongoose's. */
export interface DriverSession {
  /** Whether `endSession` was called. */
  readonly hasEnded: boolean
  /** Whether a transaction is in progress. */
  inTransaction(): boolean
  /** Ends the session. */
  endSession(): Promise<void>
}
