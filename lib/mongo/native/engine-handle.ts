/** One open engine: calls go in, events come out, failures become errors. Knows no job. */
import { isolatedListener } from '../../base/app-code'
import { ShutDownError, failureToError } from '../../base/errors'
import type { CallSite } from '../../base/errors'
import type { SafeLogger } from '../../base/logger'
import { fromCaller } from '../../base/stack'
import { afterIo } from '../../base/timers'
import type { JobAvailableListener, StreamState } from '../../types'
import type { Retention } from '../../validate/fleet'
import type {
  NativeAddon,
  NativeAppend,
  NativeAppended,
  NativeConnection,
  NativeEngine,
  NativeEvent,
  NativeHandedOff,
  NativeNewJob,
  Reply,
} from './addon'
import { AppendBatches } from './append-batch'
import { aboutProcess } from './about-process'
import { EnqueueBatches, grouped, placed } from './enqueue-batch'
import type { Enqueued } from './enqueue-batch'
import { LogBatches } from './log-batch'

/** Jobs that cross over to the engine in one call. */
const MOST_AT_ONCE = 4000

/** The fate of a job, except for a failure. */
export type Made = Exclude<Enqueued, { failure: unknown }>

/** The settings of an engine beside its connection. */
export interface EngineSettings {
  readonly database: string
  readonly collectionName: string
  readonly useChangeStreams: boolean
  readonly handOff: boolean
  readonly maxLogEntries: number
  readonly maxLogMessageBytes: number
  readonly maxBlockMs: number
  readonly retention: readonly Retention[]
}

export class EngineHandle {
  readonly native: NativeEngine
  private readonly batches: EnqueueBatches
  private readonly logs: LogBatches
  private readonly appends: AppendBatches
  private state: StreamState = 'off'
  private readonly stateListeners = new Set<(state: StreamState) => void>()
  private readonly wakeListeners = new Set<JobAvailableListener>()
  private readonly subscribers = new Set<(event: NativeEvent) => void>()
  /** The processors of queues that have not ended. */
  readonly openProcessors = new Set<number>()
  private ending: Promise<void> | null = null
  private hasEnded = false

  /** @throws UnsupportedOptionError, DurablError if the engine refuses its options */
  constructor(
    addon: NativeAddon,
    connection: NativeConnection,
    settings: EngineSettings,
    private readonly logger: SafeLogger,
  ) {
    const { value, failure } = addon.openEngine(
      connection,
      {
        database: settings.database,
        collection: settings.collectionName,
        useChangeStreams: settings.useChangeStreams,
        handOff: settings.handOff,
        maxLogEntries: settings.maxLogEntries,
        maxLogMessageBytes: settings.maxLogMessageBytes,
        maxBlockMs: settings.maxBlockMs,
        retention: [...settings.retention],
        ...aboutProcess(),
      },
      (event) => this.received(event),
    )
    if (failure !== null) throw fromCaller(failureToError(failure, null))
    this.native = value!
    this.batches = new EnqueueBatches(this.native, (jobs) => this.startLater(jobs))
    this.logs = new LogBatches(async (jobId, claimToken, { messages, agesMs }) => {
      const { failure } = await this.native.log(jobId, claimToken, messages, agesMs)
      return failure
    }, settings.maxLogEntries)
    this.appends = new AppendBatches((appends) => this.native.appendSteps(appends))
    this.state = this.native.streamState()
  }

  /** Creates a job, and reports its fate. As {@link call}. */
  async enqueue(job: NativeNewJob): Promise<Made> {
    this.refuseEnded()
    const outcome = await this.batches.enqueue(job)
    // The error is made here, where the stack leads to the caller. A stack taken beforehand costs as much as all the rest.
    if ('failure' in outcome) throw fromCaller(failureToError(outcome.failure, null))
    return outcome
  }

  /**
   * Creates jobs, and reports the fate of each, in their order. As {@link call}, but that a failure is an outcome.
   *
   * @param result of a job without a failure
   */
  async enqueueMany<R>(
    jobs: readonly NativeNewJob[],
    result: (made: Made) => R,
  ): Promise<(R | { status: 'failed'; error: Error })[]> {
    this.refuseEnded()
    const site = callSite()
    const outcomes: (R | { status: 'failed'; error: Error })[] = []
    const handedOff: NativeHandedOff[] = []
    try {
      // One part after the other: so they are created in order, and the size of a call is bounded.
      for (let start = 0; start < jobs.length; start += MOST_AT_ONCE) {
        const part = jobs.slice(start, start + MOST_AT_ONCE)
        const reply = await this.native.enqueueMany(grouped(part))
        handedOff.push(...(reply.value?.handedOff ?? []))
        for (const place of part.keys()) {
          const enqueued = placed(reply, place)
          outcomes.push(
            'failure' in enqueued
              ? { status: 'failed', error: failureToError(enqueued.failure, site) }
              : result(enqueued),
          )
        }
      }
    } finally {
      this.startLater(handedOff)
    }
    return outcomes
  }

