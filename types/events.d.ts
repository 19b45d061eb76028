/** Events about jobs and the queue. */
import type { JobQueueOptions } from './queue.js'

/**
 * The settlement or renewal that found its lease gone. `'heartbeat-deadline'`: no renewal was answered in time, so the lease has to be
 * considered lost.
 */
export type LeaseOperation =
  'complete' | 'fail' | 'failFatal' | 'release' | 'heartbeat' | 'heartbeat-deadline'

/** What all events about a job say. */
export interface JobEventOfJob {
  /** The job's type. */
  type: string
  /** The job's id. */
  jobId: string
}

/** What all events about the end of a run say. */
export interface JobEventOfRun extends JobEventOfJob {
  /** How long the run took, in milliseconds. */
  durationMs: number
}

/** What happened to a job, or to the queue: see {@link JobQueueOptions.onJobEvent}. */
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
    })
  | (JobEventOfRun & {
      /** The lease of a run is gone: what it did does not count. */
      kind: 'lease-lost'
      /** What found that out. */
      op: LeaseOperation
    })
  | (JobEventOfJob & {
      /** A claim was given back by the shutdown, with its attempt. */
      kind: 'shutdown-released'
    })
  | {
      /** A sweep has taken jobs from workers that are gone. */
      kind: 'reaper-recovered'
      /** How many. */
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

/** Receives events, synchronously. What it throws is ignored. */
export type JobEventListener = (event: JobEvent) => void
