import type { ClientSession } from 'mongodb'
import { afterCommit } from '../backend/after-transaction'
import { isCalledByRun } from '../backend/by-run'
import { completeIn, transactionsOf } from '../backend/calls'
import { HandleCalls, jobOfHandle, mark, notHeld } from '../backend/handle'
import type { OwnClaim } from '../backend/handle'
import { COMPLETE, RELEASE, asTold, byHand, failed, failedFatally } from '../backend/verdict'
import type { Settled, Verdict } from '../backend/verdict'
import { monotonicNow } from '../base/timers'
import type { Reporter } from '../run/report'
import type { CompleteResult, IJobQueueBackend, Job, JobHandle, SettleResult } from '../types'
import { sessionOfCompletion } from '../validate'

/** Inputs of a handle, from its queue. */
export interface HandleOptions {
  readonly backend: IJobQueueBackend
  readonly report: Reporter
  /** Time at which the claim was sent, by the monotonic clock. */
  readonly sentAt: number
  /** Throws once the queue is shut down. */
  readonly assertUsable: () => void
  /** A job of this type may have become claimable: this one, or one that waited behind its key. */
  readonly wake: (type: string) => void
}

/** Turns a backend's handle into one with the events of its queue. */
export function createJobHandle<T>(inner: JobHandle<T>, options: HandleOptions): JobHandle<T> {
  const { backend, report, assertUsable } = options
  const job = jobOfHandle(inner)
  const calls = new HandleCalls(backend, inner, job)
  const claimedAt = monotonicNow()
  const claim: OwnClaim = { backend, inner, sentAt: options.sentAt, isSettled: false }
  const tell = teller(job, options, claimedAt)
  const end = async (verdict: Verdict): Promise<SettleResult> => {
    assertUsable()
    const found = asTold(verdict.kind, await calls.settle(byHand(verdict)))
    claim.isSettled = true
    tell(verdict, found)
    return found
  }
  const endIn = completerIn(job, options, tell)
  const handle: JobHandle<T> = {
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
      const result = await calls.heartbeat()
      if (result === 'lease-lost' && !isCalledByRun())
        report.leaseLost(job, 'heartbeat', monotonicNow() - claimedAt)
      return result
    },
    log: async (message) => {
      assertUsable()
      await calls.log(message)
    },
  }
  return mark(handle, claim)
}

type Tell = (verdict: Verdict, found: Settled) => void

/** Reports the result of a settlement. A completion is reported once, as several transactions may read it back. */
function teller<T>(job: Job<T>, { report, wake }: HandleOptions, claimedAt: number): Tell {
  let isCompleted = false
  return (verdict, found) => {
    if (found.status === 'completed' && isCompleted) return
    isCompleted ||= found.status === 'completed'
    if (!isCalledByRun()) report.settled(job, verdict, found, monotonicNow() - claimedAt)
    wake(job.type)
  }
}

/** Completes the claim in a transaction of its owner's, perhaps after others, as a transaction may begin again. */
function completerIn<T>(job: Job<T>, { backend, assertUsable }: HandleOptions, tell: Tell) {
  /** An event is about a fact, and only the end of the transaction shows that. */
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
    // A look after a shutdown finds no backend, and no listener is left.
    afterCommit(session, readBack)
    return found
  }
}
