/** Changes to jobs at the request of an operator or the app. */
import type { SettlementDetails } from './claims.js'
import type { DurablError } from './errors.js'
import type { JobStatus, TerminalStatus } from './job.js'
import type { EnqueueOptions } from './produce.js'
import type { ListJobsOptions } from './query.js'
import type { JobQueue } from './queue.js'

/** The reasons for which a call changes nothing: the job has another status than the call needs, or there is no such job. */
export type ControlMiss =
  | {
      /** The call does not apply to jobs of this status. */
      status: 'wrong-status'
      /** The status of the job. */
      jobStatus: JobStatus
    }
  | {
      /** There is no such job, or another call removed it before this one was answered. */
      status: 'not-found'
    }

/** The result of `retry`. */
export type RetryResult =
  | {
      /** The job is pending again, and will run as if for the first time. */
      status: 'retried'
    }
  | {
      /** Another job holds the job's dedupe key; nothing was changed. */
      status: 'key-held'
      /** The id of the job that holds the key. */
      id: string
    }
  | ControlMiss

/** The result of `promote`. */
export type PromoteResult =
  | {
      /** The job is due. */
      status: 'promoted'
    }
  | ControlMiss

/** The result of `reschedule`. */
export type RescheduleResult =
  | {
      /** The job has the new time, priority or both. */
      status: 'rescheduled'
    }
  | ControlMiss

/** The result of `remove`. */
export type RemoveResult =
  | {
      /** The job is no longer stored. */
      status: 'removed'
    }
  | {
      /** The job's schedule has not passed this occurrence and would make the job again; nothing was changed. */
      status: 'held-by-schedule'
    }
  | ControlMiss

/** Options of {@link JobControl.retry}. */
export interface RetryOptions {
  /** A payload to replace the old one. Absent or `undefined`: the old payload stays. */
  data?: unknown
  /** Milliseconds until the job is due. Default 0. */
  delay?: number | undefined
  /** The number of attempts from now on after which a failure is final. Default: the job's previous limit. */
  maxAttempts?: number | undefined
}

/** The changes of {@link JobControl.reschedule}. At least one is required. */
export interface RescheduleOptions {
  /** Milliseconds until the job is due. Can't be combined with `runAt`. */
  delay?: number | undefined
  /** The moment from which the job is due. A moment in the past means now. */
  runAt?: Date | undefined
  /** Jobs with lower numbers run first; see {@link EnqueueOptions.priority}. */
  priority?: number | undefined
}

/** Options of {@link JobControl.cancel}. */
export interface CancelOptions {
  /** A reason for people to read; it becomes the job's `failReason`. At most 4,096 characters. Default: none. */
  reason?: string | undefined
}

/**
 * The result of {@link JobControl.cancel}.
 *
 * - `cancelled`: the job was pending and has ended. Its status is `failed`, its `ending` is `cancelled`, and its key is free.
 * - `requested`: the job is running. Its handler's `ctx.signal` is aborted, and the job ends when its handler has ended.
 * - `already-terminal`: the job had ended before; nothing was changed.
 * - `not-found`: there is no such job.
 */
export type CancelResult =
  | {
      /** The fate of the job. */
      status: 'cancelled' | 'requested' | 'not-found'
    }
  | {
      /** The job had ended before. */
      status: 'already-terminal'
      /** The status with which it had ended. */
      terminalStatus: TerminalStatus
    }

/**
 * The effect of a bulk call on one job, as in {@link CancelResult}. `skipped`: the job was left alone, because it has another status or its
 * cancellation was requested before.
 */
export type CancelledEach = 'cancelled' | 'requested' | 'skipped'

/** A running job whose cancellation was requested. */
export interface CancelRequest {
  /** The job's id. */
  id: string
  /** The reason; null if none was given. */
  reason: string | null
}

/**
 * Calls that change single jobs.
 *
 * Each call is one fenced write. If two operators ask for the same change at once, one call makes it and the other returns the job's new
 * status. `cancel` asks a running job to end; the other calls leave running jobs alone. None of them takes a session.
 */
export interface JobControl {
  /**
   * Cancels a job.
   *
   * A pending job ends at once. A running job is asked to end: its handler's `ctx.signal` is aborted with `ERR_DURABL_CANCELLED`. In other
   * processes that takes up to a second with push and up to six without.
   *
   * When the handler ends, in whatever way, the job is `failed` with ending `cancelled`, unless the handler had settled it through `ctx` or
   * `ctx.transaction`. A handler that ignores the signal keeps its job, and the key, until it ends. If a worker dies, its cancelled jobs end
   * when their leases expire.
   *
   * ```ts
   * const { status } = await queue.cancel(id, { reason: 'the order was withdrawn' })
   * if (status === 'requested') log.info('it runs, and was told to stop')
   * ```
   *
   * @throws TypeError, RangeError if an argument is malformed; {@link DurablError} `ERR_DURABL_UNSUPPORTED` on a backend that
   * has no `cancel`
   */
  cancel(id: string, options?: CancelOptions): Promise<CancelResult>

  /**
   * Runs an ended job again, whether it completed, failed or was superseded ({@link TerminalStatus}). It starts again at attempt 0 with all its
   * attempts available. The job forgets how it ended, and keeps its log.
   *
   * ```ts
   * const result = await queue.retry(id, { delay: 60_000 })
   * if (result.status === 'key-held') console.log(`job ${result.id} does its work`)
   * ```
   *
   * If another job holds the job's dedupe key, nothing changes and the status is `key-held`.
   *
   * @throws TypeError, RangeError if an argument is malformed; PayloadError if `data` can't be stored; DurablError otherwise
   */
  retry(id: string, options?: RetryOptions): Promise<RetryResult>