  /** Jobs are handed over when the answers of their calls have been taken, so that the code after a call comes before its job starts. */
  private startLater(jobs: readonly NativeHandedOff[]): void {
    if (jobs.length > 0) afterIo(() => jobs.forEach((job) => this.start(job)))
  }

  private start({ processorId, runId, document }: NativeHandedOff): void {
    const runIds = new Uint32Array([runId])
    if (this.openProcessors.has(processorId)) {
      this.received({ kind: 'jobs', processorId, runIds, documents: document })
      return
    }
    // Its queue has ended meanwhile.
    const details = { stack: null, delayMs: null, parkedUntilMs: null, result: null, byHand: false }
    const release = {
      runId,
      kind: 'release',
      reason: null,
      details,
      freesSlot: true,
      elapsedMs: null,
    } as const
    this.native.finish(new Uint32Array(), new Float64Array(), [release], [])
  }

  /** Adds a line to a job's log, behind those added before it. As {@link call}. */
  async log(jobId: string, claimToken: string | null, message: string): Promise<void> {
    this.refuseEnded()
    const failure = await this.logs.add(jobId, claimToken, message)
    if (failure !== null) throw fromCaller(failureToError(failure, null))
  }

  /** Records a step. As {@link call}. */
  async append(append: NativeAppend): Promise<NativeAppended> {
    this.refuseEnded()
    const outcome = await this.appends.add(append)
    if ('failure' in outcome) throw fromCaller(failureToError(outcome.failure, null))
    return outcome
  }

  /** Makes one call. Its failure becomes an error with the stack of the caller of the public method. */
  async call<T>(invoke: (native: NativeEngine) => Promise<Reply<T>>): Promise<T> {
    this.refuseEnded()
    const site = callSite()
    const { value, failure } = await invoke(this.native)
    if (failure !== null) throw failureToError(failure, site)
    return value
  }

  private refuseEnded(): void {
    if (this.ending !== null)
      throw fromCaller(new ShutDownError('ERR_DURABL_SHUT_DOWN', 'MongoJobQueue: it was shut down'))
  }

  /** Ends the engine. Twice is harmless: the second call waits for the first. */
  shutdown(timeoutMs: number): Promise<void> {
    this.ending ??= this.end(timeoutMs)
    return this.ending
  }

  private async end(timeoutMs: number): Promise<void> {
    const { failure } = await this.native.shutdown(timeoutMs)
    // An engine that has ended sends no events any more, not even this one; earlier ones may still arrive.
    this.hasEnded = true
    this.streamIs('off')
    if (failure !== null) throw failureToError(failure, null)
  }

  private streamIs(state: StreamState): void {
    if (this.state === state) return
    this.state = state
    this.tellAll(this.stateListeners, state)
  }

  get streamState(): StreamState {
    return this.state
  }

  onStreamState(listener: (state: StreamState) => void): () => void {
    return added(this.stateListeners, this.guarded(listener))
  }

  private guarded<T>(listener: (value: T) => unknown): (value: T) => void {
    return isolatedListener(listener, (err) => this.logger.error({ err }, 'a listener failed'))
  }

  /** The engine sends wake-ups only while a listener is there. */
  onWake(listener: JobAvailableListener): () => void {
    const remove = added(this.wakeListeners, this.guarded(listener))
    if (this.wakeListeners.size === 1) this.native.watch(true)
    return () => {
      if (this.wakeListeners.size === 0) return
      remove()
      if (this.wakeListeners.size === 0) this.native.watch(false)
    }
  }

  subscribe(listener: (event: NativeEvent) => void): () => void {
    return added(this.subscribers, listener)
  }

  /** Nothing may be thrown back into the addon. */
  private received(event: NativeEvent): void {
    switch (event.kind) {
      case 'log':
        this.logger[event.level](event.fields, event.message)
        break
      case 'stream':
        if (!this.hasEnded) this.streamIs(event.state)
        break
      case 'wake':
        this.tellAll(this.wakeListeners, event.type)
        break
      case 'jobs':
      case 'settled':
      case 'lease-lost':
      case 'cancel-requested':
      case 'taken-back':
      case 'paused':
      case 'ping':
      case 'recovered':
      case 'recovery-failed':
      case 'schedules-due':
        break
    }
    this.tellAll(this.subscribers, event)
  }

  private tellAll<T>(listeners: ReadonlySet<(value: T) => void>, value: T): void {
    // A copy: listeners come and go meanwhile.
    for (const listener of [...listeners]) {
      try {
        listener(value)
      } catch (err) {
        this.logger.error({ err }, 'a listener threw')
      }
    }
  }
}

/** Adds a listener; several may be the same function. Returns a function that removes this one, once. */
function added<T>(listeners: Set<(value: T) => void>, listener: (value: T) => void): () => void {
  const own = (value: T): void => listener(value)
  listeners.add(own)
  return () => {
    listeners.delete(own)
  }
}

function callSite(): CallSite {
  const site: CallSite = {}
  Error.captureStackTrace(site, callSite)
  return site
}
