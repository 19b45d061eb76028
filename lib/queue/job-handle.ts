import type { ClientSession } from 'mongodb'
import { afterCommit } from '../backend/after-transaction'
import { completeIn, heartbeat, settle, transactionsOf, writeLog } from '../backend/calls'
import { COMPLETE, RELEASE, failed, failedFatally } from '../backend/verdict'
import type { Settled, Verdict } from '../backend/verdict'
import { LeaseLostError } from '../base/errors'
import { monotonicNow } from '../base/timers'
import type { Reporter } from '../run/report'
import type { CompleteResult, IJobQueueBackend, Job, JobHandle, SettleResult } from '../types'
import { sessionOfCompletion } from '../validate'

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
  const { backend, report, assertUsable } = options
  const claimedAt = monotonicNow()
  const tell = teller(job, options, claimedAt)
  const end = async (verdict: Verdict): Promise<SettleResult> => {
    assertUsable()
    const found = await settle(backend, job, verdict)
    tell(verdict, found)
    return found
  }
  const endIn = completerIn(job, options, tell)
  return {
    ...job,
    status: 'active',
    complete: async (options) => {
      const session = sessionOfCompletion('complete', options)
      return session === null ? ((await end(COMPLETE)) as CompleteResult) : endIn(session)
    },
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

type Tell = (verdict: Verdict, found: Settled) => void

/** Tells what a settlement found; of the completion once, as it may be read back by several transactions. */
function teller<T>(job: Job<T>, { report, wake }: HandleOptions, claimedAt: number): Tell {
  let isCompleted = false
  return (verdict, found) => {
    if (found.status === 'completed' && isCompleted) return
    isCompleted ||= found.status === 'completed'
    report.settled(job, verdict, found, monotonicNow() - claimedAt)
    wake(job.type)
  }
}

/** Completes the claim in transactions of its owner's: in one of them in the end, as a transaction may begin again. */
function completerIn<T>(job: Job<T>, { backend, assertUsable }: HandleOptions, tell: Tell) {
  /** An event is of what has happened, and only the end of the transaction shows that. */
  const readBack = async (): Promise<boolean> => {
    const found = await transactionsOf('complete', backend).readBack(job.id, job.claimToken)
    if (found.status === 'completed') tell(COMPLETE, found)
    return found.status === 'completed'
  }
  return async (session: ClientSession): Promise<CompleteResult> => {
    assertUsable()
    transactionsOf('complete', backend)
    const found = await completeIn(backend, job, session)
    if (found.status !== 'completed') throw notHeld(job, found.status)
    // Who looks it up after a shutdown finds no backend, and nobody is left to be told.
    afterCommit(session, readBack)
    return found
  }
}

/** An error and not a result: the transaction must not commit what was done for a job that is another's. */
function notHeld(job: Job, status: string): LeaseLostError {
  return new LeaseLostError(
    'ERR_DURABL_LEASE_LOST',
    `complete: job ${job.id} can not be completed in this transaction (${status}): its lease is lost, or was gained after the ` +
      'transaction had begun',
  )
}

/** The job of a handle, without its methods: what a handler may see. */
export function jobOfHandle<T>(handle: JobHandle<T>): Job<T> {
  const fields = Object.entries(handle).filter(([, value]) => typeof value !== 'function')
  return Object.fromEntries(fields) as unknown as Job<T>
}
