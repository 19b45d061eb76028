/** Errors, and their codes. */
import type {
  DeadlineExceeded,
  HeartbeatConfigConflict,
  JournalTooLarge,
  MaxDurationExceeded,
  NonRetryable,
  NonSerializableStepResult,
  NondeterminismError,
  OrchestrationUnsupportedError,
  OrchestratorTypeConflict,
  StepTimeout,
} from './orchestration-errors.js'
import type { EnqueueManyOutcome } from './produce.js'
import type { JobQueue } from './queue.js'

/**
 * The kind of the error, for code to switch on. Codes are stable; messages are not.
 *
 * | code | class | meaning |
 * |---|---|---|
 * | `ERR_DURABL_INVALID_ARGUMENT` | `TypeError`, `RangeError` | malformed argument; nothing was done |
 * | `ERR_DURABL_UNSUPPORTED_OPTION` | {@link UnsupportedOptionError} | a connection option can't be carried over |
 * | `ERR_DURABL_CONNECTION` | {@link ConnectionError} | no server reachable, or the connection broke |
 * | `ERR_DURABL_AUTHENTICATION` | {@link AuthenticationError} | the server refused the credentials |
 * | `ERR_DURABL_PERMISSION_DENIED` | {@link PermissionError} | the user may not do this |
 * | `ERR_DURABL_SERVER_TOO_OLD` | {@link ServerUnsupportedError} | MongoDB 6.0 is the floor |
 * | `ERR_DURABL_NOT_A_REPLICA_SET` | {@link ServerUnsupportedError} | change streams and transactions need a replica set |
 * | `ERR_DURABL_INDEX_CONFLICT` | {@link ServerError} | an index can't be created on the data or indexes there are |
 * | `ERR_DURABL_WRITE_FAILED` | {@link ServerError} | the server could not confirm a write as the write concern asks; it may be stored |
 * | `ERR_DURABL_SERVER` | {@link ServerError} | any other error of the server |
 * | `ERR_DURABL_TIMEOUT` | {@link TimeoutError} | the server did not answer in time |
 * | `ERR_DURABL_HANDLER_TIMEOUT` | {@link TimeoutError} | a handler ran longer than its `timeoutMs` |
 * | `ERR_DURABL_CANCELLED` | {@link DurablError} | the job of a run was cancelled |
 * | `ERR_DURABL_LEASE_LOST` | {@link LeaseLostError} | a run's lease is gone |
 * | `ERR_DURABL_SHUT_DOWN` | {@link ShutDownError} | used after, or cut short by, `shutdown` |
 * | `ERR_DURABL_PAYLOAD_TOO_LARGE` | {@link PayloadError} | over MongoDB's document limit |
 * | `ERR_DURABL_PAYLOAD_NOT_ENCODABLE` | {@link PayloadError} | not representable in BSON |
 * | `ERR_DURABL_PAYLOAD_NOT_DECODABLE` | {@link PayloadError} | a claimed job that the app's options or JavaScript can't read; its attempt fails |
 * | `ERR_DURABL_ENQUEUE_MANY` | {@link EnqueueManyError} | some jobs of an `enqueueMany` were not created, or may not have been |
 * | `ERR_DURABL_DUPLICATE_PROCESSOR` | {@link DurablError} | a second `process` for one type |
 * | `ERR_DURABL_NO_GLOBAL_BACKEND` | {@link DurablError} | `setGlobalBackend` was not called |
 * | `ERR_DURABL_GLOBAL_SCOPE_OVERLAP` | {@link DurablError} | `withGlobalQueue` within or beside another |
 * | `ERR_DURABL_SCHEDULE_OWNED` | {@link DurablError} | a schedule that stands in the list of an owner |
 * | `ERR_DURABL_TRANSACTION` | {@link DurablError} | not while, or after, a transaction settles the job |
 * | `ERR_DURABL_UNSUPPORTED` | {@link DurablError} | this backend can't do that |
 * | `ERR_DURABL_ADDON_MISSING` | {@link DurablError} | the native engine could not be loaded |
 * | `ERR_DURABL_DRIVER_MISSING` | {@link DurablError} | the peer package `mongodb` could not be loaded |
 * | `ERR_DURABL_FATAL_JOB` | {@link FatalJobError} | thrown by a handler to fail for good |
 * | `ERR_DURABL_NON_RETRYABLE` | {@link NonRetryable} | thrown by an app to fail an orchestration for good |
 * | `ERR_DURABL_NONDETERMINISM` | {@link NondeterminismError} | an orchestration asks for another step than its journal has |
 * | `ERR_DURABL_STEP_RESULT` | {@link NonSerializableStepResult} | a step returned what a journal can't keep |
 * | `ERR_DURABL_JOURNAL_TOO_LARGE` | {@link JournalTooLarge} | a record does not fit into its journal |
 * | `ERR_DURABL_JOURNAL_DAMAGED` | {@link DurablError} | a journal on a job's document is not one; its job fails for good |
 * | `ERR_DURABL_STEP_REFUSED` | {@link DurablError} | a step within a step, or after the end of its attempt |
 * | `ERR_DURABL_STEP_TIMEOUT` | {@link StepTimeout} | a step ran longer than its limit |
 * | `ERR_DURABL_MAX_DURATION` | {@link MaxDurationExceeded} | an attempt of an orchestration ran longer than its limit |
 * | `ERR_DURABL_DEADLINE` | {@link DeadlineExceeded} | all attempts of an orchestration together took longer than their limit |
 * | `ERR_DURABL_ORCHESTRATION_UNSUPPORTED` | {@link OrchestrationUnsupportedError} | this backend can't run orchestrations |
 * | `ERR_DURABL_ORCHESTRATOR_CONFLICT` | {@link OrchestratorTypeConflict} | a definition for a type that has a processor |
 * | `ERR_DURABL_HEARTBEAT_CONFLICT` | {@link HeartbeatConfigConflict} | a definition's visibility timeout is longer than its queue's |
 * | `ERR_DURABL_DEFERRED` | {@link DeferJobError} | thrown by a handler to have its job run later |
 * | `ERR_DURABL_INTERNAL` | {@link DurablError} | a fault of durabl's own: please report it |
 */
