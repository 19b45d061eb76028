/**
 * The surface of the addon: all that `src/` offers and `lib/` calls. Absent values are `null`, never missing. BSON travels as
 * bytes in both directions.
 *
 * Written by scripts/native-types.mjs, from the declarations in `src/`.
 */

/** The reply to a call: exactly one of the two is not null, unless the value itself is null. */
export interface Reply<T> {
  value: T
  failure: NativeFailure | null
}

/** A reply to come. The promise never rejects. */
export type Promised<T> = Promise<Reply<T>>

/** The module. */
export interface NativeAddon {
  /**
   * The number of tasks that are alive on the engine's threads. A leak of those shows here, and nowhere else from outside.
   *
   * @throws Error: The engine's threads can't be started.
   */
  aliveTasks(): number
  /**
   * Definitions of the indexes that `startup` makes: a BSON document with the lists `indexes`, of the jobs, and
   * `beside`, of the side collection.
   *
   * @throws Error: They can't be encoded.
   */
  indexDefinitions(): Buffer
  /**
   * Opens an engine, without any round trip. Options that the engine's driver can't honour come back as a failure. `onEvent`
   * is held weakly: it keeps no process alive.
   *
   * @throws Error: The engine's threads can't be started.
   */
  openEngine(
    connection: NativeConnection,
    options: NativeEngineOptions,
    onEvent: (arg: NativeEvent) => void,
  ): Reply<NativeEngine>
  /** The package's version that this addon was built from: both sides of the border must be of one make. */
  version(): string
}

