/** Writes within transactions of the app. */
import type { IJobQueueBackend } from './backend.js'
import type { CompleteResult } from './claims.js'
import type { DriverSession } from './driver.js'
import type { EnqueueOptions } from './produce.js'

/** Options of a completion. */
export interface CompleteOptions {
  /** A session with a transaction in progress, which the completion becomes part of; see {@link EnqueueOptions.session}. */
  session?: DriverSession | undefined
}

/** The methods of a backend that writes within transactions. */
export interface BackendTransactions {
  /** Returns a session for the handler of this job: causally consistent, and later than the claim. The caller ends it. */
  startSession(jobId: string): Promise<DriverSession>
  /** Returns the longest duration of a transaction, in milliseconds; a lease must outlast it. 0 if there is none. */
  longestMs(): Promise<number>
  /** Returns the fate of a claim that a transaction may have completed. Called after the transaction is over. */
  readBack(jobId: string, claimToken?: string): Promise<CompleteResult>
}

/** The part of a backend that writes within transactions of the app. See {@link IJobQueueBackend}. */
export interface TransactBackend {
  /** Present if `enqueue`, `enqueueMany` and `complete` honour `session`. Where absent, every call with a session is refused. */
  readonly transactions?: BackendTransactions | undefined
}
