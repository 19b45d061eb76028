import type { Collection, Db } from 'mongodb'
import { unlessFailed } from '../backend/enqueue-many'
import { DurablError, PayloadError } from '../base/errors'
import { defaultLogger, guardLogger } from '../base/logger'
import { shownAs } from '../base/print'
import { reasonOf } from '../base/reason'
import { fromCaller } from '../base/stack'
import type {
  BackendTransactions,
  CompleteOptions,
  CompleteResult,
  EnqueueManyJob,
  EnqueueManyOptions,
  EnqueueManyResult,
  EnqueueOptions,
  FailFatalResult,
  FailResult,
  HeartbeatResult,
  IJobQueueBackend,
  Job,
  JobAvailableListener,
  JobQuery,
  JobRecord,
  MongoJobQueueOptions,
  QueueStats,
  ReleaseResult,
  StreamState,
} from '../types'
import * as check from '../validate/backend'
import {
  normalizeClaimOrEnqueue,
  normalizeEnqueue,
  normalizeEnqueueMany,
  sessionOfMany,
} from '../validate/enqueue'
import type { NewJob } from '../validate/enqueue'
import { normalizeQuery } from '../validate/query'
import { checkShutdownTimeout } from '../validate/queue'
import { sessionOfCompletion } from '../validate/session'
import { codecOf, codecWith } from './bson/codec'
import type { Codec } from './bson/codec'
import { encodeFilter } from './bson/filter'
import { claimOf, decodeJob, decodeRecord } from './bson/job-document'
import { encodePayload } from './bson/payload'
import { isConnected, refuseClosed } from './connection/app-db'
import { engineLink } from './engine-link'
import type { EngineLink } from './engine-link'
import { readMongoOptions } from './mongo-options'
import type { MongoSettings } from './mongo-options'
import type { NativeNewJob } from './native/addon'
import { EngineHandle } from './native/engine-handle'
import { nativeAddon } from './native/loader'
import { settledAs, toStats } from './native/replies'
import { StartupReminder } from './startup-reminder'
import { MongoTransactions } from './transactions/transactions'
import { isUnmodified, methodsOf } from './unmodified'

const LINKS = new WeakMap<object, EngineLink>()

/** Jobs in a MongoDB collection. See the public types for what each method promises. */
export class MongoJobQueue implements IJobQueueBackend, AsyncDisposable {
  // Not #private: a proxy around this object must work, as with the TypeScript package.
  private readonly settings: Omit<MongoSettings, 'db'>
  /** The app's, if it gave one. Behind a function, as its client leads to credentials, and whoever prints this prints all within. */
  private readonly db: () => Db | null
  private readonly engine: EngineHandle
  private readonly reminder: StartupReminder
  private readonly sessions: MongoTransactions
  private readonly codec: Codec
  private isConnectionSeen = false

  constructor(options: MongoJobQueueOptions) {
    const { connection, bson, db, ...settings } = readMongoOptions(options)
    this.settings = settings
    this.db = () => db
    const { collectionName } = settings
    const logger = guardLogger(settings.logger ?? defaultLogger)
    // Now, and not with the first payload: what is missing should show when the app starts.
    this.codec = db === null ? codecWith(bson) : codecOf(db)
    this.reminder = new StartupReminder(
      // A client that the app has not connected is not connected for this: nobody would close it.
      () =>
        db !== null && isConnected(db) ? db.collection(collectionName, { readPreference: 'primary' }) : null,
      logger,
    )
    this.engine = new EngineHandle(nativeAddon(), connection, settings, logger)
    this.sessions = new MongoTransactions(this.engine, this.db, collectionName, this.codec)
    LINKS.set(this, engineLink(this.engine, this.codec))
  }

  async enqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<string | null> {
    const settings = normalizeEnqueue('enqueue', type, options)
    const job = this.newJob('enqueue', settings, data)
    if (settings.session === null) return this.engine.enqueue(job)
    const [result] = await this.sessions.enqueue('enqueue', [job], settings.session)
    return result?.status === 'created' ? result.id : null
  }

  async enqueueMany(
    jobs: readonly EnqueueManyJob[],
    options?: EnqueueManyOptions,
  ): Promise<EnqueueManyResult[]> {
    const settings = normalizeEnqueueMany('enqueueMany', jobs)
    const session = sessionOfMany('enqueueMany', options)
    const newJobs = settings.map((job, index) =>
      this.withPayload(`enqueueMany: jobs[${index}]`, job, jobs[index]!.data),
    )
    this.refuseUnusable()
    if (session !== null) return this.sessions.enqueue('enqueueMany', newJobs, session)
    return unlessFailed(await this.engine.enqueueMany(newJobs))
  }

