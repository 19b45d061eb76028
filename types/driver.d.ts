/**
 * The parts of the `mongodb` package that durabl takes from an app, by their structure. So objects of any copy of it are accepted, such
 * as the one that Mongoose brings along beside the one that the app has installed.
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
