/** Claimed jobs, and how a claim ends. */
import type { IJobQueueBackend } from './backend.js'
import type { LeaseLostError } from './errors.js'
import type { Job, TerminalStatus } from './job.js'
import type { EnqueueOptions } from './produce.js'
import type { JobQueue } from './queue.js'
import type { CompleteOptions } from './transact.js'

/**
 * The reasons for which a settlement changes nothing:
 *
 * - `already-terminal`: the job had ended before.
 * - `lease-lost`: another claim holds the lease now, or the lease was given back.
 * - `not-found`: there is no such job.
 */
export type SettleMiss =
  | {
      /** The job had ended before. */
      status: 'already-terminal'
      /** The status with which it had ended. */
      terminalStatus: TerminalStatus
    }
  | {
      /** Another claim has the job, or there is no such job. */
      status: 'lease-lost' | 'not-found'
    }

/** The result of `complete`. */
export type CompleteResult =
  | {
      /** The job has completed. */
      status: 'completed'
    }
  | SettleMiss

/**
 * The result of `fail`.
 *
 * - `retry-scheduled`: the job is pending again, after a back-off.
 * - `failed-terminal`: the job's attempts are used up.
 * - `superseded`: a follower is pending under the same key and covers the work.
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

/**
 * The result of `release`.
 *
 * - `released`: the job is pending again, with its attempt given back.
 * - `superseded`: a follower covers the work.
 */
export type ReleaseResult =
  | {
      /** The fate of the job. */
      status: 'released' | 'superseded'
    }
  | SettleMiss

/** Any of the results of a settlement. */
export type SettleResult = CompleteResult | FailResult | FailFatalResult | ReleaseResult

/** The result of `heartbeat`. `lease-lost` means that the job is no longer yours: stop working on it. */
export type HeartbeatResult = 'applied' | 'lease-lost'

/**
 * A claimed job that the caller runs and settles itself, from {@link JobQueue.claimOrEnqueue}.
 *
 * Its lease lasts `visibilityTimeoutMs`. Call `heartbeat` to extend it, or pass the handle to {@link JobQueue.runClaimed}.
 */
export interface JobHandle<T = unknown> extends Job<T> {
  /** Always `'active'`: the handle is a snapshot from the moment of the claim. */
  status: 'active'
  /**
   * Ends the job as completed.
   *
   * With `{ session }` the completion is part of the transaction in progress on that session, and takes effect if the transaction commits.
   * Claim the job before the transaction begins, and make this call its last write. Do not call `heartbeat` or `log` while the transaction
   * is open: their writes would conflict with the completion. Events and wake-ups come after the commit.
   *
   * If the handle has lost its job, a call with a session rejects with a {@link LeaseLostError}, so that the transaction aborts.
   *
   * `complete` takes no result, so `promise.then(handle.complete)` can't store one by accident. To keep a result, use
   * {@link JobQueue.runClaimed} with `results: 'keep'`.
   */
  complete(options?: CompleteOptions): Promise<CompleteResult>
  /** Fails this attempt. The job is retried after a back-off while it has attempts left. */
  fail(reason: string): Promise<FailResult>
  /** Fails the job for good. */
  failFatal(reason: string): Promise<FailFatalResult>
  /** Extends the lease by the full visibility timeout, from now. */
  heartbeat(): Promise<HeartbeatResult>
  /** Gives the job back, due at once. The attempt does not count. */
  release(): Promise<ReleaseResult>
  /** Adds a line to the job's log. */
  log(message: string): Promise<void>
}

/** Options of {@link JobQueue.runClaimed}. */
export interface RunClaimedOptions {
  /** The largest number of followers to run after the handle's own job; 0 runs none. Default 10. */
  maxDrains?: number | undefined
  /**
   * Whether the handle's own job and its followers keep what the handler returns; see {@link ProcessorConfig.results}. A backend without
   * `cancel` refuses `'keep'`, and a handle of another backend keeps nothing. Default `'discard'`.
   */
  results?: 'discard' | 'keep' | undefined
}