/** One collection on one connection. Every promise settles within its own bound, even while the server is away. */
export interface NativeEngine {
  /**
   * Starts to claim jobs of a type. They arrive as `jobs` events with the processor's id, which is returned.
   *
   * @throws Error: The engine's threads can't be started.
   */
  process(processor: NativeProcessor): number
  /**
   * Ends runs: those that completed, with the times that their handlers ran, and the others. Results arrive as
   * `settled` events. A run whose `lease-lost` was sent is ignored. A run whose verdict could not be written, and
   * which holds its slot, goes on as before, or its `lease-lost` follows. Then frees slots of runs that had ended
   * before. Every run ends in a verdict that frees its slot, or by its slot's being freed: until then nothing is
   * claimed for it.
   *
   * Returns false if the engine has been shut down: then no result arrives.
   *
   * @throws Error: There are not as many durations as completed runs.
   */
  finish(
    completed: Uint32Array,
    elapsedMs: Float64Array,
    others: Array<NativeRunVerdict>,
    freed: Array<NativeFreedSlot>,
  ): boolean
  /**
   * Those of these runs that no handler may be started for any more: their leases are lost or over, or the jobs
   * were given back. An event tells the fate of each. It may still be on its way, and after a pause of the whole
   * process nothing has noticed yet.
   */
  goneAmong(runIds: Uint32Array): Array<number>
  /**
   * Turns a claim made by hand into a managed run: renewed from now on, until `finish`. Its run id, or null if the lease
   * is lost.
   */
  adopt(jobId: string, claimToken: string, visibilityTimeoutMs: number): Promised<number | null>
  /** Sets the number of handlers of this processor that run at once from now on; 0 for none. */
  setConcurrency(processorId: number, concurrency: number): void
  /** Stops the claims of this processor for good, and waits for the one on its way. Idempotent. */
  stopProcessor(processorId: number): Promised<null>
  /** Stops the claims of these processors for good; their running jobs go on. Idempotent. */
  quiesce(processorIds: Array<number>): void
  /** Sends `wake` events, or stops to. */
  watch(enabled: boolean): void
  /** The state of the change stream. */
  streamState(): NativeStreamState
  /** Checks the server, creates the indexes, starts the change stream if it was asked for. */
  startup(): Promised<null>
  /** Ends everything: resolves within `timeoutMs`, whatever the server does. Twice is harmless. */
  shutdown(timeoutMs: number): Promised<null>
  /** Returns the jobs of expired leases to `pending`, or ends them if their attempts are used up. */
  recoverStuckJobs(visibilityTimeoutMs: number, maxPerSweep: number): Promised<NativeSweep>
  /**
   * Starts the sweeps that recover expired leases, jittered. Idempotent: the shortest timeout asked for wins.
   *
   * @throws Error: The engine's threads can't be started.
   */
  startRecovery(visibilityTimeoutMs: number): void
  /** Removes jobs that ended longer ago than this: the number of them. */
  cleanupOldJobs(maxAgeMs: number): Promised<number>
  /** Removes every job. */
  resetStorage(): Promised<null>
  /** Creates a job and claims it: the claimed job as BSON, or null if its key is held. */
  claimOrEnqueue(job: NativeNewJob): Promised<Buffer | null>
  /** Claims the next due job of a type: the claimed job as BSON, or null if there is none. */
  claimNext(jobType: string): Promised<Buffer | null>
  /** Claims the due job of a type and key: the claimed job as BSON, or null if there is none. */
  claimNextByKey(jobType: string, key: string): Promised<Buffer | null>
  /** Settles a claim. */
  settle(
    jobId: string,
    claimToken: string | null,
    kind: NativeVerdictKind,
    reason: string | null,
    details: NativeDetails,
  ): Promised<NativeSettled>
  /** Renews a lease. */
  heartbeat(jobId: string, claimToken: string | null): Promised<NativeHeartbeat>
  /** Renews the leases of several jobs: the number of those that are active. */
  batchHeartbeat(jobIds: Array<string>): Promised<number>
  /** Notes the progress of a handler: a BSON document with the one field `progress`. */
  progress(jobId: string, claimToken: string | null, progress: Buffer): Promised<null>
  /** Adds lines to a job's log, oldest first, with the milliseconds since each was added. */
  log(jobId: string, claimToken: string | null, messages: Array<string>, agesMs: Float64Array): Promised<null>
  /** Creates jobs, in their order. */
  enqueueMany(groups: Array<NativeNewJobs>): Promised<NativeEnqueued>
  /** Has a job that has ended begin again. */
  retry(jobId: string, terms: NativeRetry): Promised<NativeSteered>
  /** Makes a pending job due. */
  promote(jobId: string): Promised<NativeSteered>
  /** Gives a pending job another time, another priority, or both. */
  reschedule(jobId: string, terms: NativeReschedule): Promised<NativeSteered>
  /** Has those of these jobs begin again that have ended, and that are still in this status unless it is null: the number of them. */
  retryEach(jobIds: Array<string>, from: string | null): Promised<number>
  /** Makes those of these jobs due that are pending: the number of them. */
  promoteEach(jobIds: Array<string>): Promised<number>
  /** Removes those of these jobs that are not running, and that are still in this status unless it is null: the number of them. */
  removeEach(jobIds: Array<string>, from: string | null): Promised<number>
  /** Removes a job that is not running. */
  remove(jobId: string): Promised<NativeSteered>
  /** Cancels jobs, and reports the fate of each, in order. */
  cancel(jobIds: Array<string>, reason: string | null): Promised<Array<NativeCancelled>>
  /**
   * Cancels those of these jobs that have not ended, and that are still in this status unless it is null. Returns
   * the effect on each, in order.
   */
  cancelEach(jobIds: Array<string>, from: string | null): Promised<Array<NativeCancelledEach>>
  /** Those of these jobs that run and were asked to be cancelled. */
  cancelRequests(jobIds: Array<string>): Promised<Array<NativeCancelRequest>>
  /** Pauses a type in all processes. True if it was running. */
  pauseType(jobType: string, reason: string | null): Promised<boolean>
  /** Resumes a type. True if it was paused. */
  resumeType(jobType: string): Promised<boolean>
  /** The number of jobs of each type, as a BSON document. */
  counts(): Promised<Buffer>
  /** The processes with processors, as BSON documents. */
  listWorkers(): Promised<Array<Buffer>>
  /** The jobs that ended from this moment to that: a BSON document for each type and hour. */
  history(jobType: string | null, fromMs: number, toMs: number): Promised<Array<Buffer>>
  /** Writes down an act of an operator, and returns its id. */
  recordAction(action: NativeAction): Promised<string>
  /** Acts of operators, newest first, as BSON documents. */
  listActions(before: string | null, most: number): Promised<Array<Buffer>>
  /** Records steps, each under its claim. Resolves when each has an outcome. */
  appendSteps(appends: Array<NativeAppend>): Promised<NativeAppends>
  /** The write that records a step under a claim in a transaction of the app, `{ q, u }` as BSON: done if it matches. */
  planAppend(
    jobId: string,
    claimToken: string,
    step: NativeStep,
    limit: number,
    maySpill: boolean,
  ): Promised<Buffer>
  /** The effect that an append of this step would have, but for its size; null if its place is free. */
  lookAtStep(jobId: string, claimToken: string, step: NativeStep): Promised<NativeAppended | null>
  /** The journal of a job, in the order of its appends. */
  readSteps(jobId: string): Promised<Array<NativeStep>>
  /** Completes the job of an orchestration that has returned; false if it is not this claim's. */
  completeClaimed(jobId: string, claimToken: string): Promised<boolean>
  /** The server's present, in milliseconds since the epoch. */
  serverTime(): Promised<number>
  /** Schedules by these ids, or all of them if it is null. */
  schedules(ids: Array<string> | null): Promised<NativeSchedules>
  /** Changes schedules, each if it is still as it was read. Tells for each if it was. */
  changeSchedules(changes: Array<NativeScheduleChange>): Promised<Array<boolean>>
  /** Makes a job of a schedule now. */
  triggerSchedule(id: string): Promised<NativeTriggered>
  /**
   * Begins or ends to make the jobs of schedules. Those that are due come as `schedules-due` events.
   *
   * @throws Error: The engine's threads can't be started.
   */
  fireSchedules(on: boolean): void
  /** The answer to a `schedules-due` event. A schedule that is left out is passed over for a while. */
  schedulesAnswered(batch: number, firings: Array<NativeFiring>): void
  /** Shapes the writes that create these jobs. Planned jobs come in the order of the jobs. */
  planEnqueue(groups: Array<NativeNewJobs>): Promised<Array<NativePlannedJob>>
  /**
   * Shapes the write that completes a claim, `{ q, u }` as BSON: done if it matches. No round trip. The result, which the job keeps,
   * is a BSON document with the one field `result`.
   */
  planCompletion(jobId: string, claimToken: string | null, result: Buffer | null): Reply<Buffer>
  /** The fate of a claim that a transaction may have completed. If it has, the next job of its key is woken. */
  readBack(jobId: string, claimToken: string | null): Promised<NativeSettled>
  /** A job of this type may be there, due after this time: the transaction that created it is over. */
  wake(jobType: string, delayMs: number): void
  /**
   * Readies a run for a transaction that completes its job: the lease gets this length, from now on, and is not
   * renewed until `resume`. False if it is lost; then the run has only to free its slot.
   */
  suspend(runId: number, leaseMs: number): Promised<boolean>
  /**
   * The transaction of a run is over, and not known to have committed. Null: it has not, and the lease is renewed again.
   * Otherwise the run is over.
   */
  resume(runId: number, jobId: string, claimToken: string): Promised<NativeSettled | null>
  /** The transaction of a run has committed: the run is over, but for its slot. */
  completed(runId: number): void
  /** True if a job of this type and key is pending or active. */
  hasOutstanding(jobType: string, key: string): Promised<boolean>
  /** The first job that matches a filter, which is a BSON document: the job as BSON, with its logs; null if there is none. */
  findOne(filter: Buffer): Promised<Buffer | null>
  /** A job by its id, as BSON, with all that is stored of it; null if there is none. */
  getJob(id: string): Promised<Buffer | null>
  /** A page of the jobs of a filter, from a cursor on. */
  listJobs(filter: NativeJobFilter, limit: number, after: Buffer | null): Promised<NativePage>
  /**
   * The jobs of these ids that are stored, as BSON documents, end to end, with the parts that a caller of `waitFor`
   * needs.
   */
  ends(ids: Array<string>): Promised<Buffer>
  /** Counts of one type, or of all. */
  getStats(jobType: string | null): Promised<NativeStats>
}