  async claimOrEnqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<Job<T> | null> {
    const job = this.newJob('claimOrEnqueue', normalizeClaimOrEnqueue(type, options), data)
    const claimed = await this.engine.call((native) => native.claimOrEnqueue(job))
    return this.decoded('claimOrEnqueue', claimed)
  }

  async claimNext<T>(type: string): Promise<Job<T> | null> {
    const checked = check.checkType('claimNext', type)
    this.refuseUnusable()
    return this.decoded('claimNext', await this.engine.call((native) => native.claimNext(checked)))
  }

  async claimNextByKey<T>(type: string, dedupeKey: string): Promise<Job<T> | null> {
    const where = 'claimNextByKey'
    const checked = check.checkType(where, type)
    const key = check.checkDedupeKey(where, dedupeKey)
    this.refuseUnusable()
    return this.decoded(where, await this.engine.call((native) => native.claimNextByKey(checked, key)))
  }

  async complete(jobId: string, claimToken?: string, options?: CompleteOptions): Promise<CompleteResult> {
    const session = sessionOfCompletion('complete', options)
    if (session !== null) {
      const id = check.checkJobId('complete', jobId)
      const token = check.checkClaimToken('complete', claimToken) ?? null
      this.refuseUnusable()
      return this.sessions.complete(id, token, session)
    }
    return settledAs<CompleteResult>(await this.settle('complete', jobId, null, claimToken))
  }

  async fail(jobId: string, reason: string, claimToken?: string): Promise<FailResult> {
    return settledAs<FailResult>(await this.settle('fail', jobId, reasonOf(reason), claimToken))
  }

  async failFatal(jobId: string, reason: string, claimToken?: string): Promise<FailFatalResult> {
    return settledAs<FailFatalResult>(await this.settle('failFatal', jobId, reasonOf(reason), claimToken))
  }

  async release(jobId: string, claimToken?: string): Promise<ReleaseResult> {
    return settledAs<ReleaseResult>(await this.settle('release', jobId, null, claimToken))
  }

  async heartbeat(jobId: string, claimToken?: string): Promise<HeartbeatResult> {
    const where = 'heartbeat'
    const id = check.checkJobId(where, jobId)
    const token = check.checkClaimToken(where, claimToken) ?? null
    this.refuseUnusable()
    return this.engine.call((native) => native.heartbeat(id, token))
  }

  async batchHeartbeat(jobIds: string[]): Promise<number> {
    const ids = check.checkJobIds('batchHeartbeat', jobIds)
    this.refuseUnusable()
    return this.engine.call((native) => native.batchHeartbeat([...ids]))
  }

  async log(jobId: string, message: string, claimToken?: string): Promise<void> {
    const where = 'log'
    const id = check.checkJobId(where, jobId)
    const text = check.checkLogMessage(where, message)
    const token = check.checkClaimToken(where, claimToken) ?? null
    this.refuseUnusable()
    await this.engine.call((native) => native.log(id, token, text))
  }

  async hasOutstanding(type: string, dedupeKey: string): Promise<boolean> {
    const where = 'hasOutstanding'
    const checked = check.checkType(where, type)
    const key = check.checkDedupeKey(where, dedupeKey)
    this.refuseUnusable()
    return this.engine.call((native) => native.hasOutstanding(checked, key))
  }

  async findOne<T>(query: JobQuery): Promise<JobRecord<T> | null> {
    const filter = encodeFilter(normalizeQuery(query), this.codec)
    this.refuseUnusable()
    const found = await this.engine.call((native) => native.findOne(filter))
    return found === null ? null : decodeRecord(found, this.codec)
  }

  async getStats(type?: string): Promise<QueueStats> {
    const checked = check.checkOptionalType('getStats', type) ?? null
    this.refuseUnusable()
    return toStats(await this.engine.call((native) => native.getStats(checked)))
  }

  async startup(): Promise<void> {
    this.refuseUnusable()
    this.reminder.started()
    await this.engine.call((native) => native.startup())
  }

  async shutdown(timeoutMs?: number): Promise<void> {
    await this.engine.shutdown(checkShutdownTimeout('shutdown', timeoutMs))
  }