  /**
   * Makes a pending job due now, whether it was enqueued for later or is waiting for a retry. Its past attempts still count. A job that is
   * already due keeps its place among the others.
   *
   * @throws TypeError, RangeError if the id is malformed; DurablError otherwise
   */
  promote(id: string): Promise<PromoteResult>

  /**
   * Gives a pending job a new time, a new priority, or both.
   *
   * ```ts
   * await queue.reschedule(id, { runAt: new Date('2027-01-01T08:00:00Z'), priority: -1 })
   * ```
   *
   * @throws TypeError, RangeError if an argument is malformed or no change is given; DurablError otherwise
   */
  reschedule(id: string, options: RescheduleOptions): Promise<RescheduleResult>

  /**
   * Removes a job from the store unless it is running. A removed job will not run, and its dedupe key is free.
   *
   * The job of a schedule's occurrence stays (`held-by-schedule`) until the schedule has passed that occurrence; otherwise the schedule would
   * make it again. To end such a job while it is pending, use {@link JobControl.cancel}.
   *
   * @throws TypeError, RangeError if the id is malformed; DurablError otherwise
   */
  remove(id: string): Promise<RemoveResult>
}

/** The jobs of a bulk call: given by their ids, or found as {@link JobQueue.listJobs} finds them. */
export type JobSelection =
  | {
      /** The ids of the jobs: at most 100,000. None of them changes nothing. */
      ids: readonly string[]
    }
  | (Omit<ListJobsOptions, 'limit' | 'after' | 'status'> & {
      /** The status of the jobs; it must be one to which the call applies. */
      status: JobStatus
    })

/** Options of a bulk call. */
export interface ManyOptions {
  /** The largest number of jobs to look at: 1 to 100,000. Can't be combined with `ids`. Default 1000. */
  limit?: number | undefined
  /** `'preview'` counts the jobs and changes none. Default `'run'`. */
  mode?: 'run' | 'preview' | undefined
  /** The `next` of the previous call with the same selection. Can't be combined with `ids`. */
  after?: string | undefined
}

/** The result of a bulk call. */
export interface ManyResult {
  /** `more`: further jobs remain. `next` leads to them; in a selection of active jobs it is null. */
  status: 'done' | 'more'
  /** The number of jobs that the selection found. */
  matched: number
  /** The number of jobs that this call changed. */
  changed: number
  /** The number of jobs left alone: others had changed them, or hold their keys. In a preview, all jobs. */
  skipped: number
  /** The value to pass as `after` in the next call; null if there is no next call to make. */
  next: string | null
}

/**
 * Calls that change many jobs. They work through a selection in steps of 500, and write each job under a fence of its own. Changes that others
 * make at the same time are left alone. If two operators ask for the same change at once, each job changes once.
 *
 * ```ts
 * const failed = { status: 'failed', type: 'welcome-email' } as const
 * const { matched } = await queue.retryMany(failed, { mode: 'preview' })
 * let after: string | null | undefined
 * do ({ next: after } = await queue.retryMany(failed, { after: after ?? undefined }))
 * while (after !== null)
 * ```
 *
 * If a call fails halfway, its earlier steps stand. Make the call again to go on.
 */
export interface ManyControl {
  /**
   * {@link JobControl.cancel} for a selection of pending or active jobs. A call looks at no more than 2,000 active jobs. If the selection is of
   * pending jobs, those that have started meanwhile are left alone. Jobs whose cancellation was requested before count as skipped.
   */
  cancelMany(selection: JobSelection, options?: ManyOptions): Promise<ManyResult>
  /** {@link JobControl.retry} for a selection of completed, failed or superseded jobs. */
  retryMany(selection: JobSelection, options?: ManyOptions): Promise<ManyResult>
  /** {@link JobControl.promote} for a selection of pending jobs. */
  promoteMany(selection: JobSelection, options?: ManyOptions): Promise<ManyResult>
  /** {@link JobControl.remove} for a selection of jobs that are not active. */
  removeMany(selection: JobSelection, options?: ManyOptions): Promise<ManyResult>
}

/**
 * The part of a backend that changes jobs for an operator. Each method is optional. Where one is absent, the {@link JobQueue} call of the same
 * name rejects with `ERR_DURABL_UNSUPPORTED`.
 */
export interface ControlBackend extends Partial<JobControl> {
  /**
   * Cancels the given jobs that have not ended, or only those with the given `status`. Returns the effect on each job, in order. Where absent,
   * {@link JobQueue} cancels the jobs one by one, and also counts those whose cancellation was requested before.
   */
  cancelEach?(ids: readonly string[], status?: JobStatus): Promise<CancelledEach[]>
  /**
   * Retries those of the given jobs that can be retried, or only those with the given `status`. Returns how many it retried. Where absent,
   * {@link JobQueue} retries the jobs one by one.
   */
  retryEach?(ids: readonly string[], status?: JobStatus): Promise<number>
  /** Promotes those of the given jobs that can be promoted. Returns how many it promoted. Where absent, the queue promotes them one by one. */
  promoteEach?(ids: readonly string[]): Promise<number>
  /** Removes those of the given jobs that can be removed, or only those with the given `status`. Where absent, the queue removes them one by one. */
  removeEach?(ids: readonly string[], status?: JobStatus): Promise<number>
  /**
   * Returns those of the given jobs that are running and whose cancellation was requested. A queue asks every few seconds about the jobs that it
   * runs. A backend that has `cancel` also accepts {@link SettlementDetails}, and honours `endOfRun`.
   */
  cancelRequests?(jobIds: readonly string[]): Promise<CancelRequest[]>
}
