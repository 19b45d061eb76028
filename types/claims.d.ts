/** Claimed jobs, and how a claim ends. */
import type { IJobQueueBackend } from './backend.js'
import type { LeaseLostError } from './errors.js'
import type { Job, TerminalStatus } from './job.js'
import type { EnqueueOptions } from './produce.js'
import type { JobQueue } from './queue.js'
import type { CompleteOptions } from './transact.js'

/**
 * What every settlement can find instead of what it wanted:
 *
 * - `already-terminal`: the job had ended before; nothing was changed.
 * - `lease-lost`: the lease is another's now, or was given back; nothing was changed.
 * - `not-found`: no such job.
 */
export type SettleMiss =
  | {
      /** The job had ended before. */
      status: 'already-terminal'
      /** The status that it had ended with. */
      terminalStatus: TerminalStatus
    }
  | {
      /** Another claim has the job, or there is no such job. */
      status: 'lease-lost' | 'not-found'
    }

/** The result of `complete`. */
export type CompleteResult =
  | {
      /** The job has ended, and well. */
      status: 'completed'
    }
  | SettleMiss

/**
 * The result of `fail`: `retry-scheduled` (pending again, after a back-off), `failed-terminal` (attempts used up), or
 * `superseded` (a follower is pending under the same key and covers the work).
 */
export type FailResult =
  | {
      /** The fate of the job. */
      status: 'retry-scheduled' | 'failed-terminal' | 'superseded'
    }
  | SettleMiss

/** The result of `failFatal`. */
export type FailFatalResult =
  | {
      /** The job has failed for good. */
      status: 'failed-terminal'
    }
  | SettleMiss

/** The result of `release`: `released` (pending again, the attempt given back), or `superseded` (a follower covers it). */
export type ReleaseResult =
  | {
      /** The fate of the job. */
      status: 'released' | 'superseded'
    }
  | SettleMiss

/** Any of the results of a settlement. */
export type SettleResult = CompleteResult | FailResult | FailFatalResult | ReleaseResult

/** The result of `heartbeat`: `lease-lost` means that the job is no longer yours, so stop. */
export type HeartbeatResult = 'applied' | 'lease-lost'

/**
 * A claimed job that its owner runs and settles, from {@link JobQueue.claimOrEnqueue}.
 *
 * Its lease lasts `visibilityTimeoutMs`; call `heartbeat` to extend it, or hand it to {@link JobQueue.runClaimed}.
 */
export interface JobHandle<T = unknown> extends Job<T> {
  /** It was, when it was claimed. */
  status: 'active'
  /**
   * Ends the job as completed.
   *
   * With `{ session }` that happens in the transaction which is in progress there, if it commits; make it the last write in it,
   * and claim the job before the transaction begins. Events and wake-ups come after the commit. A job that is not this handle's
   * any more is then no result but a {@link LeaseLostError}, so that the transaction is aborted. Do not call `heartbeat` or `log`
   * while the transaction is open: their writes would meet this one.
   *
   * It takes no result, so that `promise.then(handle.complete)` stores nothing by accident. {@link JobQueue.runClaimed} with
   * `results: 'keep'` keeps one.
   */
  complete(options?: CompleteOptions): Promise<CompleteResult>
  /** Fails this attempt; the job is retried after a back-off while attempts are left. */
  fail(reason: string): Promise<FailResult>
  /** Fails the job for good. */
  failFatal(reason: string): Promise<FailFatalResult>
  /** Extends the lease by the full visibility timeout, from now. */
  heartbeat(): Promise<HeartbeatResult>
  /** Gives the job back, due at once; the attempt does not count. */
  release(): Promise<ReleaseResult>
  /** Adds a line to the job's log. */
  log(message: string): Promise<void>
}

/** Options of {@link JobQueue.runClaimed}. */
export interface RunClaimedOptions {
  /** The largest number of followers to run after the handle's own job; 0 for none. Default 10. */
  maxDrains?: number | undefined
  /**
   * Whether the handle's own job and the followers keep what the handler returned, as with {@link ProcessorConfig.results}. Default
   * `discard`. A backend without `cancel` refuses `keep`, and a handle that is not of the queue's backend keeps nothing.
   */
  results?: 'discard' | 'keep' | undefined
}

