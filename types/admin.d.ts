/** Keeping a queue in order. */
import type { IJobQueueBackend } from './backend.js'
import type { JobQueue } from './queue.js'

/** The result of {@link JobQueue.startReaper}. */
export type ReaperStartResult =
  | {
      /** The first sweep is over, the next ones will follow. */
      status: 'started'
      /** The number of jobs that the first sweep handled; null if it failed (it is tried again at the next interval). */
      recovered: number | null
    }
  | {
      /** It was started before; nothing has changed. */
      status: 'already-running'
    }

/** A backend, as far as it is started, ended and kept in order. See {@link IJobQueueBackend}. */
export interface AdminBackend {
  /** Makes the store ready. Called more than once. */
  startup(): Promise<void>
  /** Lets go of the store, within `timeoutMs`. Called more than once. */
  shutdown(timeoutMs?: number): Promise<void>
  /** Removes all jobs. For tests. */
  resetStorage(): Promise<void>
  /**
   * Returns active jobs whose lease is older than the timeout to `pending`; those without attempts left become `failed`,
   * or `superseded` if a follower covers them. Returns how many it handled. Absent: nothing is recovered.
   */
  recoverStuckJobs?(visibilityTimeoutMs?: number, maxPerSweep?: number): Promise<number | void>
}
