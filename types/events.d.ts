/** Events about jobs and the queue. */
import type { Job, JobEnding } from './job.js'
import type { JobQueueOptions } from './queue-options.js'

/**
 * The settlement or renewal that found the lease lost. `'heartbeat-deadline'`: no renewal was answered in time, so the lease must be
 * considered lost.
 */
export type LeaseOperation =
  'complete' | 'fail' | 'failFatal' | 'release' | 'heartbeat' | 'heartbeat-deadline'

/** The fields that all events about a job have. */
export interface JobEventOfJob {
  /** The job's type. */
  type: string
  /** The job's id. */
  jobId: string
}

/** The fields that all events about the end of a run have. */
export interface JobEventOfRun extends JobEventOfJob {
  /** The duration of the run, in milliseconds. */
  durationMs: number
}

/**
 * An event about a job or the queue; see {@link JobQueueOptions.onJobEvent}.
 *
 * Events of the kinds `failed` and `fail-fatal` also have the thrown value as `error`, and the job without its `claimToken` as `job`. Neither
 * property is enumerable, so code that prints or compares events does not see them.
 */
export type JobEvent =
  | (JobEventOfJob & {
      /** A run begins, or a handle was returned to the app. */
      kind: 'claimed'
      /** The number of this attempt; 1 for the first. */
      attempt: number
    })
  | (JobEventOfRun & {
      /** A run has completed its job. */
      kind: 'completed'
    })
  | (JobEventOfRun & {
      /** A run has failed its attempt. */
      kind: 'failed'
      /** The number of the attempt; 1 for the first. */
      attempt: number
      /** The number of attempts after which a failure is final. */
      maxAttempts: number
      /** True if no retry follows. */
      terminal: boolean
      /** The reason, as text. */
      reason: string
      /** The value that the handler threw; undefined if the handler settled its job by hand. Not enumerable. */
      readonly error?: unknown
      /** The job of this run, without its `claimToken`. Not enumerable. */
      readonly job?: Job
    })
  | (JobEventOfRun & {
      /** A run has ended, and a follower of its key covers the work. */
      kind: 'superseded'
      /** The reason why it did not complete, as text. */
      reason: string
    })
  | (JobEventOfRun & {
      /** A run has failed its job for good, even if attempts were left. */
      kind: 'fail-fatal'
      /** The reason, as text. */
      reason: string
      /** `cancelled` if a call has cancelled the job; else `fatal`. Not enumerable. */
      readonly ending?: Extract<JobEnding, 'fatal' | 'cancelled'>
      /** The value that the handler threw; undefined if the handler settled its job by hand. Not enumerable. */
      readonly error?: unknown
      /** The job of this run, without its `claimToken`. Not enumerable. */
      readonly job?: Job
    })
  | (JobEventOfRun & {
      /** A run has lost its lease; nothing that it does counts any more. */
      kind: 'lease-lost'
      /** The operation that found the lease lost. */
      op: LeaseOperation
    })
  | (JobEventOfJob & {
      /** The shutdown gave a claim back, with its attempt. */
      kind: 'shutdown-released'
    })
  | {
      /** A sweep has recovered jobs of dead workers. */
      kind: 'reaper-recovered'
      /** The number of jobs that the sweep handled. */
      handled: number
      /** True if the sweep reached its limit, so that there may be more jobs. */
      saturated: boolean
      /**
       * The jobs that the sweep is sure to have recovered. Some may be missing if another process swept at the same moment. Undefined
       * on the in-memory backends, and for the sweeps of `startReaper()`. Not enumerable.
       */
      readonly jobs?: readonly RecoveredJob[]
    }
  | {
      /** A sweep has failed. The next one comes at the usual interval. */
      kind: 'reaper-error'
      /** `startup` for the first sweep, `periodic` for later ones. */
      phase: 'startup' | 'periodic'
      /** The reason, as text. */
      message: string
    }

/** A job whose worker died or lost its lease; see the event `reaper-recovered`. */
export interface RecoveredJob extends JobEventOfJob {
  /** The number of the attempt that its worker left; 1 for the first. */
  attempt: number
  /** The number of attempts after which a failure is final. */
  maxAttempts: number
  /**
   * `exhausted` if it was the last attempt, `cancelled` if a call had asked for that, `superseded` if a follower of its key covers the
   * work. Undefined if the job runs again.
   */
  ending?: Extract<JobEnding, 'exhausted' | 'cancelled' | 'superseded'>
}

/** Receives events synchronously. Errors that it throws are ignored. */
export type JobEventListener = (event: JobEvent) => void

/**
 * A change that a call has made to a job; see {@link JobQueueOptions.onJobChange}. For a change within a transaction of the app, the event comes
 * once the commit was sent.
 */
export type JobChange =
  | (JobEventOfJob & {
      /** A job was created. */
      kind: 'enqueued'
    })
  | {
      /** No job was created, because its dedupe key is held or its id is taken. */
      kind: 'deduplicated'
      /** The type of the job that was not created. */
      type: string
      /** The id of the job in the way; null if the call did not ask for it, or the job is gone. */
      jobId: string | null
    }
  | (JobEventOfJob & {
      /** A handler has deferred its job, without spending an attempt. */
      kind: 'deferred'
      /** Milliseconds until the job is due again. */
      delayMs: number
    })
  | (JobEventOfJob & {
      /** The orchestration of a job sleeps. The job waits, uses no slot, and spends no attempt. */
      kind: 'parked'
      /** The kind of wait. */
      waitsFor: 'sleep'
      /** When the orchestration goes on. */
      until: Date
    })
  | {
      /** A job was cancelled, or its cancellation was requested. */
      kind: 'cancelled'
      /** The job's id. */
      jobId: string
      /** True if the job has ended; false while its handler is still running. */
      ended: boolean
    }
  | {
      /** An ended job was made to run again. */
      kind: 'retried'
      /** The job's id. */
      jobId: string
    }

/** Receives changes synchronously. Errors that it throws are ignored. */
export type JobChangeListener = (change: JobChange) => void
