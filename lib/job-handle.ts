import { heartbeat, settle, writeLog } from './backend-calls'
import { COMPLETE, RELEASE, failed, failedFatally } from './outcome'
import type { Verdict } from './outcome'
import type { Reporter } from './report'
import { monotonicNow } from './timers'
import type { IJobQueueBackend, Job, JobHandle, SettleResult } from './types'

/** What a handle needs of its queue. */
export interface HandleOptions {
  readonly backend: IJobQueueBackend
  readonly report: Reporter
  /** Throws once the queue is shut down. */
  readonly assertUsable: () => void
  /** A job of this type may have become claimable: this one, or what waited behind its key. */
  readonly wake: (type: string) => void
}

/** Makes a handle of a claimed job. Its methods are fields, so that they can be passed on their own. */
export function createJobHandle<T>(job: Job<T>, options: HandleOptions): JobHandle<T> {
  const { backend, report, assertUsable, wake } = options
  const claimedAt = monotonicNow()
  const end = async (verdict: Verdict): Promise<SettleResult> => {
    assertUsable()
    const found = await settle(backend, job, verdict)
    report.settled(job, verdict, found, monotonicNow() - claimedAt)
    wake(job.type)
    return found
  }
  return {
    ...job,
    status: 'active',
    complete: () => end(COMPLETE) as ReturnType<JobHandle['complete']>,
    fail: (reason) => end(failed(reason)) as ReturnType<JobHandle['fail']>,
    failFatal: (reason) => end(failedFatally(reason)) as ReturnType<JobHandle['failFatal']>,
    release: () => end(RELEASE) as ReturnType<JobHandle['release']>,
    heartbeat: async () => {
      assertUsable()
      const result = await heartbeat(backend, job)
      if (result === 'lease-lost') report.leaseLost(job, 'heartbeat', monotonicNow() - claimedAt)
      return result
    },
    log: async (message) => {
      assertUsable()
      await writeLog(backend, job, message)
    },
  }
}

/** The job of a handle, without its methods: what a handler may see. */
export function jobOfHandle<T>(handle: JobHandle<T>): Job<T> {
  const fields = Object.entries(handle).filter(([, value]) => typeof value !== 'function')
  return Object.fromEntries(fields) as unknown as Job<T>
}
