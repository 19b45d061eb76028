import type { QueueStats, RecordedJob } from '../types'

/** @param now milliseconds since the epoch */
export function statsOf(jobs: readonly RecordedJob[], now: number): QueueStats {
  const stats: QueueStats = {
    pending: 0,
    active: 0,
    completed: 0,
    failed: 0,
    superseded: 0,
    oldestPendingRunAt: null,
    oldestPendingLagMs: 0,
  }
  let oldest = Infinity
  for (const job of jobs) {
    stats[job.status] += 1
    const runAt = job.runAt.getTime()
    if (job.status === 'pending' && runAt <= now) oldest = Math.min(oldest, runAt)
  }
  if (oldest !== Infinity) {
    stats.oldestPendingRunAt = new Date(oldest)
    stats.oldestPendingLagMs = now - oldest
  }
  return stats
}
