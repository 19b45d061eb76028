import { claimNextByKey } from '../backend/calls'
import { handleOf } from '../backend/handle'
import { LeaseLostError, ShutDownError } from '../base/errors'
import { monotonicNow } from '../base/timers'
import type { Driver } from '../driver/driver'
import type { Reporter } from '../run/report'
import { cancelledError } from '../run/cancelled'
import type { ManagedRun } from '../run/run'
import type { IJobQueueBackend, Job, JobHandle, JobHandler } from '../types'

/** Inputs of {@link runClaimed}, from its queue. */
export interface RunClaimedParts {
  readonly driver: Driver
  readonly backend: IJobQueueBackend
  readonly report: Reporter
  readonly keepsResults: boolean
  /** True if the queue may still claim. */
  readonly isOpen: () => boolean
}

/**
 * Runs a claimed job, then the followers of its type and key, one after the other.
 *
 * @throws the first error of any of these runs, once the last has ended
 */
export async function runClaimed(
  parts: RunClaimedParts,
  handle: JobHandle<any>,
  handler: JobHandler<any>,
  maxDrains: number,
): Promise<void> {
  let firstError: RunError | null = null
  let next: JobHandle<any> | null = handle
  for (let drains = 0; next !== null; drains += 1) {
    const run = await parts.driver.adopt(next, handler, parts.keepsResults)
    firstError ??= errorOf(next, run)
    const goesOn: boolean = run !== null && drains < maxDrains && coversFollower(run)
    next = goesOn ? await claimFollower(parts, handle) : null
  }
  // A processor may be able to run the followers that were not drained here.
  parts.driver.wake(handle.type, 0)
  if (firstError !== null) throw firstError.error
}

interface RunError {
  readonly error: unknown
}

/** The reason that a run is not the success its caller waits for; null if it is. A handler's own error comes before all others. */
function errorOf(job: Job, run: ManagedRun | null): RunError | null {
  if (run !== null) {
    if (run.failure !== null) return run.failure
    if (run.thrown !== null) return run.thrown
    if (run.isReleased || run.found?.status === 'released') {
      return {
        error: new ShutDownError(
          'ERR_DURABL_SHUT_DOWN',
          `the queue is shutting down: job ${job.id} had not ended, and was given back`,
        ),
      }
    }
    if (run.found?.status === 'cancelled') return { error: run.aborting.reason ?? cancelledError(job, null) }
    if (run.found?.status !== 'lease-lost') return null
  }
  return { error: new LeaseLostError('ERR_DURABL_LEASE_LOST', `the lease of job ${job.id} is lost`) }
}

/** After a retry was scheduled nothing else of the key can be pending; after these two, a follower can. */
function coversFollower(run: ManagedRun): boolean {
  return run.found?.status === 'completed' || run.found?.status === 'superseded'
}

/** A follower that can't be claimed here stays pending: a processor, or another process, will run it. */
async function claimFollower(
  { backend, report, isOpen }: RunClaimedParts,
  job: Job,
): Promise<JobHandle<any> | null> {
  if (job.dedupeKey == null || !isOpen()) return null
  try {
    const sentAt = monotonicNow()
    const follower = await claimNextByKey(backend, job.type, job.dedupeKey)
    if (follower === null) return null
    report.claimed(follower)
    return handleOf(backend, follower, sentAt)
  } catch (err) {
    report.logger.warn({ type: job.type, dedupeKey: job.dedupeKey, err }, 'followers could not be claimed')
    return null
  }
}
