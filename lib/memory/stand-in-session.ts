import type { ClientSession } from 'mongodb'

/**
 * Stands in for a session without a server: a transaction on it begins and ends, and nothing depends on it. Has the members of a session that
 * handlers use; not for a real collection, which knows its own.
 */
export class StandInSession {
  hasEnded = false
  private isInTransaction = false

  /** Makes one, typed as a session of the driver. */
  static make(): ClientSession {
    return new StandInSession() as unknown as ClientSession
  }

  inTransaction(): boolean {
    return this.isInTransaction
  }

  startTransaction(): void {
    this.isInTransaction = true
  }

  async commitTransaction(): Promise<void> {
    this.isInTransaction = false
  }

  async abortTransaction(): Promise<void> {
    this.isInTransaction = false
  }

  async withTransaction<T>(work: (session: StandInSession) => Promise<T>): Promise<T> {
    this.startTransaction()
    try {
      return await work(this)
    } finally {
      this.isInTransaction = false
    }
  }

  async endSession(): Promise<void> {
    this.isInTransaction = false
    this.hasEnded = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.endSession()
  }
}