/** An act of an operator. */
export interface NativeAction {
  /** The operator; null if unknown. */
  by: string | null
  /** The name of the act. */
  action: string
  /** The target of the act. */
  target: string | null
  /** More about it. */
  note: string | null
}

/** A step to be recorded under a claim. */
export interface NativeAppend {
  /** The job. */
  jobId: string
  /** The claim. */
  claimToken: string
  /** The step. */
  step: NativeStep
  /** The most bytes that the journal may take on the job. */
  limit: number
  /** A large value may go into a collection of its own. */
  maySpill: boolean
}

/** The effect of an append. */
export type NativeAppendStatus = 'appended' | 'already-recorded' | 'lease-lost' | 'too-large'

/** The effect of an append, and more about it. */
export interface NativeAppended {
  /** The effect. */
  status: NativeAppendStatus
  /** Set exactly when `status` is `already-recorded`: the record that is there. */
  existing: NativeStep | null
  /** Set exactly when `status` is `too-large`: the size of the journal with the record. */
  bytes: number | null
}

/** The outcomes of appends. */
export interface NativeAppends {
  /** Those of the appends that did not just succeed. */
  others: Array<NativeOtherAppend>
}

/** The growth of the wait before a retry. */
export type NativeBackoff = 'exponential' | 'fixed'

