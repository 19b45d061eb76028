/** Jobs that sleep, in memory, in the engine's words. */
import type { RecordedJob } from '../types'

/** The job is due when it is to wake. It has been started, which is all that the time for its start was for. */
export function park(job: RecordedJob, untilMs: number): void {
  job.runAt = new Date(untilMs)
  job.parked = { kind: 'sleep', until: new Date(untilMs) }
  delete job.expiresAt
}

/** True if a pending job sleeps. Its mark outlives that, so it counts only while the job is due at that very moment. */
export function isParked({ parked, runAt }: RecordedJob, now: number): boolean {
  return parked?.until.getTime() === runAt.getTime() && runAt.getTime() > now
}
