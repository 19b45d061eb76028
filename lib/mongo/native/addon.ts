/**
 * The addon's surface: what `src/` (Rust) offers and `lib/` calls. Names and order are the same on both sides.
 * Absent values are `null`, never missing. BSON travels as bytes in both directions.
 */

/** An unexpected failure, as data: `errors.ts` turns it into an error class with the caller's stack. */
export interface NativeFailure {
  /** A stable code, one of `ErrorCode` in `errors.ts`. */
  code: string
  message: string
  /** The server's own error code, where the server said no. */
  serverCode: number | null
}

/** What every call resolves to: exactly one of the two is not null, unless the value itself is null. */
export interface Reply<T> {
  value: T
  failure: NativeFailure | null
}

/** How jobs are to be queued; every default has been filled in and every value checked. */
export interface NativeJobSettings {
  type: string
  priority: number
  delayMs: number
  maxAttempts: number
  /** Null exactly when there is no dedupe key. */
  dedupeScope: 'pending' | 'pending+active' | null
  /** `coalesce: 'latest'`: replace the data of the pending holder of the key. */
  coalesceLatest: boolean
  backoff: 'exponential' | 'fixed' | null
  backoffDelayMs: number | null
  backoffMaxDelayMs: number | null
}

/** A job to be created. */
export interface NativeNewJob {
  settings: NativeJobSettings
  dedupeKey: string | null
  /** A BSON document with the one field `data`. */
  payload: Buffer
}

/** Jobs to be created that are to be queued alike. */
export interface NativeNewJobs {
  settings: NativeJobSettings
  /** One for each job, or null. */
  dedupeKeys: string[] | null
  /** The payloads, end to end. */
  payloads: Buffer
}

/** What became of jobs. */
export interface NativeEnqueued {
  /** The id of each, in the order of the jobs; null if its key is held, or if it stands in `failures`. */
  ids: (string | null)[]
  failures: NativeEnqueueFailure[]
}

export interface NativeEnqueueFailure {
  /** Which job, counted from 0. */
  index: number
  failure: NativeFailure
}

/** What makes one job in a transaction of the app's. */
export interface NativePlannedJob {
  id: string
  /**
   * BSON documents to run in order: `{ insert }`, a document, or `{ q, u, upsert }`, a statement of an `update` command. The job
   * was made if the last one inserted a document; if that matched one instead, its key is held.
   */
  writes: Buffer[]
}

export type NativeVerdictKind = 'complete' | 'fail' | 'failFatal' | 'release'

export type NativeSettleStatus =
  | 'completed'
  | 'retry-scheduled'
  | 'failed-terminal'
  | 'superseded'
  | 'released'
  | 'already-terminal'
  | 'lease-lost'
  | 'not-found'

export interface NativeSettled {
  status: NativeSettleStatus
  /** Set exactly when `status` is `already-terminal`. */
  terminalStatus: 'completed' | 'failed' | 'superseded' | null
}

export interface NativeStats {
  pending: number
  active: number
  completed: number
  failed: number
  superseded: number
  /** Milliseconds since the epoch, of the oldest job that is due. */
  oldestPendingRunAtMs: number | null
  oldestPendingLagMs: number
}

export interface NativeProcessor {
  type: string
  concurrency: number
  /** The longest silence between two looks; null for the default, which depends on push. */
  pollIntervalMs: number | null
  /** Null for the default: a quarter of the lease. */
  heartbeatIntervalMs: number | null
  visibilityTimeoutMs: number
  /** How many jobs to hold beyond the free slots; null to size it by measurement, 0 for none. */
  prefetch: number | null
}

/** The end of a run that did not complete, or whose handler has not ended. */
export interface NativeRunVerdict {
  runId: number
  kind: NativeVerdictKind
  reason: string | null
  /** Not while the handler works on; then a `NativeFreedSlot` follows. */
  freesSlot: boolean
  /** How long the handler ran; null if it never started. The engine sizes its prefetch by it, if the slot is free. */
  elapsedMs: number | null
}

