import type { Job, JobContext, RetryDelay } from '../types'
import type { Reporter } from './report'
import type { RunListener, Settler } from './settler'
import type { FollowedRun, SafeTelemetry } from './telemetry'
import type { RunTransactions } from './transaction'

/** A handler of the app. One that is followed is given the observer of its run, and runs within it. */
export type RunHandler = (job: Job<any>, context: JobContext, followed?: FollowedRun) => unknown

/** The part that the runs of one processor have in common. */
export interface RunSetup {
  readonly handler: RunHandler
  /** Null for no limit. */
  readonly timeoutMs: number | null
  /** Null for the job's own back-off. */
  readonly retryDelay: RetryDelay | null
  /** Completed jobs keep the handler's result. */
  readonly keepsResults: boolean
  readonly settler: Settler
  readonly transactions: RunTransactions
  readonly listener: RunListener
  readonly report: Reporter
  /** Null if runs are not followed. */
  readonly telemetry: SafeTelemetry | null
}