export type ErrorCode =
  | 'ERR_DURABL_INVALID_ARGUMENT'
  | 'ERR_DURABL_UNSUPPORTED_OPTION'
  | 'ERR_DURABL_CONNECTION'
  | 'ERR_DURABL_AUTHENTICATION'
  | 'ERR_DURABL_PERMISSION_DENIED'
  | 'ERR_DURABL_SERVER_TOO_OLD'
  | 'ERR_DURABL_NOT_A_REPLICA_SET'
  | 'ERR_DURABL_INDEX_CONFLICT'
  | 'ERR_DURABL_WRITE_FAILED'
  | 'ERR_DURABL_SERVER'
  | 'ERR_DURABL_TIMEOUT'
  | 'ERR_DURABL_HANDLER_TIMEOUT'
  | 'ERR_DURABL_CANCELLED'
  | 'ERR_DURABL_LEASE_LOST'
  | 'ERR_DURABL_SHUT_DOWN'
  | 'ERR_DURABL_PAYLOAD_TOO_LARGE'
  | 'ERR_DURABL_PAYLOAD_NOT_ENCODABLE'
  | 'ERR_DURABL_PAYLOAD_NOT_DECODABLE'
  | 'ERR_DURABL_ENQUEUE_MANY'
  | 'ERR_DURABL_DUPLICATE_PROCESSOR'
  | 'ERR_DURABL_NO_GLOBAL_BACKEND'
  | 'ERR_DURABL_GLOBAL_SCOPE_OVERLAP'
  | 'ERR_DURABL_SCHEDULE_OWNED'
  | 'ERR_DURABL_TRANSACTION'
  | 'ERR_DURABL_UNSUPPORTED'
  | 'ERR_DURABL_ADDON_MISSING'
  | 'ERR_DURABL_DRIVER_MISSING'
  | 'ERR_DURABL_FATAL_JOB'
  | 'ERR_DURABL_NON_RETRYABLE'
  | 'ERR_DURABL_NONDETERMINISM'
  | 'ERR_DURABL_STEP_RESULT'
  | 'ERR_DURABL_JOURNAL_TOO_LARGE'
  | 'ERR_DURABL_JOURNAL_DAMAGED'
  | 'ERR_DURABL_STEP_REFUSED'
  | 'ERR_DURABL_STEP_TIMEOUT'
  | 'ERR_DURABL_MAX_DURATION'
  | 'ERR_DURABL_DEADLINE'
  | 'ERR_DURABL_ORCHESTRATION_UNSUPPORTED'
  | 'ERR_DURABL_ORCHESTRATOR_CONFLICT'
  | 'ERR_DURABL_HEARTBEAT_CONFLICT'
  | 'ERR_DURABL_DEFERRED'
  | 'ERR_DURABL_INTERNAL'