  async resetStorage(): Promise<void> {
    this.refuseUnusable()
    await this.engine.call((native) => native.resetStorage())
  }

  async recoverStuckJobs(visibilityTimeoutMs?: number, maxPerSweep?: number): Promise<number> {
    const recovery = check.normalizeRecovery(visibilityTimeoutMs, maxPerSweep)
    this.refuseUnusable()
    const { handled } = await this.engine.call((native) =>
      native.recoverStuckJobs(recovery.visibilityTimeoutMs, recovery.maxPerSweep),
    )
    return handled
  }

  async cleanupOldJobs(maxAgeMs?: number): Promise<number> {
    const age = check.checkMaxAge(maxAgeMs)
    this.refuseUnusable()
    return this.engine.call((native) => native.cleanupOldJobs(age))
  }

  onJobAvailable(listener: JobAvailableListener): (() => void) | null {
    const checked = check.checkListener('onJobAvailable', listener)
    return this.settings.useChangeStreams ? this.engine.onWake(checked) : null
  }

  isChangeStreamsActive(): boolean {
    return this.engine.streamState === 'streaming'
  }

  get streamState(): StreamState {
    return this.engine.streamState
  }

  onStreamState(listener: (state: StreamState) => void): () => void {
    return this.engine.onStreamState(check.checkListener('onStreamState', listener))
  }

  getCollection(): Collection {
    const db = this.db()
    if (db === null) {
      throw fromCaller(
        new DurablError(
          'ERR_DURABL_UNSUPPORTED',
          "getCollection: behind { uri } there is no client of the app's: make one, and take client.db(…).collection(…)",
        ),
      )
    }
    return db.collection(this.settings.collectionName)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown()
  }

  private newJob(where: string, settings: NewJob, data: unknown): NativeNewJob {
    const job = this.withPayload(where, settings, data)
    this.refuseUnusable()
    return job
  }

  private withPayload(where: string, settings: NewJob, data: unknown): NativeNewJob {
    const { dedupeKey } = settings
    const payload = encodePayload(where, data, this.codec)
    if (dedupeKey !== null) this.reminder.keyUsed()
    return { settings, dedupeKey, payload }
  }

  get transactions(): BackendTransactions {
    return this.sessions
  }

  static {
    shownAs(this, ({ settings: { database, collectionName }, engine }) => ({
      database,
      collection: collectionName,
      streamState: engine.streamState,
    }))
  }

  private async settle(
    kind: 'complete' | 'fail' | 'failFatal' | 'release',
    jobId: unknown,
    reason: string | null,
    claimToken: unknown,
  ) {
    const id = check.checkJobId(kind, jobId)
    const token = check.checkClaimToken(kind, claimToken) ?? null
    this.refuseUnusable()
    return this.engine.call((native) => native.settle(id, token, kind, reason))
  }

  /** A claimed job. One that can't be decoded fails, as in a processor: its caller could not settle it without its token. */
  private async decoded(where: string, bytes: Uint8Array | null): Promise<Job<any> | null> {
    if (bytes === null) return null
    try {
      return decodeJob(bytes, this.codec)
    } catch (err) {
      const claim = claimOf(bytes, this.codec)
      const reason = `the job could not be decoded: ${reasonOf(err)}`
      if (claim !== null) await this.settle('fail', claim.id, reason, claim.token)
      const id = claim === null ? '' : ` ${claim.id}`
      throw fromCaller(
        new PayloadError(
          'ERR_DURABL_PAYLOAD_NOT_DECODABLE',
          `${where}: ${reason}. The attempt of job${id} fails: correct or remove its document`,
          { cause: err },
        ),
      )
    }
  }

  /** The engine has a connection of its own; but an app that has closed its client should hear of it. */
  private refuseUnusable(): void {
    if (this.isConnectionSeen) return
    const db = this.db()
    if (db !== null) refuseClosed(db)
    this.isConnectionSeen = db === null || isConnected(db)
  }
}

const ORIGINALS = methodsOf(MongoJobQueue.prototype)

/**
 * The engine of an unmodified `MongoJobQueue`. Null for everything else: another backend, a subclass, a proxy, an object or
 * class with a replaced method (also by a spy). Those expect every call to pass through them.
 */
export function engineOf(backend: object): EngineLink | null {
  const link = LINKS.get(backend)
  return link !== undefined && isUnmodified(backend, MongoJobQueue.prototype, ORIGINALS) ? link : null
}