/** The request to cancel a running job. */
export interface NativeCancelRequest {
  /** The job. */
  id: string
  /** Null if none was given. */
  reason: string | null
}

/** The effect of a cancellation. */
export type NativeCancelStatus = 'cancelled' | 'requested' | 'already-terminal' | 'not-found'

/** The effect of a cancellation, with the status that kept it from applying. */
export interface NativeCancelled {
  /** The effect. */
  status: NativeCancelStatus
  /** Set exactly when `status` is `already-terminal`. */
  terminalStatus: NativeTerminalStatus | null
}

/** The effect on one job of a call that cancels many. */
export type NativeCancelledEach = 'cancelled' | 'requested' | 'skipped'

/**
 * The connection as plain data. Milliseconds, bytes and names as the MongoDB drivers specify them. If `uri` is there,
 * the other fields override it if they are not null. It has no `Debug` form: it holds credentials.
 */
export interface NativeConnection {
  uri: string | null
  hosts: Array<string>
  srvHost: string | null
  srvServiceName: string | null
  srvMaxHosts: number | null
  replicaSet: string | null
  directConnection: boolean | null
  loadBalanced: boolean | null
  username: string | null
  password: string | null
  authSource: string | null
  authMechanism: string | null
  awsSessionToken: string | null
  tls: boolean
  tlsCaFile: string | null
  tlsCa: Buffer | null
  tlsCertificateKeyFile: string | null
  tlsCertificateKey: Buffer | null
  tlsCertificateKeyPassword: string | null
  tlsAllowInvalidCertificates: boolean
  tlsAllowInvalidHostnames: boolean
  compressors: Array<string>
  zlibCompressionLevel: number | null
  maxPoolSize: number | null
  minPoolSize: number | null
  maxConnecting: number | null
  maxIdleTimeMs: number | null
  connectTimeoutMs: number | null
  serverSelectionTimeoutMs: number | null
  socketTimeoutMs: number | null
  heartbeatFrequencyMs: number | null
  localThresholdMs: number | null
  appName: string | null
  readConcernLevel: string | null
  writeConcernW: string | number | null
  writeConcernJournal: boolean | null
  writeConcernTimeoutMs: number | null
  readPreferenceMode: string | null
  readPreferenceTags: Array<Record<string, string>> | null
  maxStalenessSeconds: number | null
  retryReads: boolean | null
  retryWrites: boolean | null
  serverApiVersion: string | null
  serverApiStrict: boolean | null
  serverApiDeprecationErrors: boolean | null
  proxyHost: string | null
  proxyPort: number | null
  proxyUsername: string | null
  proxyPassword: string | null
}

