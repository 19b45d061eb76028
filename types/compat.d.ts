/** Parts for apps of earlier versions: the global queue, a separate change-stream watcher, and former type names. */
import type { ReaperStartResult } from './admin.js'
import type { IJobQueueBackend } from './backend.js'
import type {
  CompleteResult,
  FailFatalResult,
  FailResult,
  HeartbeatResult,
  ReleaseResult,
  SettleMiss,
} from './claims.js'
import type { DriverCollection, DriverDb } from './driver.js'
import type { JobEventListener } from './events.js'
import type { Backoff } from './job.js'
import type { JobTypes } from './job-types.js'
import type { Logger, defaultLogger } from './logging.js'
import type { MongoJobQueue } from './mongo.js'
import type { EnqueueOptions } from './produce.js'
import type { JobQueueOptions } from './queue-options.js'
import type { JobQueue } from './queue.js'
import type { JobAvailableListener } from './work.js'

/** Watches a collection for claimable jobs, by a change stream of the app's own driver. A {@link MongoJobQueue} does not need it. */
export class MongoChangeStreamWatcher {
  constructor(collection: DriverCollection, db: DriverDb, logger?: Logger)
  /** Adds a listener for jobs that become claimable, at any time. Returns a function that ends this subscription. */
  addListener(listener: JobAvailableListener): () => void
  /** Ends all subscriptions of a listener. */
  removeListener(listener: JobAvailableListener): void
  /**
   * Opens the stream and keeps it open until `stop`. Resolves when the server has accepted the stream.
   *
   * @throws ServerUnsupportedError if the server has no change streams; ConnectionError if it can't be reached; ShutDownError if
   * `stop` was called meanwhile
   */
  start(): Promise<void>
  /** Closes the stream, even one that `start` is still opening. Harmless if there is none. */
  stop(): Promise<void>
}

/** Options of queues on the global backend. */
export interface GlobalQueueOptions extends JobQueueOptions {
  /** Default {@link defaultLogger}. */
  logger?: Logger | undefined
}

/** Sets the backend and options that {@link getDefaultQueue} and {@link createJobQueue} use. `null` unsets the backend. */
export function setGlobalBackend(backend: IJobQueueBackend | null, options?: GlobalQueueOptions): void

/** Returns the backend that was set. @throws DurablError `ERR_DURABL_NO_GLOBAL_BACKEND` if none was set */
export function getGlobalBackend(): IJobQueueBackend

/** Returns the one shared queue on the global backend. The first call makes it, and so does the first call after a change of backend. */
export function getDefaultQueue<Jobs extends object = JobTypes>(): JobQueue<Jobs>

/** Makes a queue on this backend, or on the global one. `overrides` take precedence over the global options. */
export function createJobQueue<Jobs extends object = JobTypes>(
  backend?: IJobQueueBackend,
  overrides?: GlobalQueueOptions,
): JobQueue<Jobs>

/**
 * Makes a backend the global one while a callback runs. Afterwards it restores the previous backend and options, and shuts down the queue
 * that it made.
 *
 * ```ts
 * await withGlobalQueue(new DummyBackend(), async (queue) => { … })
 * ```
 *
 * To use a map of job types, annotate the callback's parameter: `(queue: JobQueue<Jobs>) => …`.
 *
 * @returns what the callback resolves to
 * @throws DurablError `ERR_DURABL_GLOBAL_SCOPE_OVERLAP` if another such scope is open
 */
export function withGlobalQueue<R, Jobs extends object = JobTypes>(
  backend: IJobQueueBackend,
  callback: (queue: JobQueue<Jobs>) => R | PromiseLike<R>,
): Promise<R>
export function withGlobalQueue<R, Jobs extends object = JobTypes>(
  backend: IJobQueueBackend,
  options: GlobalQueueOptions,
  callback: (queue: JobQueue<Jobs>) => R | PromiseLike<R>,
): Promise<R>

/** The name of {@link CompleteResult} in earlier versions. */
export type CompleteJobResult = CompleteResult
/** The name of {@link FailResult} in earlier versions. */
export type FailJobResult = FailResult
/** The name of {@link FailFatalResult} in earlier versions. */
export type FailFatalJobResult = FailFatalResult
/** The name of {@link ReleaseResult} in earlier versions. */
export type ReleaseJobResult = ReleaseResult
/** The name of {@link SettleMiss} in earlier versions. */
export type TerminalWriteMissResult = SettleMiss
/** The name of {@link HeartbeatResult} in earlier versions. */
export type LifecycleWriteResult = HeartbeatResult
/** The name of {@link ReaperStartResult} in earlier versions. */
export type StartReaperResult = ReaperStartResult
/** The name of {@link JobEventListener} in earlier versions. */
export type JobEventSink = JobEventListener
/** The name of {@link Backoff} in earlier versions. */
export type BackoffStrategy = Backoff
/** The options of {@link EnqueueOptions} that set how long a retry waits. */
export type BackoffConfig = Pick<EnqueueOptions, 'backoff' | 'backoffDelay' | 'backoffMaxDelay'>
