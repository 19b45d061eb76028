/** Errors of orchestrations; documented in the public types. */
import type { ErrorCode } from '../types'
import { DurablError, nameErrors } from './errors'
import { isError } from './reason'

/** Thrown by an app to fail its job for good. */
export class NonRetryable extends DurablError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('ERR_DURABL_NON_RETRYABLE', message, 'cause' in options ? { cause: options.cause } : {})
  }

  static {
    nameErrors(this, 'NonRetryable')
  }
}

/** A journal has another name at a place. */
export class NondeterminismError extends DurablError {
  constructor(
    readonly jobId: string,
    readonly seq: number,
    readonly expected: string,
    readonly actual: string,
  ) {
    super(
      'ERR_DURABL_NONDETERMINISM',
      `nondeterminism in job ${jobId}: at step ${seq} its journal has ${JSON.stringify(expected)}, and this attempt asks for ` +
        `${JSON.stringify(actual)}; code outside of steps must do the same at each attempt`,
    )
  }

  static {
    nameErrors(this, 'NondeterminismError')
  }
}

/** A result that a journal can't keep. */
export class NonSerializableStepResult extends DurablError {
  constructor(
    readonly step: string,
    readonly reason: string,
  ) {
    super(
      'ERR_DURABL_STEP_RESULT',
      `step ${JSON.stringify(step)} returned a result that can't be recorded: ${reason}`,
    )
  }

  static {
    nameErrors(this, 'NonSerializableStepResult')
  }
}

/** A record that does not fit. */
export class JournalTooLarge extends DurablError {
  constructor(
    readonly step: string,
    readonly approxBytes: number,
  ) {
    super(
      'ERR_DURABL_JOURNAL_TOO_LARGE',
      `with the result of step ${JSON.stringify(step)} the journal would take about ${approxBytes} bytes, which is too large: store ` +
        'large results elsewhere, and return a reference',
    )
  }

  static {
    nameErrors(this, 'JournalTooLarge')
  }
}

/** Orchestrations can't run here. */
export class OrchestrationUnsupportedError extends DurablError {
  constructor(
    readonly method: string,
    readonly detail: string | undefined = undefined,
  ) {
    super(
      'ERR_DURABL_ORCHESTRATION_UNSUPPORTED',
      `durable orchestration is not possible here, because of ${method}: ${detail ?? `the backend has no ${method}()`}`,
    )
  }

  static {
    nameErrors(this, 'OrchestrationUnsupportedError')
  }
}

/** A step past its limit. */
export class StepTimeout extends DurablError {
  constructor(
    readonly step: string,
    readonly timeoutMs: number,
  ) {
    super(
      'ERR_DURABL_STEP_TIMEOUT',
      `step ${JSON.stringify(step)} ran longer than its limit of ${timeoutMs} ms`,
    )
  }

  static {
    nameErrors(this, 'StepTimeout')
  }
}

/** An attempt past its limit. */
export class MaxDurationExceeded extends DurablError {
  constructor(readonly maxDurationMs: number) {
    super('ERR_DURABL_MAX_DURATION', `this attempt ran longer than its maxDurationMs (${maxDurationMs} ms)`)
  }

  static {
    nameErrors(this, 'MaxDurationExceeded')
  }
}

/** All attempts together past their limit. */
export class DeadlineExceeded extends DurablError {
  constructor(readonly deadlineMs: number) {
    super(
      'ERR_DURABL_DEADLINE',
      `the orchestration was not done within its deadlineMs (${deadlineMs} ms) of its first attempt`,
    )
  }

  static {
    nameErrors(this, 'DeadlineExceeded')
  }
}

/** A second definition of a type. */
export class OrchestratorTypeConflict extends DurablError {
  constructor(readonly type: string) {
    super(
      'ERR_DURABL_ORCHESTRATOR_CONFLICT',
      `define: the queue already has a processor or a definition for type ${JSON.stringify(type)}`,
    )
  }

  static {
    nameErrors(this, 'OrchestratorTypeConflict')
  }
}

/** A timeout that is longer than the one by which jobs are recovered. */
export class HeartbeatConfigConflict extends DurablError {
  constructor(
    readonly overrideMs: number,
    readonly reaperMs: number,
  ) {
    super(
      'ERR_DURABL_HEARTBEAT_CONFLICT',
      `define: option "visibilityTimeoutMs" (${overrideMs} ms) is looser than the queue's (${reaperMs} ms), after which jobs are recovered: ` +
        'make it shorter, or leave it out',
    )
  }

  static {
    nameErrors(this, 'HeartbeatConfigConflict')
  }
}

/** Codes of errors that end an orchestration for good. */
const FATAL: ReadonlySet<unknown> = new Set<ErrorCode>([
  'ERR_DURABL_NON_RETRYABLE',
  'ERR_DURABL_NONDETERMINISM',
  'ERR_DURABL_STEP_RESULT',
  'ERR_DURABL_JOURNAL_TOO_LARGE',
  'ERR_DURABL_JOURNAL_DAMAGED',
  'ERR_DURABL_STEP_REFUSED',
  'ERR_DURABL_ORCHESTRATION_UNSUPPORTED',
  'ERR_DURABL_DEADLINE',
])

/** Judges by the code, as the error may come from another copy of this package. Never throws. */
export function isFatalOrchestrationError(error: unknown): boolean {
  try {
    return isError(error) && FATAL.has((error as { code?: unknown }).code)
  } catch {
    return false
  }
}