/** The end of a handler whose run had ended before: settled by it, completed in a transaction, or lost. */
export interface NativeFreedSlot {
  /** No verdict of this run will come any more. */
  runId: number
  /** As in {@link NativeRunVerdict}. */
  elapsedMs: number | null
}

export interface NativeRunResult {
  runId: number
  /** Null exactly when `failure` is not. */
  settled: NativeSettled | null
  failure: NativeFailure | null
}

export type StreamState = 'off' | 'connecting' | 'streaming' | 'reconnecting'

/** What the engine tells JavaScript, through one callback. `kind` says which of the other fields are there. */
export type NativeEvent =
  /** Claimed jobs: `documents` holds `runIds.length` BSON documents, end to end, in claim order. */
  | { kind: 'jobs'; processorId: number; runIds: Uint32Array; documents: Buffer }
  /** Verdicts that are durable now: the runs whose jobs are completed, and what became of the others. */
  | { kind: 'settled'; completed: Uint32Array; others: NativeRunResult[] }
  /** Runs whose lease is gone: abort them, settle nothing. No verdict is expected, only that their slots are freed. */
  | { kind: 'lease-lost'; runIds: number[] }
  /** Runs whose jobs the engine gives back by itself, since it is shut down. As above. */
  | { kind: 'taken-back'; runIds: number[] }
  /** Asks whether this thread still answers. That it arrived is the answer. */
  | { kind: 'ping' }
  /** A job of this type may be claimable; `''` for any type. Sent only after `watch(true)`. */
  | { kind: 'wake'; type: string }
  | { kind: 'stream'; state: StreamState }
  | { kind: 'recovered'; handled: number; saturated: boolean }
  | { kind: 'recovery-failed'; phase: 'startup' | 'periodic'; message: string }
  | {
      kind: 'log'
      level: 'debug' | 'info' | 'warn' | 'error'
      message: string
      fields: Record<string, string>
    }

/** One collection on one connection. Every promise settles within its own bound, also while the server is away. */
export interface NativeEngine {
  /** Checks the server, creates the indexes, starts the change stream if it was asked for. */
  startup(): Promise<Reply<null>>
  /** Creates jobs, in their order. */
  enqueueMany(jobs: NativeNewJobs[]): Promise<Reply<NativeEnqueued>>
  /** The claimed job as BSON, or null. */
  claimOrEnqueue(job: NativeNewJob): Promise<Reply<Buffer | null>>
  claimNext(type: string): Promise<Reply<Buffer | null>>
  claimNextByKey(type: string, key: string): Promise<Reply<Buffer | null>>
  settle(
    jobId: string,
    claimToken: string | null,
    kind: NativeVerdictKind,
    reason: string | null,
  ): Promise<Reply<NativeSettled>>
  heartbeat(jobId: string, claimToken: string | null): Promise<Reply<'applied' | 'lease-lost'>>
  /** How many of these jobs were active and are renewed now. */
  batchHeartbeat(jobIds: string[]): Promise<Reply<number>>
  log(jobId: string, claimToken: string | null, message: string): Promise<Reply<null>>
  hasOutstanding(type: string, key: string): Promise<Reply<boolean>>
  /** `filter` is a BSON document; the job found comes with its logs. */
  findOne(filter: Buffer): Promise<Reply<Buffer | null>>
  getStats(type: string | null): Promise<Reply<NativeStats>>
  recoverStuckJobs(
    visibilityTimeoutMs: number,
    maxPerSweep: number,
  ): Promise<Reply<{ handled: number; saturated: boolean }>>
  cleanupOldJobs(maxAgeMs: number): Promise<Reply<number>>
  resetStorage(): Promise<Reply<null>>