/** The range of a dedupe key. */
export type NativeDedupeScope = 'pending' | 'pending+active'

/** Details beside a verdict, if there are any. */
export interface NativeDetails {
  /** The stack of a failure; null if there is none. */
  stack: string | null
  /** Milliseconds until a job that is to wait again is due again; null for the usual time. */
  delayMs: number | null
  /** The moment until which the job parks, in milliseconds since the epoch, if its handler sleeps; null for none. */
  parkedUntilMs: number | null
  /** The handler's result, to be kept: a BSON document with the one field `result`; null for nothing. */
  result: Buffer | null
  /** True if the owner settles in the midst of its work: then a job that was asked to be cancelled is not cancelled. */
  byHand: boolean
}

/** Options of an engine beside its connection. */
export interface NativeEngineOptions {
  /** The database's name. */
  database: string
  /** The collection's name. */
  collection: string
  /** True if `startup` opens a change stream. */
  useChangeStreams: boolean
  /** True if jobs are made as claimed when a processor of this engine is idle. */
  handOff: boolean
  /** Log entries that a job keeps. */
  maxLogEntries: number
  /** The longest log message, in bytes. */
  maxLogMessageBytes: number
  /** A process whose JavaScript thread has been stuck for longer than this stops renewing its leases. */
  maxBlockMs: number
  /** The machine's name. */
  host: string
  /** Versions, by the names of their parts. */
  versions: Record<string, string>
  /** Periods for which ended jobs are kept. */
  retention: Array<NativeRetention>
}

/** The failure of one job of a call. */
export interface NativeEnqueueFailure {
  /** The place of the job, counted from 0. */
  index: number
  /** Its failure. */
  failure: NativeFailure
}

/** The fate of each job of one call. */
export interface NativeEnqueued {
  /**
   * The id of each, in the order of the jobs. Null if its key is held or its id is taken, or if it stands in
   * `failures`.
   */
  ids: Array<string | null>
  /** The jobs in the way of some of the others. */
  holders: Array<NativeHolder>
  /** The failures of single jobs. */
  failures: Array<NativeEnqueueFailure>
  /** The jobs among them that are claimed already, for processors of this engine to start. */
  handedOff: Array<NativeHandedOff>
}

/** An event of the engine, told through one callback. `kind` says which of the other fields are there. */
export type NativeEvent =
  | {
      kind: 'jobs' /** The processor they are for. */
      processorId: number /** The run of each, in claim order. */
      runIds: Uint32Array /** Their BSON documents, end to end. */
      documents: Buffer
    }
  | {
      kind: 'settled' /** The runs whose jobs are completed. */
      completed: Uint32Array /** The other runs. */
      others: Array<NativeRunResult>
    }
  | {
      kind: 'lease-lost' /** The runs: abort them, settle nothing. No verdict is expected, only that their slots are freed. */
      runIds: Array<number>
    }
  | {
      kind: 'cancel-requested' /** Its run: abort it. Its verdict is expected as before. */
      runId: number /** Null if none was given. */
      reason: string | null
    }
  | {
      kind: 'taken-back' /** The runs: abort them, settle nothing. No verdict is expected, only that their slots are freed. */
      runIds: Array<number>
    }
  | { kind: 'paused'; /** The type: runs of it that have not started are to be given back. */ type: string }
  | { kind: 'ping' }
  | {
      kind: 'schedules-due' /** The number to give back with the answer. */
      batch: number /** The server's clock, in milliseconds since the epoch. */
      nowMs: number /** Their BSON documents, end to end: `_id`, `spec`, `nextRunAt` and `skipped`. */
      documents: Buffer
    }
  | { kind: 'wake'; /** The type of which a job may be claimable; empty for any type. */ type: string }
  | { kind: 'stream'; /** The new state. */ state: NativeStreamState }
  | {
      kind: 'recovered' /** The number of jobs. */
      handled: number /** True if there may be more. */
      saturated: boolean /** The jobs that are known to be recovered by this sweep. */
      jobs: Array<NativeRecoveredJob>
    }
  | {
      kind: 'recovery-failed' /** The phase of the sweep. */
      phase: NativeSweepPhase /** The reason. */
      message: string
    }
  | {
      kind: 'log' /** The level. */
      level: NativeLogLevel /** The message. */
      message: string /** Its fields. */
      fields: Record<string, string>
    }

