/** The journal of an orchestration: its step records, which stand on the job's document. */
import type { IJobQueueBackend } from './backend.js'
import type { CompleteOptions } from './transact.js'
import type { NondeterminismError } from './orchestration-errors.js'
import type { JobQueue } from './queue.js'

/** A recorded failure of a step, as `octx.tryStep` answers with it. */
export interface StepFailure {
  /** The error's `name`. */
  name: string
  /** The error's `message`. */
  message: string
  /** The error's `code`, where it had one that is a string. */
  code?: string
}

/** One element of a journal: the result of one step, recorded once. */
export interface StepRecord {
  /** The step's place: 0, 1, 2, … in the order of the calls. −1 is the record behind `now()` and `uuid()`, −2 that of a wait. */
  seq: number
  /** The name that the orchestration gave the step. */
  name: string
  /** The step's result. A step without one has `{ __durablVoid: true }` here, and is answered with `undefined`. */
  result: unknown
  /** When it was recorded, by the server's clock. */
  ts: Date
  /** In which branch the step stands, by the places of the branches; absent outside of branches. */
  path?: string
  /**
   * Absent for steps. `'sleep'`: the result is the moment at which the sleep ends. `'retry'`: a step failed, and waits for its next try until
   * the moment that is the result; `path` is the place of the step, a dot and the number of tries that have failed.
   */
  kind?: 'sleep' | 'retry'
  /** The failure that `tryStep` recorded, in place of a result. */
  error?: StepFailure
}

/** The mark of a job whose orchestration sleeps, or waits to try a step again: it is pending, holds no slot, and is due when it is to wake. */
export interface ParkedJob {
  /** The kind of the wait: for a time. */
  kind: 'sleep'
  /** When it is due, by the server's clock. */
  until: Date
}

/**
 * The result of `appendStep`:
 *
 * - `appended`: the record is in the journal, and the lease is renewed.
 * - `already-recorded`: the journal has a record of that place and name; `existing` is that one.
 * - `lease-lost`: the job is not active under this token; nothing was written.
 */
export type AppendStepResult =
  | {
      /** The fate of the record. */
      status: 'appended' | 'lease-lost'
    }
  | {
      /** It was recorded before. */
      status: 'already-recorded'
      /** The record that is stored. */
      existing: StepRecord
    }

/** Options of `appendStep`. */
export interface AppendStepOptions extends CompleteOptions {
  /**
   * Lets a large result stand beside the job, as `journal: 'spill'` of a definition asks for. In memory it says how much of
   * `journalSoftLimitBytes` such a result takes. Default false.
   */
  spill?: boolean | undefined
}

/** The result of `completeClaimed`. */
export type CompleteClaimedResult = 'completed' | 'lease-lost'

/** The result of `heartbeatClaimed`. */
export type HeartbeatClaimedResult = 'heartbeated' | 'lease-lost'

/** The two journal methods that a running orchestration uses. */
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

/** A backend, as far as it keeps journals; all of these four methods, or none. See {@link IJobQueueBackend}. */
export interface JournalBackend {
  /** The journal of a job, by ascending place; empty if it has none, or there is no such job. */
  readSteps?(jobId: string): Promise<StepRecord[]>
  /**
   * Adds a record, while the job is active under this token, and renews the lease.
   *
   * With a session it is part of the transaction in progress there, as its last write; only a backend that has `transactions` is given one.
   *
   * Rejects with a {@link NondeterminismError} if the journal has another name at that place; with a `NonSerializableStepResult` or a
   * `JournalTooLarge` if the result can't be kept. Nothing is written then.
   */
  appendStep?(
    jobId: string,
    claimToken: string,
    record: StepRecord,
    options?: AppendStepOptions,
  ): Promise<AppendStepResult>
  /**
   * Completes a job whose orchestration has returned: an active one under this token, and also one that a sweep has failed under it
   * because its attempts were used up.
   */
  completeClaimed?(jobId: string, claimToken: string): Promise<CompleteClaimedResult>
  /** Renews the lease of an active job under this token. */
  heartbeatClaimed?(jobId: string, claimToken: string): Promise<HeartbeatClaimedResult>
}
