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
 * The kind of an error, for code to switch on. Codes are stable; messages are not.
 *
 * | code | class | meaning |
 * |---|---|---|
 * | `ERR_DURABL_INVALID_ARGUMENT` | `TypeError`, `RangeError` | an argument is malformed; nothing was done |
 * | `ERR_DURABL_UNSUPPORTED_OPTION` | {@link UnsupportedOptionError} | a connection option can't be carried over |
 * | `ERR_DURABL_CONNECTION` | {@link ConnectionError} | no server could be reached, or the connection broke |
 * | `ERR_DURABL_AUTHENTICATION` | {@link AuthenticationError} | the server refused the credentials |
 * | `ERR_DURABL_PERMISSION_DENIED` | {@link PermissionError} | the database user lacks a privilege |
 * | `ERR_DURABL_SERVER_TOO_OLD` | {@link ServerUnsupportedError} | the server is older than MongoDB 6.0 |
 * | `ERR_DURABL_NOT_A_REPLICA_SET` | {@link ServerUnsupportedError} | change streams and transactions need a replica set |
 * | `ERR_DURABL_INDEX_CONFLICT` | {@link ServerError} | existing data or indexes prevent the creation of an index |
 * | `ERR_DURABL_WRITE_FAILED` | {@link ServerError} | the server could not confirm a write under its write concern; the write may be stored |
 * | `ERR_DURABL_SERVER` | {@link ServerError} | any other error of the server |
 * | `ERR_DURABL_TIMEOUT` | {@link TimeoutError} | the server did not answer in time |
 * | `ERR_DURABL_HANDLER_TIMEOUT` | {@link TimeoutError} | a handler ran longer than its `timeoutMs` |
 * | `ERR_DURABL_CANCELLED` | {@link DurablError} | the job of a run was cancelled |
 * | `ERR_DURABL_LEASE_LOST` | {@link LeaseLostError} | a run has lost its lease |
 * | `ERR_DURABL_SHUT_DOWN` | {@link ShutDownError} | a call came after `shutdown`, or was cut short by it |
 * | `ERR_DURABL_PAYLOAD_TOO_LARGE` | {@link PayloadError} | a payload exceeds MongoDB's limit for documents |
 * | `ERR_DURABL_PAYLOAD_NOT_ENCODABLE` | {@link PayloadError} | BSON can't represent a payload |
 * | `ERR_DURABL_PAYLOAD_NOT_DECODABLE` | {@link PayloadError} | the app's options or JavaScript can't read a claimed job; its attempt fails |
 * | `ERR_DURABL_ENQUEUE_MANY` | {@link EnqueueManyError} | some jobs of an `enqueueMany` were not created, or may not have been |
 * | `ERR_DURABL_DUPLICATE_PROCESSOR` | {@link DurablError} | `process` was called twice for one type |
 * | `ERR_DURABL_NO_GLOBAL_BACKEND` | {@link DurablError} | `setGlobalBackend` was not called |
 * | `ERR_DURABL_GLOBAL_SCOPE_OVERLAP` | {@link DurablError} | one `withGlobalQueue` runs within or beside another |
 * | `ERR_DURABL_SCHEDULE_OWNED` | {@link DurablError} | the schedule is in the list of an owner |
 * | `ERR_DURABL_TRANSACTION` | {@link DurablError} | a transaction is settling the job, or has settled it |
 * | `ERR_DURABL_UNSUPPORTED` | {@link DurablError} | the backend does not support the call |
 * | `ERR_DURABL_ADDON_MISSING` | {@link DurablError} | the native engine could not be loaded |
 * | `ERR_DURABL_DRIVER_MISSING` | {@link DurablError} | the peer package `mongodb` could not be loaded |
 * | `ERR_DURABL_FATAL_JOB` | {@link FatalJobError} | a handler threw this error to fail its job for good |
 * | `ERR_DURABL_NON_RETRYABLE` | {@link NonRetryable} | an app threw this error to fail its orchestration for good |
 * | `ERR_DURABL_NONDETERMINISM` | {@link NondeterminismError} | an orchestration asks for another step than its journal has |
 * | `ERR_DURABL_STEP_RESULT` | {@link NonSerializableStepResult} | a step returned a value that a journal can't keep |
 * | `ERR_DURABL_JOURNAL_TOO_LARGE` | {@link JournalTooLarge} | a record does not fit into its journal |
 * | `ERR_DURABL_JOURNAL_DAMAGED` | {@link DurablError} | the stored journal of a job can't be read; the job fails for good |
 * | `ERR_DURABL_STEP_REFUSED` | {@link DurablError} | a step was called within a step, or after the end of its attempt |
 * | `ERR_DURABL_STEP_TIMEOUT` | {@link StepTimeout} | a step ran longer than its limit |
 * | `ERR_DURABL_MAX_DURATION` | {@link MaxDurationExceeded} | an attempt of an orchestration ran longer than its limit |
 * | `ERR_DURABL_DEADLINE` | {@link DeadlineExceeded} | all attempts of an orchestration together took longer than their limit |
 * | `ERR_DURABL_ORCHESTRATION_UNSUPPORTED` | {@link OrchestrationUnsupportedError} | the backend can't run orchestrations |
 * | `ERR_DURABL_ORCHESTRATOR_CONFLICT` | {@link OrchestratorTypeConflict} | the type of a definition has a processor already |
 * | `ERR_DURABL_HEARTBEAT_CONFLICT` | {@link HeartbeatConfigConflict} | a definition's visibility timeout is longer than its queue's |
 * | `ERR_DURABL_DEFERRED` | {@link DeferJobError} | a handler threw this error to run its job later |
 * | `ERR_DURABL_INTERNAL` | {@link DurablError} | durabl itself is at fault: please report it |
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