/** The details that a {@link JobQueue} passes with a verdict to a backend that can cancel jobs. */
export interface SettlementDetails {
  /** Where the failure came from. */
  stack?: string | undefined
  /** Milliseconds until the job is due again, where it is to wait again: for a retry, or after a release. Absent: as usual. */
  delayMs?: number | undefined
  /**
   * The job is released and parks: it is due at this moment, in place of `delayMs` from now, and `promote` and `reschedule` leave it alone
   * until then.
   */
  parkedUntil?: Date | undefined
  /**
   * The handler has ended and has not settled its job by hand. A job that was asked to be cancelled is cancelled then, whatever the
   * verdict; the reply is {@link CancelledReply}. Without this, only a job that would wait again is.
   */
  endOfRun?: boolean | undefined
  /**
   * With `complete`: the value that the job is to keep, as its field `result`. A backend that can't keep it rejects with a `PayloadError` before
   * it writes anything, and the queue completes the job without it.
   */
  result?:
    | {
        /** The value that the handler returned. */
        value: unknown
      }
    | undefined
}

/** The reply of a backend to a verdict with `endOfRun`, if the job was asked to be cancelled: it has failed, cancelled. */
export interface CancelledReply {
  /** The fate of the job. */
  status: 'cancelled'
}

/**
 * The answers of a backend to a write: what became of it; or, as those of the first releases do, nothing or `true` if it applied, and
 * `false` if the job was no longer the caller's. A {@link JobQueue} makes a result of it.
 */
export type BackendReply<Result> = Result | CancelledReply | boolean | void

/** A backend, as far as jobs are claimed, and their claims renewed and settled. See {@link IJobQueueBackend}. */
export interface ClaimsBackend {
  // Each stands here twice, as the compiler compares overloads loosely: so a class implements this interface also where its handles are those
  // of an earlier version, or plain jobs. A caller gets handles; a queue makes whole ones of any.
  /** Stores a job and claims it at once; see {@link JobQueue.claimOrEnqueue}. Resolves to a handle, or to a plain job. */
  claimOrEnqueue<T, H = JobHandle<T>>(type: string, data: T, options?: EnqueueOptions): Promise<H | null>
  claimOrEnqueue<T, H = JobHandle<T>>(type: string, data: T, options?: EnqueueOptions): Promise<H | null>
  /** Claims the first due pending job of a type (by priority, then `runAt`), atomically. Counts an attempt. */
  claimNext<T>(type: string): Promise<Job<T> | null>
  /** Claims the due pending job of a type and dedupe key. Absent: `runClaimed` drains no followers. */
  claimNextByKey?<T, H = JobHandle<T>>(type: string, dedupeKey: string): Promise<H | null>
  claimNextByKey?<T, H = JobHandle<T>>(type: string, dedupeKey: string): Promise<H | null>
  /** Ends a job as completed. With `options.session`, which only a backend with {@link TransactBackend.transactions} is given, in that transaction. */
  complete(
    jobId: string,
    claimToken?: string,
    options?: CompleteOptions & SettlementDetails,
  ): Promise<BackendReply<CompleteResult>>
  /** Fails an attempt: a retry after a back-off, or the end if attempts are used up. */
  fail(
    jobId: string,
    reason: string,
    claimToken?: string,
    details?: SettlementDetails,
  ): Promise<BackendReply<FailResult>>
  /** Fails a job for good, whatever attempts are left. */
  failFatal(
    jobId: string,
    reason: string,
    claimToken?: string,
    details?: SettlementDetails,
  ): Promise<BackendReply<FailFatalResult>>
  /** Makes an active job pending again and gives its attempt back. Absent: the queue lets the lease expire instead. */
  release?(
    jobId: string,
    claimToken?: string,
    details?: SettlementDetails,
  ): Promise<BackendReply<ReleaseResult>>
  /** Extends the lease of an active job. */
  heartbeat(jobId: string, claimToken?: string): Promise<BackendReply<HeartbeatResult>>
  /** Adds a line to a job's log. */
  log(jobId: string, message: string, claimToken?: string): Promise<void>
  /**
   * Sets a job's `progress`. With a token only while the claim is held, or has completed the job. Rejects with a `PayloadError` if the value
   * can't be stored or takes more than 64 kB. Absent: `ctx.progress` does nothing, and the log says so.
   */
  progress?(jobId: string, value: unknown, claimToken?: string): Promise<void>
}
