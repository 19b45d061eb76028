/** The journal of an orchestration: its step records, stored on the job's document. */
import type { IJobQueueBackend } from './backend.js'
import type { CompleteOptions } from './transact.js'
import type { NondeterminismError } from './orchestration-errors.js'
import type { JobQueue } from './queue.js'

/** A recorded failure of a step, as `octx.tryStep` returns it. */
export interface StepFailure {
  /** The error's `name`. */
  name: string
  /** The error's `message`. */
  message: string
  /** The error's `code`, if it was a string. */
  code?: string
}

/** One entry of a journal: the result of one step, recorded once. */
export interface StepRecord {
  /** The step's place: 0, 1, 2, … in the order of the calls. −1 is the record behind `now()` and `uuid()`, −2 that of a wait. */
  seq: number
  /** The name that the orchestration gave the step. */
  name: string
  /** The step's result. A step that returned nothing has `{ __durablVoid: true }` here; a replay returns `undefined`. */
  result: unknown
  /** When the step was recorded, by the server's clock. */
  ts: Date
  /** The branch of the step, as the places of the branches that lead to it; absent outside of branches. */
  path?: string
  /**
   * Absent for steps. `'sleep'`: the result is the moment at which the sleep ends. `'retry'`: a step has failed and waits for its next try; the
   * result is the moment of that try. `path` is then the step's place, a dot, and the number of failed tries.
   */
  kind?: 'sleep' | 'retry'
  /** The failure that `tryStep` recorded instead of a result. */
  error?: StepFailure
}

/** The mark of a job whose orchestration sleeps or waits to try a step again. The job is pending, uses no slot, and is due when the wait ends. */
export interface ParkedJob {
  /** The kind of wait. */
  kind: 'sleep'
  /** When the job is due, by the server's clock. */
  until: Date
}

/**
 * The result of `appendStep`:
 *
 * - `appended`: the record is in the journal, and the lease is renewed.
 * - `already-recorded`: the journal has a record of that place and name, which is `existing`.
 * - `lease-lost`: the job is not active under this token; nothing was written.
 */
export type AppendStepResult =
  | {
      /** The fate of the record. */
      status: 'appended' | 'lease-lost'
    }
  | {
      /** The step was recorded before. */
      status: 'already-recorded'
      /** The stored record. */
      existing: StepRecord
    }

/** Options of `appendStep`. */
export interface AppendStepOptions extends CompleteOptions {
  /**
   * Allows a large result to be stored beside the job, as `journal: 'spill'` of a definition requests. In memory this option decides how much
   * of `journalSoftLimitBytes` such a result takes. Default false.
   */
  spill?: boolean | undefined
}

/** The result of `completeClaimed`. */
export type CompleteClaimedResult = 'completed' | 'lease-lost'

/** The result of `heartbeatClaimed`. */
export type HeartbeatClaimedResult = 'heartbeated' | 'lease-lost'

/** The two journal methods that a running orchestration calls. */
export interface StepJournalPort {
  /** See {@link JournalBackend.appendStep}. */
  appendStep(
    jobId: string,
    claimToken: string,
    record: StepRecord,
    options?: AppendStepOptions,
  ): Promise<AppendStepResult>
  /** See {@link JournalBackend.heartbeatClaimed}. */
  heartbeatClaimed(jobId: string, claimToken: string): Promise<HeartbeatClaimedResult>
}

/** The part of a backend that keeps journals. A backend has all four methods or none. See {@link IJobQueueBackend}. */
export interface JournalBackend {
  /** Returns the journal of a job by ascending place; empty if the job has none or does not exist. */
  readSteps?(jobId: string): Promise<StepRecord[]>
  /**
   * Adds a record while the job is active under this token, and renews the lease.
   *
   * With a session, the record is the last write of the transaction in progress there. Only a backend that has `transactions` receives a session.
   *
   * Rejects with a {@link NondeterminismError} if the journal has another name at that place. Rejects with a `NonSerializableStepResult` or
   * a `JournalTooLarge` if the result can't be kept. In these cases nothing is written.
   */
  appendStep?(
    jobId: string,
    claimToken: string,
    record: StepRecord,
    options?: AppendStepOptions,
  ): Promise<AppendStepResult>
  /**
   * Completes a job whose orchestration has returned. The job must be active under this token, or a sweep must have failed it under this token
   * because its attempts were used up.
   */
  completeClaimed?(jobId: string, claimToken: string): Promise<CompleteClaimedResult>
  /** Renews the lease of an active job under this token. */
  heartbeatClaimed?(jobId: string, claimToken: string): Promise<HeartbeatClaimedResult>
}
