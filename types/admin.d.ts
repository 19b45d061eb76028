/** Keeping a queue in order. */
import type { JobQueue } from './queue.js'

/** What {@link JobQueue.startReaper} did. */
export type ReaperStartResult =
  | {
      /** The first sweep is over, the next ones will follow. */
      status: 'started'
      /** How many jobs the first sweep handled; null if it failed (it is tried again at the next interval). */
      recovered: number | null
    }
  | {
      /** It was started before; nothing has changed. */
      status: 'already-running'
    }
