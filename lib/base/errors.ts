import type { DurablErrorOptions, EnqueueManyOutcome, ErrorCode } from '../types'
import { callersFrames, fromCaller, isFrame, stackOf } from './stack'

/** The base of all errors of durabl, except for malformed arguments: see {@link argumentError}. */
export class DurablError extends Error {
  readonly code: ErrorCode
  // Declared only: an error without a server code should not print one as undefined.
  declare readonly serverCode?: number

  constructor(code: ErrorCode, message: string, options: DurablErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    if (options.serverCode !== undefined) this.serverCode = options.serverCode
  }

  // On the prototype, as with the built-in errors, and by class, so that minifiers may rename classes.
  static {
    nameErrors(this, 'DurablError')
  }
}

/** A connection option of the app's client can't be carried over. */
export class UnsupportedOptionError extends DurablError {
  static {
    nameErrors(this, 'UnsupportedOptionError')
  }
}

/** No server could be reached, or the connection broke before the reply. */
export class ConnectionError extends DurablError {
  static {
    nameErrors(this, 'ConnectionError')
  }
}

/** The server refused the credentials. */
export class AuthenticationError extends DurablError {
  static {
    nameErrors(this, 'AuthenticationError')
  }
}

/** The credentials are right, but the user may not do this. */
export class PermissionError extends DurablError {
  static {
    nameErrors(this, 'PermissionError')
  }
}

/** The server is too old, or of a kind that can't do it. */
export class ServerUnsupportedError extends DurablError {
  static {
    nameErrors(this, 'ServerUnsupportedError')
  }
}

/** The server refused an operation. */
export class ServerError extends DurablError {
  static {
    nameErrors(this, 'ServerError')
  }
}

/** Something took too long: the server, or a handler. */
export class TimeoutError extends DurablError {
  static {
    nameErrors(this, 'TimeoutError')
  }
}

/** The lease of a run is gone. */
export class LeaseLostError extends DurablError {
  static {
    nameErrors(this, 'LeaseLostError')
  }
}

/** The queue or the backend was shut down. */
export class ShutDownError extends DurablError {
  static {
    nameErrors(this, 'ShutDownError')
  }
}

/** A payload can't be stored, or read. */
export class PayloadError extends DurablError {
  static {
    nameErrors(this, 'PayloadError')
  }
}

/** Some jobs of many were not created. */
export class EnqueueManyError extends DurablError {
  readonly results: readonly EnqueueManyOutcome[]

  constructor(results: readonly EnqueueManyOutcome[]) {
    const errors = results.flatMap((result) => (result.status === 'failed' ? [result.error] : []))
    const reason = errors[0] === undefined ? '' : `: ${errors[0].message}`
    const became = errors.some(isUnsure) ? 'may not have been created' : 'were not created'
    super(
      'ERR_DURABL_ENQUEUE_MANY',
      `enqueueMany: ${errors.length} of ${results.length} jobs ${became}${reason}`,
      { cause: errors[0] },
    )
    this.results = results
  }

  static {
    nameErrors(this, 'EnqueueManyError')
  }
}

/** Thrown by a handler to fail its job for good. */
export class FatalJobError extends DurablError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('ERR_DURABL_FATAL_JOB', message, 'cause' in options ? { cause: options.cause } : {})
  }

  static {
    nameErrors(this, 'FatalJobError')
  }
}

/** Thrown by a handler to have its job run later, without counting the attempt. */
export class DeferJobError extends DurablError {
  readonly delayMs: number

  constructor(delayMs: number, options: { cause?: unknown } = {}) {
    if (typeof delayMs !== 'number') {
      throw argumentError(
        TypeError,
        `DeferJobError: delayMs must be a number of milliseconds; got ${typeof delayMs}`,
      )
    }
    if (!(delayMs >= 0 && delayMs <= LONGEST_DELAY_MS)) {
      throw argumentError(
        RangeError,
        `DeferJobError: delayMs must be a number from 0 to ${LONGEST_DELAY_MS} milliseconds; got ${delayMs}`,
      )
    }
    super(
      'ERR_DURABL_DEFERRED',
      `the job is deferred by ${delayMs} ms`,
      'cause' in options ? { cause: options.cause } : {},
    )
    this.delayMs = Math.ceil(delayMs)
  }

  static {
    nameErrors(this, 'DeferJobError')
  }
}

/** A hundred years, as for every other delay. */
const LONGEST_DELAY_MS = 3_155_760_000_000

/** With these codes the work may have been done: the reply was lost, or says that the write is not confirmed. */
const UNSURE: ReadonlySet<unknown> = new Set<ErrorCode>([
  'ERR_DURABL_WRITE_FAILED',
  'ERR_DURABL_TIMEOUT',
  'ERR_DURABL_CONNECTION',
])

function isUnsure(error: Error): boolean {
  return 'code' in error && UNSURE.has(error.code)
}

/** Names the errors of a class on its prototype. */
export function nameErrors(errorClass: { prototype: object }, name: string): void {
  Object.defineProperty(errorClass.prototype, 'name', { value: name, writable: true, configurable: true })
}