  /** Starts to claim jobs of a type; they arrive as `jobs` events with the processor's id, which is returned. */
  process(processor: NativeProcessor): number
  /**
   * Ends runs: those that completed, with how long their handlers ran, and the others. Results arrive as `settled` events; a run
   * whose `lease-lost` was sent is ignored. A run whose verdict could not be written, and which holds its slot, goes on as before,
   * or its `lease-lost` follows. Then frees slots of runs that had ended before. Every run ends in a verdict that frees its slot,
   * or by its slot's being freed: until then nothing is claimed for it.
   *
   * @returns false if the engine has been shut down: then no result arrives
   */
  finish(
    completed: Uint32Array,
    elapsedMs: Float64Array,
    others: NativeRunVerdict[],
    freed: NativeFreedSlot[],
  ): boolean
  /**
   * Those of these runs that no handler may be started for any more: their leases are lost or over, or the jobs were given back. An
   * event tells what became of each; it may still be on its way, and after a pause of the whole process nothing has noticed yet.
   */
  goneAmong(runIds: Uint32Array): number[]
  /** Turns a claim made by hand into a managed run: renewed from now on, until `finish`. Returns its run id. */
  adopt(jobId: string, claimToken: string, visibilityTimeoutMs: number): Promise<Reply<number | null>>
  /** Shapes the writes that create these jobs; the app's own driver runs them. Planned jobs come in the order of the jobs. */
  planEnqueue(jobs: NativeNewJobs[]): Promise<Reply<NativePlannedJob[]>>
  /** Shapes the write that completes a claim, `{ q, u }` as BSON: done if it matches. No round trip. */
  planCompletion(jobId: string, claimToken: string | null): Reply<Buffer>
  /** What became of a claim that a transaction may have completed. If it has, whoever waits for its key is woken. */
  readBack(jobId: string, claimToken: string | null): Promise<Reply<NativeSettled>>
  /** A job of this type may be there, due in so long: the transaction that created it is over. */
  wake(type: string, delayMs: number): void
  /**
   * Readies a run for a transaction that completes its job: the lease is made so long, from now on, and not renewed until
   * `resume`. False if it is lost; then only that its slot is freed is expected.
   */
  suspend(runId: number, leaseMs: number): Promise<Reply<boolean>>
  /** Its transaction is over, and not known to have committed. Null: it has not, the lease is renewed again. Else the run is over. */
  resume(runId: number, jobId: string, claimToken: string): Promise<Reply<NativeSettled | null>>
  /** Its transaction has committed: the run is over, but for its slot. */
  completed(runId: number): void
  /** Stops the claims of these processors for good; their running jobs go on. Idempotent. */
  quiesce(processorIds: number[]): void
  /** Starts the sweeps that recover expired leases, jittered. Idempotent: the shortest timeout asked for wins. */
  startRecovery(visibilityTimeoutMs: number): void
  /** Sends `wake` events, or stops to. */
  watch(enabled: boolean): void
  streamState(): StreamState
  /** Ends everything: resolves within `timeoutMs`, whatever the server does. Twice is harmless. */
  shutdown(timeoutMs: number): Promise<Reply<null>>
}

/** The connection, as plain data. Milliseconds, bytes and names as the MongoDB drivers specify them. */
export interface NativeConnection {
  /** A whole connection string; when it is given, the fields below override it where they are not null. */
  uri: string | null
  hosts: string[]
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
  compressors: string[]
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
  readPreferenceTags: Record<string, string>[] | null
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

export interface NativeEngineOptions {
  database: string
  collection: string
  useChangeStreams: boolean
  maxLogEntries: number
  maxLogMessageBytes: number
  /** A process whose JavaScript thread has been stuck for longer than this stops renewing its leases. */
  maxBlockMs: number
}

export interface NativeAddon {
  /**
   * Opens an engine. No round trip happens yet; options that the engine's driver can't honour come back as a failure.
   * `onEvent` is held weakly: it keeps no process alive.
   */
  openEngine(
    connection: NativeConnection,
    options: NativeEngineOptions,
    onEvent: (event: NativeEvent) => void,
  ): Reply<NativeEngine | null>
  /** How many tasks are alive on the engine's threads, for whoever looks for a leak. */
  aliveTasks(): number
  /** The version of the package that the addon was built from. */
  version(): string
}