/** The optional parts of a {@link DurablError}. */
export interface DurablErrorOptions {
  /** The error that caused this one. */
  cause?: unknown
  /** The error code of the MongoDB server. */
  serverCode?: number | undefined
}

/** The base class of all errors of durabl. Malformed arguments are the exception: they throw `TypeError` or `RangeError`. */
export class DurablError extends Error {
  constructor(code: ErrorCode, message: string, options?: DurablErrorOptions)
  /** The kind of the error, for code to switch on. */
  readonly code: ErrorCode
  /** The error code of the MongoDB server, if the server refused the operation. */
  readonly serverCode?: number
}

/** A connection option of the app's client can't be carried over. The message names the option and an alternative. */
export class UnsupportedOptionError extends DurablError {}
/** No server could be reached, or the connection broke before the reply. */
export class ConnectionError extends DurablError {}
/** The server refused the credentials. Check the user name, the password and the authentication database. */
export class AuthenticationError extends DurablError {}
/** The credentials are right, but the database user lacks a privilege for the operation. */
export class PermissionError extends DurablError {}
/** The server is too old, or its deployment lacks a feature that the call needs. */
export class ServerUnsupportedError extends DurablError {}
/** The server refused an operation; `serverCode` has its error code. */
export class ServerError extends DurablError {}
/** The server, or a handler, took too long. */
export class TimeoutError extends DurablError {}
/** A run has lost its lease, so nothing that it does counts any more. Also the reason of an aborted `ctx.signal`. */
export class LeaseLostError extends DurablError {}
/** The queue or the backend was shut down. */
export class ShutDownError extends DurablError {}
/** A payload can't be stored or can't be read. */
export class PayloadError extends DurablError {}
/**
 * Some jobs of a {@link JobQueue.enqueueMany} were not created, or their fate is unknown. Jobs whose result is `failed` can be tried again.
 * `cause` is the first of their errors.
 */
export class EnqueueManyError extends DurablError {
  constructor(results: readonly EnqueueManyOutcome[])
  /** The fate of each job, in the order of the call. */
  readonly results: readonly EnqueueManyOutcome[]
}

/**
 * A handler throws this error to fail its job for good, even if it has attempts left.
 *
 * ```ts
 * if (!user) throw new FatalJobError(`no such user: ${job.data.userId}`)
 * ```
 */
export class FatalJobError extends DurablError {
  constructor(message: string, options?: { cause?: unknown })
}

/**
 * A handler throws this error to run its job later. The job is pending again and due after `delayMs`, and the attempt does not count. If a
 * follower is waiting under its key, the follower supersedes the job, as after a release.
 *
 * ```ts
 * if (response.status === 429) throw new DeferJobError(60_000)
 * ```
 *
 * On a backend of your own without `cancel`, it counts as an ordinary error.
 */
export class DeferJobError extends DurablError {
  /**
   * @param delayMs milliseconds until the job is due; 0 or more
   * @throws TypeError, RangeError if `delayMs` is not such a number
   */
  constructor(delayMs: number, options?: { cause?: unknown })
  /** Milliseconds until the job is due. */
  readonly delayMs: number
}