type ErrorClass = new (code: ErrorCode, message: string, options?: DurablErrorOptions) => DurablError

/**
 * The class of an error, by its code: the one table of codes. `null`: the code is no {@link DurablError}'s, but a `TypeError`'s or
 * `RangeError`'s.
 */
const ERROR_CLASSES: Readonly<Record<ErrorCode, ErrorClass | null>> = {
  ERR_DURABL_INVALID_ARGUMENT: null,
  ERR_DURABL_UNSUPPORTED_OPTION: UnsupportedOptionError,
  ERR_DURABL_CONNECTION: ConnectionError,
  ERR_DURABL_AUTHENTICATION: AuthenticationError,
  ERR_DURABL_PERMISSION_DENIED: PermissionError,
  ERR_DURABL_SERVER_TOO_OLD: ServerUnsupportedError,
  ERR_DURABL_NOT_A_REPLICA_SET: ServerUnsupportedError,
  ERR_DURABL_INDEX_CONFLICT: ServerError,
  ERR_DURABL_WRITE_FAILED: ServerError,
  ERR_DURABL_SERVER: ServerError,
  ERR_DURABL_TIMEOUT: TimeoutError,
  ERR_DURABL_HANDLER_TIMEOUT: TimeoutError,
  ERR_DURABL_CANCELLED: DurablError,
  ERR_DURABL_LEASE_LOST: LeaseLostError,
  ERR_DURABL_SHUT_DOWN: ShutDownError,
  ERR_DURABL_PAYLOAD_TOO_LARGE: PayloadError,
  ERR_DURABL_PAYLOAD_NOT_ENCODABLE: PayloadError,
  ERR_DURABL_PAYLOAD_NOT_DECODABLE: PayloadError,
  // The class makes its own code, here and below, so it is not made by code.
  ERR_DURABL_ENQUEUE_MANY: DurablError,
  ERR_DURABL_DUPLICATE_PROCESSOR: DurablError,
  ERR_DURABL_NO_GLOBAL_BACKEND: DurablError,
  ERR_DURABL_GLOBAL_SCOPE_OVERLAP: DurablError,
  ERR_DURABL_SCHEDULE_OWNED: DurablError,
  ERR_DURABL_TRANSACTION: DurablError,
  ERR_DURABL_UNSUPPORTED: DurablError,
  ERR_DURABL_ADDON_MISSING: DurablError,
  ERR_DURABL_DRIVER_MISSING: DurablError,
  ERR_DURABL_FATAL_JOB: DurablError,
  ERR_DURABL_NON_RETRYABLE: DurablError,
  ERR_DURABL_NONDETERMINISM: DurablError,
  ERR_DURABL_STEP_RESULT: DurablError,
  ERR_DURABL_JOURNAL_TOO_LARGE: DurablError,
  ERR_DURABL_JOURNAL_DAMAGED: DurablError,
  ERR_DURABL_STEP_REFUSED: DurablError,
  ERR_DURABL_STEP_TIMEOUT: DurablError,
  ERR_DURABL_MAX_DURATION: DurablError,
  ERR_DURABL_DEADLINE: DurablError,
  ERR_DURABL_ORCHESTRATION_UNSUPPORTED: DurablError,
  ERR_DURABL_ORCHESTRATOR_CONFLICT: DurablError,
  ERR_DURABL_HEARTBEAT_CONFLICT: DurablError,
  ERR_DURABL_DEFERRED: DurablError,
  ERR_DURABL_INTERNAL: DurablError,
}

/** The error of a code, in its class. */
function durablError(code: ErrorCode, message: string, options?: DurablErrorOptions): Error {
  const errorClass = ERROR_CLASSES[code]
  return errorClass === null ? argumentError(TypeError, message) : new errorClass(code, message, options)
}

/**
 * A malformed argument: a `TypeError` for the wrong kind of value, a `RangeError` for the right kind out of bounds. Its stack
 * begins at the call.
 */
export function argumentError<E extends Error>(errorClass: new (message: string) => E, message: string): E {
  return fromCaller(Object.assign(new errorClass(message), { code: 'ERR_DURABL_INVALID_ARGUMENT' as const }))
}

/** An unexpected failure as the engine reports it. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly serverCode: number | null
}

/** The origin of a call: an object that `Error.captureStackTrace` was called on before the call went out. */
export interface CallSite {
  stack?: string
}

/** Makes an error out of a failure, with the stack of the call that failed instead of the place where it arrived. */
export function failureToError(failure: Failure, caller: CallSite | null): Error {
  const { message, serverCode } = failure
  const code: ErrorCode = isErrorCode(failure.code) ? failure.code : 'ERR_DURABL_INTERNAL'
  const error = durablError(code, message, serverCode === null ? {} : { serverCode })
  const frames = framesOf(caller)
  if (frames !== null) error.stack = `${error.name}: ${message}\n${frames}`
  return error
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CLASSES, code)
}

function framesOf(caller: CallSite | null): string | null {
  const stack = caller === null ? null : stackOf(caller)
  const frames = (stack ?? '').split('\n').filter(isFrame)
  return frames.length === 0 ? null : callersFrames(frames).join('\n')
}