/** Details that a {@link JobQueue} passes with a verdict to a backend that can cancel jobs. */
export interface SettlementDetails {
  /** The stack trace of the failure. */
  stack?: string | undefined
  /** Milliseconds until a retried or released job is due again. Absent: the backend's usual wait. */
  delayMs?: number | undefined
  /**
   * The moment at which a released and parked job is due; it replaces `delayMs`. Until then `promote` and `reschedule` leave the job alone.
   */
  parkedUntil?: Date | undefined
  /**
   * True if the handler has ended without settling its job by hand. The backend then cancels a job whose cancellation was requested, whatever
   * the verdict, and replies with {@link CancelledReply}. Without this flag it cancels such a job only where the job would wait again.
   */
  endOfRun?: boolean | undefined
  /**
   * With `complete`: the value to store in the job's field `result`. A backend that can't store it rejects with a `PayloadError` before it
   * writes anything. The queue then completes the job without a result.
   */
  result?:
    | {
        /** The value that the handler returned. */
        value: unknown
      }
    | undefined
}

/** The reply of a backend to a verdict with `endOfRun` if the job's cancellation was requested. The job has failed with ending `cancelled`. */
export interface CancelledReply {
  /** The fate of the job. */
  status: 'cancelled'
}

/**
 * The reply of a backend to a write. Backends of the first releases reply with nothing or `true` if the write applied, and with `false` if
 * the caller had lost the job. A {@link JobQueue} turns any reply into a result.
 */
export type BackendReply<Result> = Result | CancelledReply | boolean | void

/** The part of a backend that claims jobs, renews their leases and settles them. See {@link IJobQueueBackend}. */
export interface ClaimsBackend {
  // Two methods are declared twice, because the compiler compares overloads loosely. So a class implements this interface even if its handles
  // are those of an earlier version, or plain jobs. Callers see handles; a queue completes whatever it gets.
  /** Stores a job and claims it at once; see {@link JobQueue.claimOrEnqueue}. Resolves to a handle or to a plain job. */
  claimOrEnqueue<T, H = JobHandle<T>>(type: string, data: T, options?: EnqueueOptions): Promise<H | null>
  claimOrEnqueue<T, H = JobHandle<T>>(type: string, data: T, options?: EnqueueOptions): Promise<H | null>
  /** Atomically claims the first due pending job of a type, by priority and then by `runAt`. Counts an attempt. */
  claimNext<T>(type: string): Promise<Job<T> | null>
  /** Claims the due pending job of a type and dedupe key. Where absent, `runClaimed` drains no followers. */
  claimNextByKey?<T, H = JobHandle<T>>(type: string, dedupeKey: string): Promise<H | null>
  claimNextByKey?<T, H = JobHandle<T>>(type: string, dedupeKey: string): Promise<H | null>
  /**
   * Ends a job as completed. With `options.session` the completion is part of that session's transaction; only a backend with
   * {@link TransactBackend.transactions} receives a session.
   */
  complete(
    jobId: string,
    claimToken?: string,
    options?: CompleteOptions & SettlementDetails,
  ): Promise<BackendReply<CompleteResult>>
  /** Fails an attempt. The job waits for a retry, or ends if its attempts are used up. */
  fail(
    jobId: string,
    reason: string,
    claimToken?: string,
    details?: SettlementDetails,
  ): Promise<BackendReply<FailResult>>
  /** Fails a job for good, even if it has attempts left. */
  failFatal(
    jobId: string,
    reason: string,
    claimToken?: string,
    details?: SettlementDetails,
  ): Promise<BackendReply<FailFatalResult>>
  /** Makes an active job pending again and gives its attempt back. Where absent, the queue lets the lease expire. */
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
   * Sets a job's `progress`. With a token it applies only while that claim is held, or after that claim has completed the job. Rejects with a
   * `PayloadError` if the value can't be stored or takes more than 64 kB. Where absent, `ctx.progress` does nothing and logs a warning.
   */
  progress?(jobId: string, value: unknown, claimToken?: string): Promise<void>
}
