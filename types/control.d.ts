/** Changes of jobs that an operator, or the app, asks for. */
import type { SettlementDetails } from './claims.js'
import type { DurablError } from './errors.js'
import type { JobStatus, TerminalStatus } from './job.js'
import type { EnqueueOptions } from './produce.js'
import type { ListJobsOptions } from './query.js'
import type { JobQueue } from './queue.js'

/** Why a change was not made: the job's status is none that it leads out of, or there is no such job. Nothing was changed. */
export type ControlMiss =
  | {
      /** The job has a status that the change does not lead out of. */
      status: 'wrong-status'
      /** The status that it has. */
      jobStatus: JobStatus
    }
  | {
      /** There is no such job, or another call removed it before this one got its answer. */
      status: 'not-found'
    }

/** The result of `retry`. */
export type RetryResult =
  | {
      /** The job is pending again, and will run as if for the first time. */
      status: 'retried'
    }
  | {
      /** The job's dedupe key has no room for it: nothing was changed. */
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
      /** The job has the new time and priority. */
      status: 'rescheduled'
    }
  | ControlMiss

/** The result of `remove`. */
export type RemoveResult =
  | {
      /** The job is not stored any more. */
      status: 'removed'
    }
  | {
      /** The job's schedule has not gone past its occurrence, and would make it again: nothing was changed. */
      status: 'held-by-schedule'
    }
  | ControlMiss

/** Options of {@link JobControl.retry}. */
export interface RetryOptions {
  /** A new payload in place of the old one. Absent, or `undefined`: the old one. */
  data?: unknown
  /** Milliseconds until the job is due. Default 0. */
  delay?: number | undefined
  /** After this many attempts, counted from now, a failure is final. Default: as many as before. */
  maxAttempts?: number | undefined
}

/** The changes of {@link JobControl.reschedule}: at least one of them. */
export interface RescheduleOptions {
  /** Milliseconds until the job is due. Not together with `runAt`. */
  delay?: number | undefined
  /** The moment from which the job is due; one that has passed means now. */
  runAt?: Date | undefined
  /** Lower runs first; see {@link EnqueueOptions.priority}. */
  priority?: number | undefined
}

/** Options of {@link JobControl.cancel}. */
export interface CancelOptions {
  /** Why, for people: it becomes the job's `failReason`. At most 4,096 characters. Default: none. */
  reason?: string | undefined
}

/**
 * The result of {@link JobControl.cancel}.
 *
 * - `cancelled`: the job waited, and has ended: `failed`, its `ending` is `cancelled`, its key is free.
 * - `requested`: the job runs. Its handler's `ctx.signal` is aborted, and the job ends when the handler has ended.
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
      /** Its ending. */
      terminalStatus: TerminalStatus
    }

/**
 * The effect of a call for many jobs on one of them, as {@link CancelResult}. `skipped`: the job was left as it was, as it is in another status,
 * or was asked to be cancelled before.
 */
export type CancelledEach = 'cancelled' | 'requested' | 'skipped'

/** A running job that was asked to be cancelled. */
export interface CancelRequest {
  /** The job's id. */
  id: string
  /** Why; null if it was not given. */
  reason: string | null
}

/**
 * Steering single jobs. Each call is one fenced write: of two operators who ask for the same at once, one does it, and the other is told
 * the job's new status. `cancel` asks a running job to end; the others touch none that runs. None takes a session.
 */
export interface JobControl {
  /**
   * Cancels a job. One that waits ends at once. One that runs is asked to end: its handler's `ctx.signal` is aborted with
   * `ERR_DURABL_CANCELLED`, in other processes within a second with push and six without. When the handler has ended, however it ended,
   * the job is `failed`, and its `ending` is `cancelled`; unless the handler had settled it by `ctx` or `ctx.transaction`. A
   * handler that ignores the signal keeps its job, and the key, until it ends. The job of a worker that has died ends when its lease does.
   *
   * ```ts
   * const { status } = await queue.cancel(id, { reason: 'the order was withdrawn' })
   * if (status === 'requested') log.info('it runs, and was told to stop')
   * ```
   *
   * @returns what became of the job
   * @throws TypeError, RangeError if an argument is malformed; {@link DurablError} `ERR_DURABL_UNSUPPORTED` on a backend that
   * has no `cancel`
   */
  cancel(id: string, options?: CancelOptions): Promise<CancelResult>

  /**
   * Runs a job again that has ended, however it did: completed, failed or superseded ({@link TerminalStatus}). It begins at attempt 0 with all its
   * attempts before it; how it ended is forgotten, and its log stays.
   *
   * ```ts
   * const result = await queue.retry(id, { delay: 60_000 })
   * if (result.status === 'key-held') console.log(`job ${result.id} does its work`)
   * ```
   *
   * A job whose dedupe key has no room, as another job holds it, stays as it is: `key-held`.
   *
   * @throws TypeError, RangeError if an argument is malformed; PayloadError if `data` can't be stored; DurablError otherwise
   */
  retry(id: string, options?: RetryOptions): Promise<RetryResult>

  /**
   * Makes a pending job due now: one that was enqueued for later, or that waits for its retry, whose attempts stay counted. A job that is due
   * keeps its place among the others.
   *
   * @throws TypeError, RangeError if the id is malformed; DurablError otherwise
   */
  promote(id: string): Promise<PromoteResult>