/** An unexpected failure. `lib/` makes an error of it, with the caller's stack. */
export interface NativeFailure {
  /** A stable code, one of the public `ErrorCode`. */
  code: string
  /** The message of the error. */
  message: string
  /** The server's own error code, if the server refused. */
  serverCode: number | null
}

/** The calendar's answer about a schedule that is due. */
export interface NativeFiring {
  /** The schedule's place in the event. */
  place: number
  /** Occurrences to make jobs of, in milliseconds since the epoch, ascending. */
  occurrencesMs: Float64Array
  /** The newest occurrence that has come, made or not. */
  lastMs: number
  /** The next one; null if there is none any more. */
  nextMs: number | null
}

/** The end of a handler whose run had ended before: settled by it, completed in a transaction, or lost. */
export interface NativeFreedSlot {
  /** The run. No verdict of it comes any more. */
  runId: number
  /** Time that the handler ran; null if it never started. */
  elapsedMs: number | null
}

/** A claimed job, to be started once its call has its answer. */
export interface NativeHandedOff {
  /** The processor that it was claimed for. */
  processorId: number
  /** Its run. */
  runId: number
  /** The job as BSON. */
  document: Buffer
}

/** The effect of a renewal. */
export type NativeHeartbeat = 'applied' | 'lease-lost'

/** The job in the way of one job of a call. */
export interface NativeHolder {
  /** The place of the job, counted from 0. */
  index: number
  /** The id of the job in the way; null if it is gone. */
  id: string | null
  /** True if that one has the data now. */
  isCoalesced: boolean
}

/** The jobs to list. */
export interface NativeJobFilter {
  /** Their status. */
  status: string
  /** Their types; none stands for all. */
  types: Array<string>
  /** Their dedupe key. */
  dedupeKey: string | null
  /** Conditions on their payload, as a BSON document. */
  conditions: Buffer
}

/** Options of new jobs. `lib/` has checked every value and filled in every default. */
export interface NativeJobSettings {
  /** The kind of work. */
  type: string
  /** Lower runs first. */
  priority: number
  /** Milliseconds before the job may be claimed. */
  delayMs: number
  /** The moment from which on it may be claimed, in milliseconds since the epoch, instead of a delay; null for none. */
  runAtMs: number | null
  /** After this many attempts a failure is final. */
  maxAttempts: number
  /** Null exactly when there is no dedupe key. */
  dedupeScope: NativeDedupeScope | null
  /** `coalesce: 'latest'`: the data of a pending holder of the key is replaced. */
  coalesceLatest: boolean
  /** Milliseconds for which the key stays held, even after the job's end; null for none. */
  dedupeForMs: number | null
  /** True if the caller asks for the id of a job in the way. */
  detailed: boolean
  /** The longest that its handler may take, in milliseconds; null for its processor's limit. */
  timeoutMs: number | null
  /** Milliseconds after which it is not worth starting any more; null for none. */
  expiresInMs: number | null
  /** Null for the default. */
  backoff: NativeBackoff | null
  /** The shortest wait before a retry; null for the default. */
  backoffDelayMs: number | null
  /** The longest wait before a retry; null for the default. */
  backoffMaxDelayMs: number | null
}

/** The status of a job. */
export type NativeJobStatus = 'pending' | 'active' | 'completed' | 'failed' | 'superseded'

/** The urgency of a message. */
export type NativeLogLevel = 'debug' | 'info' | 'warn' | 'error'

/** A job to be created. */
export interface NativeNewJob {
  /** Its options. */
  settings: NativeJobSettings
  /** Its id, or null for a new one. */
  id: string | null
  /** The key it holds. */
  dedupeKey: string | null
  /** The `traceparent` of the trace that it is made in, and behind a line break its `tracestate` if there is one; null for none. */
  trace: string | null
  /** A BSON document with the one field `data`. */
  payload: Buffer
}

