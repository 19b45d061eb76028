/** Start, end and upkeep of a queue. */
import type { IJobQueueBackend } from './backend.js'
import type { JobQueue } from './queue.js'

/** The result of {@link JobQueue.startReaper}. */
export type ReaperStartResult =
  | {
      /** The first sweep is over; further sweeps follow at the interval. */
      status: 'started'
      /** The number of jobs that the first sweep handled; null if that sweep failed. The next interval tries again. */
      recovered: number | null
    }
  | {
      /** The reaper was running already; nothing has changed. */
      status: 'already-running'
    }

/** The part of a backend that starts it, ends it and recovers jobs. See {@link IJobQueueBackend}. */
export interface AdminBackend {
  /** Prepares the store. May be called more than once. */
  startup(): Promise<void>
  /** Releases the store within `timeoutMs`. May be called more than once. */
  shutdown(timeoutMs?: number): Promise<void>
  /** Removes all jobs. Meant for tests. */
  resetStorage(): Promise<void>
  /**
   * Recovers active jobs whose lease is older than the timeout, `maxPerSweep` of them at most. They become `pending`; those without attempts left
   * become `failed`, or `superseded` if a follower covers them.
   *
   * @returns the number of jobs that it handled. Where this method is absent, no job is recovered
   */
  recoverStuckJobs?(visibilityTimeoutMs?: number, maxPerSweep?: number): Promise<number | void>
}
