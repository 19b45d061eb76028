/** Writing in transactions of the app. */
import type { IJobQueueBackend } from './backend.js'
import type { CompleteResult } from './claims.js'
import type { DriverSession } from './driver.js'
import type { EnqueueOptions } from './produce.js'

/** In which transaction a claim is completed. */
export interface CompleteOptions {
  /** A session with a transaction in progress, as {@link EnqueueOptions.session} describes it. */
  session?: DriverSession | undefined
}

/** The methods of a backend for writes in transactions. */
export interface BackendTransactions {
  /** A session for the handler of this job: causally consistent, and after the claim. Its caller ends it. */
  startSession(jobId: string): Promise<DriverSession>
  /** The longest life of a transaction, in milliseconds; a lease must outlast it. 0 where nothing needs to. */
  longestMs(): Promise<number>
  /** The fate of a claim that a transaction may have completed, now that the transaction is over. */
  readBack(jobId: string, claimToken?: string): Promise<CompleteResult>
}

/** A backend, as far as it writes in transactions of the app. See {@link IJobQueueBackend}. */
export interface TransactBackend {
  /** Present if `enqueue`, `enqueueMany` and `complete` heed `session`. Absent: every call with a session is refused. */
  readonly transactions?: BackendTransactions | undefined
}