/** Jobs to be created that share their options. */
export interface NativeNewJobs {
  /** The options of all of them. */
  settings: NativeJobSettings
  /** The id of each, or null for new ones. */
  ids: Array<string> | null
  /** The key of each, or null. */
  dedupeKeys: Array<string> | null
  /** The trace of each, as that of a single job, or null. */
  traces: Array<string> | null
  /** A BSON document for each with the one field `data`, end to end. */
  payloads: Buffer
}

/** The outcome of one append of a call. */
export interface NativeOtherAppend {
  /** Its place in the call, counted from 0. */
  index: number
  /** Null exactly when `failure` is not. */
  appended: NativeAppended | null
  /** Its failure. */
  failure: NativeFailure | null
}

/** A page of a list. */
export interface NativePage {
  /** The jobs as BSON documents, end to end, without payloads. */
  documents: Buffer
  /** The cursor of the next page; null after the last one. */
  next: Buffer | null
  /** The number of jobs that were looked at. */
  looked: number
  /** True if the look ended with the page or the list, and not by its own bounds. */
  isComplete: boolean
}

/** The writes that create one job in a transaction of the app. */
export interface NativePlannedJob {
  /** The new job's id. */
  id: string
  /**
   * BSON documents to run in order: `{ insert }`, a document, or `{ q, u, upsert }`, a statement of an `update` command.
   * The job was made if the last one inserted a document. If that matched one instead, its key is held.
   */
  writes: Array<Buffer>
}

/** A processor. */
export interface NativeProcessor {
  /** The type it handles. */
  type: string
  /** Handlers at once. */
  concurrency: number
  /** The longest silence between two looks; null for the default, which depends on push. */
  pollIntervalMs: number | null
  /** The time between two renewals; null for the default: a quarter of the lease. */
  heartbeatIntervalMs: number | null
  /** The longest that a lease may be. */
  visibilityTimeoutMs: number
  /** Jobs held beyond the free slots; null to size them by measurement, 0 for none. */
  prefetch: number | null
}

/** A job that a sweep has recovered. */
export interface NativeRecoveredJob {
  /** Its id. */
  jobId: string
  /** Its type. */
  type: string
  /** The attempt that its holder left. */
  attempt: number
  /** The attempts that it may have. */
  maxAttempts: number
  /** Its end: `exhausted`, `cancelled` or `superseded`; null if it runs again. */
  ending: string | null
}

/** The new time and priority of a job. Of `delayMs` and `runAtMs` one at most is set. */
export interface NativeReschedule {
  /** Milliseconds until the job is due. */
  delayMs: number | null
  /** The moment from which the job is due, in milliseconds since the epoch. */
  runAtMs: number | null
  /** Null to keep it. */
  priority: number | null
}

/** Periods for which ended jobs are kept, in milliseconds; null for good. */
export interface NativeRetention {
  /** One type; null for all that are not named. */
  type: string | null
  /** After completion. */
  completedMs: number | null
  /** After a job has failed for good. */
  failedMs: number | null
  /** After a follower took over. */
  supersededMs: number | null
}

/** The terms of a retry. */
export interface NativeRetry {
  /** A BSON document with the one field `data`; null to keep the data. */
  payload: Buffer | null
  /** Milliseconds until the job is due. */
  delayMs: number
  /** Null to keep it. */
  maxAttempts: number | null
}

/** The result of one verdict that did not complete its job. */
export interface NativeRunResult {
  /** The run. */
  runId: number
  /** Null exactly when `failure` is not. */
  settled: NativeSettled | null
  /** The failure of the write. */
  failure: NativeFailure | null
}

/** The end of a run that did not complete, or whose handler has not ended. */
export interface NativeRunVerdict {
  /** The run. */
  runId: number
  /** Its verdict. */
  kind: NativeVerdictKind
  /** The reason of a failure. */
  reason: string | null
  /** Further details. */
  details: NativeDetails
  /** False while the handler works on; then a `NativeFreedSlot` follows. */
  freesSlot: boolean
  /** Time that the handler ran; null if it never started. The engine sizes its prefetch by it, if the slot is free. */
  elapsedMs: number | null
}

