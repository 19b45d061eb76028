/** Errors of orchestrations. */
import type { DurablError, FatalJobError } from './errors.js'
import type { Orchestrator } from './orchestration.js'

/** An app throws this error, within a step or outside of steps, to fail its job for good. */
export class NonRetryable extends DurablError {
  constructor(message: string, options?: { cause?: unknown })
}

/** An orchestration asked for a step of another name than its journal has at that place. Fatal, as a retry would do the same. */
export class NondeterminismError extends DurablError {
  constructor(jobId: string, seq: number, expected: string, actual: string)
  /** The job's id. */
  readonly jobId: string
  /** The place of the step. */
  readonly seq: number
  /** The step's name in the journal. */
  readonly expected: string
  /** The name that the orchestration asked for. */
  readonly actual: string
}

/** A step returned a value that a journal can't keep. Fatal: the step has taken effect, and would return such a value again. */
export class NonSerializableStepResult extends DurablError {
  constructor(step: string, reason: string)
  /** The step's name. */
  readonly step: string
  /** The kind of value and its place, as a path that begins with `<result>`. */
  readonly reason: string
}

/** A record does not fit into the journal. Fatal. See `journalSoftLimitBytes` of the backend's options. */
export class JournalTooLarge extends DurablError {
  constructor(step: string, approxBytes: number)
  /** The step's name. */
  readonly step: string
  /** The approximate size that the journal would have had, in bytes. */
  readonly approxBytes: number
}

/** The backend can't run orchestrations: it lacks a method, or runs handlers inline. Fatal. */
export class OrchestrationUnsupportedError extends DurablError {
  constructor(method: string, detail?: string)
  /** The missing method or feature. */
  readonly method: string
  /** More details, if any. */
  readonly detail: string | undefined
}

/** A step exceeded its time limit. The attempt fails, and is retried. */
export class StepTimeout extends DurablError {
  constructor(step: string, timeoutMs: number)
  /** The step's name. */
  readonly step: string
  /** The time limit, in milliseconds. */
  readonly timeoutMs: number
}

/** An attempt exceeded `maxDurationMs`. The attempt fails, and is retried. */
export class MaxDurationExceeded extends DurablError {
  constructor(maxDurationMs: number)
  /** The limit, in milliseconds. */
  readonly maxDurationMs: number
}

/** An orchestration did not end within `deadlineMs` of its first attempt. Fatal. */
export class DeadlineExceeded extends DurablError {
  constructor(deadlineMs: number)
  /** The limit, in milliseconds. */
  readonly deadlineMs: number
}

/** {@link Orchestrator.define} was called for a type that already has a processor or a definition. */
export class OrchestratorTypeConflict extends DurablError {
  constructor(type: string)
  /** The type. */
  readonly type: string
}

/** The `visibilityTimeoutMs` of a definition is longer than that of the queue, after which jobs are recovered. */
export class HeartbeatConfigConflict extends DurablError {
  constructor(overrideMs: number, reaperMs: number)
  /** The definition's visibility timeout, in milliseconds. */
  readonly overrideMs: number
  /** The queue's visibility timeout, in milliseconds. */
  readonly reaperMs: number
}

/**
 * Returns whether an error ends an orchestration for good, even if attempts are left. Decides by the error's code, so an error of another copy
 * of this package counts as well. A {@link FatalJobError} is not an error of orchestrations, although it ends any job for good.
 */
export function isFatalOrchestrationError(error: unknown): boolean
