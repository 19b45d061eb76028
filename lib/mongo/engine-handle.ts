/** One open engine: calls go in, events come out, failures become errors. Knows no job. */
import { ShutDownError, failureToError } from '../errors'
import type { CallSite } from '../errors'
import type { SafeLogger } from '../logger'
import type { JobAvailableListener, StreamState } from '../types'
import type { MongoSettings } from './mongo-options'
import type { NativeAddon, NativeEngine, NativeEvent, Reply } from './native'

export class EngineHandle {
  readonly native: NativeEngine
  private state: StreamState = 'off'
  private readonly stateListeners = new Set<(state: StreamState) => void>()
  private readonly wakeListeners = new Set<JobAvailableListener>()
  private readonly subscribers = new Set<(event: NativeEvent) => void>()
  private ending: Promise<void> | null = null

  /** @throws UnsupportedOptionError, DurablError if the engine refuses its options */
  constructor(
    addon: NativeAddon,
    settings: MongoSettings,
    private readonly logger: SafeLogger,
  ) {
    const { value, failure } = addon.openEngine(
      settings.connection,
      {
        database: settings.database,
        collection: settings.collectionName,
        useChangeStreams: settings.useChangeStreams,
        maxLogEntries: settings.maxLogEntries,
        maxLogMessageBytes: settings.maxLogMessageBytes,
        maxBlockMs: settings.maxBlockMs,
      },
      (event) => this.received(event),
    )
    if (failure !== null) throw failureToError(failure, null)
    this.native = value!
    this.state = this.native.streamState()
  }

  /** Makes one call. Its failure becomes an error with the stack of whoever called the public method. */
  async call<T>(invoke: (native: NativeEngine) => Promise<Reply<T>>): Promise<T> {
    if (this.ending !== null)
      throw new ShutDownError('ERR_DURABL_SHUT_DOWN', 'MongoJobQueue: it was shut down')
    const site: CallSite = {}
    Error.captureStackTrace(site)
    const { value, failure } = await invoke(this.native)
    if (failure !== null) throw failureToError(failure, site)
    return value
  }

  /** Ends the engine. Twice is harmless: the second call waits for the first. */
  shutdown(timeoutMs: number): Promise<void> {
    this.ending ??= this.end(timeoutMs)
    return this.ending
  }

  private async end(timeoutMs: number): Promise<void> {
    const { failure } = await this.native.shutdown(timeoutMs)
    if (failure !== null) throw failureToError(failure, null)
  }

  get streamState(): StreamState {
    return this.state
  }

  onStreamState(listener: (state: StreamState) => void): () => void {
    return added(this.stateListeners, listener)
  }

  /** The engine sends wake-ups only while somebody listens. */
  onWake(listener: JobAvailableListener): () => void {
    const remove = added(this.wakeListeners, listener)
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
        this.state = event.state
        this.tellAll(this.stateListeners, event.state)
        break
      case 'wake':
        this.tellAll(this.wakeListeners, event.type)
        break
      case 'jobs':
      case 'settled':
      case 'lease-lost':
      case 'ping':
      case 'recovered':
      case 'recovery-failed':
        break
    }
    this.tellAll(this.subscribers, event)
  }

  private tellAll<T>(listeners: ReadonlySet<(value: T) => void>, value: T): void {
    // A copy: listeners come and go while they are told.
    for (const listener of [...listeners]) {
      try {
        listener(value)
      } catch (err) {
        this.logger.error({ err }, 'a listener threw')
      }
    }
  }
}

/** Adds a listener, of which there may be several that are the same function; returns how to remove this one, once. */
function added<T>(listeners: Set<(value: T) => void>, listener: (value: T) => void): () => void {
  const own = (value: T): void => listener(value)
  listeners.add(own)
  return () => {
    listeners.delete(own)
  }
}
