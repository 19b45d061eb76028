/** Errors of orchestrations. */
import type { DurablError, FatalJobError } from './errors.js'
import type { Orchestrator } from './orchestration.js'

/** Thrown by an app, in a step or beside one, to fail its job for good. */
export class NonRetryable extends DurablError {
  constructor(message: string, options?: { cause?: unknown })
}

/** An orchestration asked, at a recorded place, for a step of another name. Fatal: a retry would do the same. */
export class NondeterminismError extends DurablError {
  constructor(jobId: string, seq: number, expected: string, actual: string)
  /** The job. */
  readonly jobId: string
  /** The place of the step. */
  readonly seq: number
  /** The name in the journal. */
  readonly expected: string
  /** The name that was asked for. */
  readonly actual: string
}

/** A step returned a value that a journal can't keep. Fatal: the step has had its effect, and would return the same again. */
export class NonSerializableStepResult extends DurablError {
  constructor(step: string, reason: string)
  /** The step's name. */
  readonly step: string
  /** The kind of value and where it stands, as a path from `<result>` on. */
  readonly reason: string
}

/** A record does not fit into the journal. Fatal. */
export class JournalTooLarge extends DurablError {
  constructor(step: string, approxBytes: number)
  /** The step's name. */
  readonly step: string
  /** The size that the journal would have had, in bytes, about. */
  readonly approxBytes: number
}

/** Orchestrations can't run here: a method of the backend is missing, or it runs handlers inline. Fatal. */
export class OrchestrationUnsupportedError extends DurablError {
  constructor(method: string, detail?: string)
  /** The part that is missing. */
  readonly method: string
  /** More about it. */
  readonly detail: string | undefined
}

/** A step ran longer than its limit. The attempt fails, and is retried. */
export class StepTimeout extends DurablError {
  constructor(step: string, timeoutMs: number)
  /** The step's name. */
  readonly step: string
  /** Its limit, in milliseconds. */
  readonly timeoutMs: number
}

/** An attempt ran longer than `maxDurationMs`. It fails, and is retried. */
export class MaxDurationExceeded extends DurablError {
  constructor(maxDurationMs: number)
  /** The limit, in milliseconds. */
  readonly maxDurationMs: number
}

/** An orchestration was not done within `deadlineMs` of its first attempt. Fatal. */
export class DeadlineExceeded extends DurablError {
  constructor(deadlineMs: number)
  /** The limit, in milliseconds. */
  readonly deadlineMs: number
}

/** {@link Orchestrator.define} for a type that has a processor or a definition. */
export class OrchestratorTypeConflict extends DurablError {
  constructor(type: string)
  /** The type. */
  readonly type: string
}

/** The `visibilityTimeoutMs` of a definition is longer than the queue's, by which jobs are recovered. */
export class HeartbeatConfigConflict extends DurablError {
  constructor(overrideMs: number, reaperMs: number)
  /** The definition's, in milliseconds. */
  readonly overrideMs: number
  /** The queue's, in milliseconds. */
  readonly reaperMs: number
}

/**
 * Whether an error ends an orchestration for good, whatever attempts are left. Told by its code, so that an error of another copy of this
 * package counts as well. A {@link FatalJobError} ends every job for good, and is no error of orchestrations.
 */
export function isFatalOrchestrationError(error: unknown): boolean
