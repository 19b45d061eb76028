/** Events about jobs and the queue. */
import type { Job } from './job.js'
import type { JobQueueOptions } from './queue-options.js'

/**
 * The settlement or renewal that found its lease gone. `'heartbeat-deadline'`: no renewal was answered in time, so the lease has to be
 * considered lost.
 */
export type LeaseOperation =
  'complete' | 'fail' | 'failFatal' | 'release' | 'heartbeat' | 'heartbeat-deadline'

/** The fields of all events about a job. */
export interface JobEventOfJob {
  /** The job's type. */
  type: string
  /** The job's id. */
  jobId: string
}

/** The fields of all events about the end of a run. */
export interface JobEventOfRun extends JobEventOfJob {
  /** The duration of the run, in milliseconds. */
  durationMs: number
}

/**
 * An event of a job, or of the queue: see {@link JobQueueOptions.onJobEvent}.
 *
 * Events of the kinds `failed` and `fail-fatal` also have what the handler threw as `error`, and the job without its `claimToken` as
 * `job`. Neither is enumerable: who prints or compares an event does not meet them.
 */
export type JobEvent =
  | (JobEventOfJob & {
      /** A run begins, or a handle was given out. */
      kind: 'claimed'
      /** Which attempt this is; 1 for the first. */
      attempt: number
    })
  | (JobEventOfRun & {
      /** A run has ended well. */
      kind: 'completed'
    })
  | (JobEventOfRun & {
      /** A run has failed. */
      kind: 'failed'
      /** Which attempt it was; 1 for the first. */
      attempt: number
      /** After this many attempts a failure is final. */
      maxAttempts: number
      /** No retry will follow. */
      terminal: boolean
      /** Why, in words. */
      reason: string
      /** The value that the handler threw; undefined where it failed its job by hand. Not enumerable. */
      readonly error?: unknown
      /** The job of this run, without its `claimToken`. Not enumerable. */
      readonly job?: Job
    })
  | (JobEventOfRun & {
      /** A run has ended, and a follower of its key covers the work. */
      kind: 'superseded'
      /** Why it could not complete, in words. */
      reason: string
    })
  | (JobEventOfRun & {
      /** A run has failed for good, whatever attempts were left. */
      kind: 'fail-fatal'
      /** Why, in words. */
      reason: string
      /** The value that the handler threw; undefined where it failed its job by hand. Not enumerable. */
      readonly error?: unknown
      /** The job of this run, without its `claimToken`. Not enumerable. */
      readonly job?: Job
    })
  | (JobEventOfRun & {
      /** The lease of a run is gone: what it did does not count. */
      kind: 'lease-lost'
      /** The operation that found that out. */
      op: LeaseOperation
    })
  | (JobEventOfJob & {
      /** A claim was given back by the shutdown, with its attempt. */
      kind: 'shutdown-released'
    })
  | {
      /** A sweep has taken jobs from workers that are gone. */
      kind: 'reaper-recovered'
      /** The number. */
      handled: number
      /** It handled as many as it may, so there may be more. */
      saturated: boolean
    }
  | {
      /** A sweep has failed; the next one comes all the same. */
      kind: 'reaper-error'
      /** Whether it was the first one. */
      phase: 'startup' | 'periodic'
      /** Why, in words. */
      message: string
    }

/** Receives events, synchronously. An error that it throws is ignored. */
export type JobEventListener = (event: JobEvent) => void

/**
 * A change that a call has made to a job: see {@link JobQueueOptions.onJobChange}. In a transaction of the app's it is told once the commit was
 * sent.
 */
export type JobChange =
  | (JobEventOfJob & {
      /** A job was made. */
      kind: 'enqueued'
    })
  | {
      /** No job was made, as its dedupe key is held or its id is taken. */
      kind: 'deduplicated'
      /** The type of the job that was not made. */
      type: string
      /** The job in the way; null where the call did not ask for it, or it is gone. */
      jobId: string | null
    }
  | (JobEventOfJob & {
      /** A handler has put its job off, without spending an attempt. */
      kind: 'deferred'
      /** Until the job is due again, in milliseconds. */
      delayMs: number
    })
  | (JobEventOfJob & {
      /** The orchestration of a job sleeps: the job waits, without a slot and without spending an attempt. */
      kind: 'parked'
      /** The kind of the wait. */
      waitsFor: 'sleep'
      /** When it goes on. */
      until: Date
    })
  | {
      /** A job was cancelled, or is to be. */
      kind: 'cancelled'
      /** The job's id. */
      jobId: string
      /** False while its handler is yet to hear of it. */
      ended: boolean
    }
  | {
      /** A job that had ended was made to run again. */
      kind: 'retried'
      /** The job's id. */
      jobId: string
    }

/** Receives changes, synchronously. An error that it throws is ignored. */
export type JobChangeListener = (change: JobChange) => void