/**
 * A change of one schedule. With `rev` it applies only to the schedule as it was read, without it only if there is
 * none.
 */
export interface NativeScheduleChange {
  /** The id that users know it by. */
  id: string
  /** Its revision when it was read; null if there was none. */
  rev: string | null
  /** Its next occurrence when it was read, in milliseconds since the epoch; null if it had none. */
  nextMs: number | null
  /** Its new fields as BSON, among them a new revision; null to remove it. */
  fields: Buffer | null
  /** Fields that it has no more. */
  unset: Array<string>
}

/** Stored schedules. */
export interface NativeSchedules {
  /** The server's clock, in milliseconds since the epoch. */
  nowMs: number
  /** Their BSON documents, end to end, without payloads. */
  documents: Buffer
}

/** The effect of a verdict. */
export type NativeSettleStatus =
  | 'completed'
  | 'retry-scheduled'
  | 'failed-terminal'
  | 'superseded'
  | 'released'
  | 'cancelled'
  | 'already-terminal'
  | 'lease-lost'
  | 'not-found'

/** The effect of a verdict, with the status that kept it from applying. */
export interface NativeSettled {
  /** The effect. */
  status: NativeSettleStatus
  /** Set exactly when `status` is `already-terminal`. */
  terminalStatus: NativeTerminalStatus | null
}

/** Counts by status, and the lag of the queue. */
export interface NativeStats {
  /** Jobs that wait. */
  pending: number
  /** Claimed jobs. */
  active: number
  /** Jobs that ended well. */
  completed: number
  /** Jobs that failed for good. */
  failed: number
  /** Jobs whose follower covers the work. */
  superseded: number
  /** The `runAt` of the oldest job that is due, in milliseconds since the epoch; null if none is. */
  oldestPendingRunAtMs: number | null
  /** Time for which that job has been due; 0 if none is. */
  oldestPendingLagMs: number
}

/** The effect of a change. */
export type NativeSteerStatus =
  'done' | 'key-held' | 'wrong-status' | 'has-journal' | 'held-by-schedule' | 'not-found'

/** The effect of a change, with the cause if it was not made. */
export interface NativeSteered {
  /** The effect. */
  status: NativeSteerStatus
  /** The id of the job that holds the key; set exactly when `status` is `key-held`. */
  holder: string | null
  /** The status that the job has; set exactly when `status` is `wrong-status`. */
  jobStatus: NativeJobStatus | null
}

/** A step, as it is recorded. */
export interface NativeStep {
  /** The branch that it stands in; null for none. */
  path: string | null
  /** Its place there. */
  seq: number
  /** Its name. */
  name: string
  /** Its kind; null for a plain step. */
  kind: string | null
  /** A BSON document with the one field `result`, or `error`. */
  value: Buffer
  /** The moment of its record, in milliseconds since the epoch; not heeded if a step is recorded. */
  tsMs: number
}

/** The state of the change stream. */
export type NativeStreamState = 'off' | 'connecting' | 'streaming' | 'reconnecting'

/** The result of a sweep. */
export interface NativeSweep {
  /** Jobs taken from holders that were gone. */
  handled: number
  /** True if there may be more. */
  saturated: boolean
}

/** The phases of sweeps. */
export type NativeSweepPhase = 'startup' | 'periodic'

/** A status that nothing leads out of. */
export type NativeTerminalStatus = 'completed' | 'failed' | 'superseded'

/** The fate of a job that was to be made of a schedule. */
export type NativeTriggerStatus = 'created' | 'duplicate' | 'not-found'

/** The same, with the job's id. */
export interface NativeTriggered {
  /** The fate of the job. */
  status: NativeTriggerStatus
  /** Set exactly when it was made. */
  id: string | null
}

/** The verdict on a claim. */
export type NativeVerdictKind = 'complete' | 'fail' | 'failFatal' | 'release'
