import type { JobHandler, RetryDelay } from '../types'
import type { Reporter } from './report'
import type { RunListener, Settler } from './settler'
import type { RunTransactions } from './transaction'

/** The part that the runs of one processor have in common. */
export interface RunSetup {
  readonly handler: JobHandler<any>
  /** Null for no limit. */
  readonly timeoutMs: number | null
  /** Null for the job's own back-off. */
  readonly retryDelay: RetryDelay | null
  /** Completed jobs keep what the handler returned. */
  readonly keepsResults: boolean
  readonly settler: Settler
  readonly transactions: RunTransactions
  readonly listener: RunListener
  readonly report: Reporter
}