/** The parts of a {@link DurablError}, beside code and message. */
export interface DurablErrorOptions {
  /** The error before this one. */
  cause?: unknown
  /** The server's own error code. */
  serverCode?: number | undefined
}

/** The base of all errors of durabl, except for malformed arguments, which are `TypeError` or `RangeError`. */
export class DurablError extends Error {
  constructor(code: ErrorCode, message: string, options?: DurablErrorOptions)
  /** The kind of the error, for code to switch on. */
  readonly code: ErrorCode
  /** The server's own error code, where the server said no. */
  readonly serverCode?: number
}

/** A connection option of the app's client can't be carried over. The message names it and the way out. */
export class UnsupportedOptionError extends DurablError {}
/** No server could be reached, or the connection broke before the reply. */
export class ConnectionError extends DurablError {}
/** The server refused the credentials. */
export class AuthenticationError extends DurablError {}
/** The credentials are right, but the user may not do this. */
export class PermissionError extends DurablError {}
/** The server is too old, or of a kind that can't do what was asked. */
export class ServerUnsupportedError extends DurablError {}
/** The server refused an operation; see `serverCode`. */
export class ServerError extends DurablError {}
/** Something took too long: the server, or a handler. */
export class TimeoutError extends DurablError {}
/** The lease of a run is gone, so nothing that it does counts any more. The reason of an aborted `ctx.signal`. */
export class LeaseLostError extends DurablError {}
/** The queue or the backend was shut down. */
export class ShutDownError extends DurablError {}
/** A payload can't be stored, or read. */
export class PayloadError extends DurablError {}
/**
 * Some jobs of an {@link JobQueue.enqueueMany} were not created, or it is not known. The part of the call that can be tried again: the jobs
 * whose result is `failed`. `cause` is the first of their errors.
 */
export class EnqueueManyError extends DurablError {
  constructor(results: readonly EnqueueManyOutcome[])
  /** The fate of each job, in the order of the call. */
  readonly results: readonly EnqueueManyOutcome[]
}

/**
 * Thrown by a handler to fail its job for good, whatever attempts are left.
 *
 * ```ts
 * if (!user) throw new FatalJobError(`no such user: ${job.data.userId}`)
 * ```
 */
export class FatalJobError extends DurablError {
  constructor(message: string, options?: { cause?: unknown })
}

/**
 * Thrown by a handler to have its job run later: it is pending again, due after `delayMs`, and the attempt does not count. Its follower,
 * if one is waiting under its key, supersedes it, as it does after a release.
 *
 * ```ts
 * if (response.status === 429) throw new DeferJobError(60_000)
 * ```
 *
 * On a backend of your own without `cancel` it counts as any other error.
 */
export class DeferJobError extends DurablError {
  /**
   * @param delayMs milliseconds until the job is due; 0 or more
   * @throws TypeError, RangeError if it is none
   */
  constructor(delayMs: number, options?: { cause?: unknown })
  /** Milliseconds until the job is due. */
  readonly delayMs: number
}