  /**
   * Gives a pending job another time, another priority, or both.
   *
   * ```ts
   * await queue.reschedule(id, { runAt: new Date('2027-01-01T08:00:00Z'), priority: -1 })
   * ```
   *
   * @throws TypeError, RangeError if an argument is malformed, or nothing is to be changed; DurablError otherwise
   */
  reschedule(id: string, options: RescheduleOptions): Promise<RescheduleResult>

  /**
   * Removes a job from the store, unless it is running. A pending one will not run, and its dedupe key is free. The job of a schedule
   * stays (`held-by-schedule`) until the schedule has gone past its occurrence, as it would be made again; {@link JobControl.cancel} ends one
   * that waits.
   *
   * @throws TypeError, RangeError if the id is malformed; DurablError otherwise
   */
  remove(id: string): Promise<RemoveResult>
}

/** The jobs of a bulk call: those of some ids, or those that {@link JobQueue.listJobs} lists. */
export type JobSelection =
  | {
      /** The ids of the jobs: 1 to 100,000. */
      ids: readonly string[]
    }
  | (Omit<ListJobsOptions, 'limit' | 'after' | 'status'> & {
      /** Where they are in their life: a status that the call leads out of. */
      status: JobStatus
    })

/** Options of a bulk call. */
export interface ManyOptions {
  /** Jobs that the call looks at, at most: 1 to 100,000. Default 1000. Not with `ids`. */
  limit?: number | undefined
  /** `preview` counts the jobs and changes none. Default `run`. */
  mode?: 'run' | 'preview' | undefined
  /** The `next` of the call before, with the same selection. Not with `ids`. */
  after?: string | undefined
}

/** The result of a bulk call. */
export interface ManyResult {
  /** `more`: there are further jobs, from `next` on, or of a selection of active jobs after this one. */
  status: 'done' | 'more'
  /** Jobs that the selection has found. */
  matched: number
  /** Jobs that were changed, by this call. */
  changed: number
  /** Jobs that were left as they are: others had changed them, or hold their keys. All of them in a preview. */
  skipped: number
  /** The value to pass as `after` to go on; null if there is nothing to go on with. */
  next: string | null
}

/**
 * Steering many jobs: those of a selection, in steps of 500, each job by a fenced write of its own. So what others do at the same time is left
 * alone, and two operators who ask for the same at once do it once between them.
 *
 * ```ts
 * const failed = { status: 'failed', type: 'welcome-email' } as const
 * const { matched } = await queue.retryMany(failed, { mode: 'preview' })
 * let after: string | null | undefined
 * do ({ next: after } = await queue.retryMany(failed, { after: after ?? undefined }))
 * while (after !== null)
 * ```
 *
 * A call that fails halfway has done the steps before; it can be made again.
 */
export interface ManyControl {
  /**
   * {@link JobControl.cancel} for all of a selection: of pending jobs, or of active ones, 2,000 of which a call looks at. A job that runs by the
   * time of the write is left alone where the selection is of pending ones, and one that was asked before counts as skipped.
   */
  cancelMany(selection: JobSelection, options?: ManyOptions): Promise<ManyResult>
  /** {@link JobControl.retry} for all of a selection: of jobs that are completed, failed or superseded. */
  retryMany(selection: JobSelection, options?: ManyOptions): Promise<ManyResult>
  /** {@link JobControl.promote} for all of a selection: of pending jobs. */
  promoteMany(selection: JobSelection, options?: ManyOptions): Promise<ManyResult>
  /** {@link JobControl.remove} for all of a selection: of jobs that are not active. */
  removeMany(selection: JobSelection, options?: ManyOptions): Promise<ManyResult>
}

/**
 * A backend, as far as jobs can be steered. Each method is optional: where it is absent, the call of the same name of a {@link JobQueue} rejects
 * with `ERR_DURABL_UNSUPPORTED`.
 */
export interface ControlBackend extends Partial<JobControl> {
  /**
   * Cancels those of these jobs that have not ended, and that are in this status if one is given; what it has done to each, in order. Absent:
   * {@link JobQueue} cancels them one by one, and counts those that were asked before as well.
   */
  cancelEach?(ids: readonly string[], status?: JobStatus): Promise<CancelledEach[]>
  /**
   * Retries those of these jobs that can be, and that are in this status if one is given, and tells how many that were. Absent:
   * {@link JobQueue} retries them one by one.
   */
  retryEach?(ids: readonly string[], status?: JobStatus): Promise<number>
  /** Promotes those of these jobs that can be, and tells how many that were. Absent: one by one. */
  promoteEach?(ids: readonly string[]): Promise<number>
  /** Removes those of these jobs that can be, and that are in this status if one is given. Absent: one by one. */
  removeEach?(ids: readonly string[], status?: JobStatus): Promise<number>
  /**
   * Those of these jobs that run and were asked to be cancelled. A queue asks every few seconds for the jobs that it runs. A backend that has
   * `cancel` also takes {@link SettlementDetails}, and heeds their `endOfRun`.
   */
  cancelRequests?(jobIds: readonly string[]): Promise<CancelRequest[]>
}
