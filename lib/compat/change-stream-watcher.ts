import type { ChangeStream, ChangeStreamDocument, Collection, Db, Document } from 'mongodb'
import { isolatedListener } from '../base/app-code'
import { ConnectionError, ServerUnsupportedError, ShutDownError } from '../base/errors'
import { defaultLogger, safeLogger } from '../base/logger'
import type { SafeLogger } from '../base/logger'
import { shownAs } from '../base/print'
import { afterIfAlive, afterIo } from '../base/timers'
import type { Cancel } from '../base/timers'
import type { JobAvailableListener, Logger } from '../types'
import { checkListener } from '../validate/backend'
import { checkLogger } from '../validate/queue'

/**
 * The types of jobs that became claimable, and no other part of them. An update doesn't tell the type, and looking the document up would cost
 * the server more than a wake-up is worth.
 */
const PIPELINE: Document[] = [
  {
    $match: {
      $or: [
        { operationType: { $in: ['insert', 'replace'] }, 'fullDocument.status': 'pending' },
        { operationType: 'update', 'updateDescription.updatedFields.status': 'pending' },
      ],
    },
  },
  { $project: { operationType: 1, 'fullDocument.type': 1 } },
]

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 10_000

/**
 * - `stopped` → `opening` by `start`
 * - `opening` → `streaming` when the server has accepted the stream; → `stopped` if the first attempt fails
 * - `streaming` → `waiting` when the stream is lost
 * - `waiting` → `opening` after a pause
 * - any → `stopped` by `stop`
 */
type State = 'stopped' | 'opening' | 'streaming' | 'waiting'

/** A listener of the app, and its subscriptions. */
interface Subscribed {
  readonly tell: (type: string) => void
  readonly subscriptions: Set<symbol>
}

/** Watches a collection for claimable jobs, by a change stream of the app's own driver. */
export class MongoChangeStreamWatcher {
  private readonly logger: SafeLogger
  /** Each as the app added it: one that was added twice is called once, until both subscriptions have ended. */
  private readonly listeners = new Map<JobAvailableListener, Subscribed>()
  private state: State = 'stopped'
  private started: Promise<void> | null = null
  /** Count of its stops. It shows a start that it was stopped meanwhile, and perhaps started again. */
  private stops = 0
  private stream: ChangeStream | null = null
  /** The server has accepted the stream. */
  private isAccepted = false
  /** Ends the wait for that. */
  private abandon: (error: Error) => void = () => {}
  private failures = 0
  private cancelPause: Cancel | null = null

  /** Behind functions, as their client leads to credentials, and a print of this object prints all within. */
  private readonly collection: () => Collection<any>
  private readonly db: () => Db

  constructor(collection: Collection<any>, db: Db, logger?: Logger) {
    this.collection = () => collection
    this.db = () => db
    this.logger = safeLogger(checkLogger('MongoChangeStreamWatcher', logger) ?? defaultLogger)
  }

  addListener(listener: JobAvailableListener): () => void {
    const checked = checkListener('addListener', listener)
    const failed = (err: unknown) => this.logger.error({ err }, 'a listener failed')
    const subscribed = this.listeners.get(checked) ?? {
      tell: isolatedListener(checked, failed),
      subscriptions: new Set(),
    }
    const own = Symbol()
    subscribed.subscriptions.add(own)
    this.listeners.set(checked, subscribed)
    return () => {
      subscribed.subscriptions.delete(own)
      // Removed and added again meanwhile, it has other subscriptions.
      const isCurrent = this.listeners.get(checked) === subscribed
      if (isCurrent && subscribed.subscriptions.size === 0) this.listeners.delete(checked)
    }
  }

  removeListener(listener: JobAvailableListener): void {
    this.listeners.delete(listener)
  }

  /** Resolves when the server has accepted the stream. While it runs, another call changes nothing. */
  start(): Promise<void> {
    this.started ??= this.firstOpen()
    return this.started
  }

  private async firstOpen(): Promise<void> {
    const { stops } = this
    const isStopped = (): boolean => this.stops !== stops
    this.state = 'opening'
    try {
      await this.refuseStandalone()
      if (isStopped()) throw stoppedEarly()
      await this.open()
    } catch (error) {
      // The watcher may have been started again after the stop: then the stream belongs to that start.
      if (isStopped()) throw stoppedEarly()
      await this.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    this.stops += 1
    this.state = 'stopped'
    this.started = null
    this.cancelPause?.()
    this.cancelPause = null
    this.failures = 0
    this.abandon(stoppedEarly())
    await this.closeStream()
  }

  private async refuseStandalone(): Promise<void> {
    let hello: Document
    try {
      hello = await this.db().command({ hello: 1 })
    } catch (cause) {
      const message = `MongoChangeStreamWatcher: the server can't be reached: ${(cause as Error).message}`
      throw new ConnectionError('ERR_DURABL_CONNECTION', message, { cause })
    }
    if (typeof hello.setName === 'string' || hello.msg === 'isdbgrid') return
    throw new ServerUnsupportedError(
      'ERR_DURABL_NOT_A_REPLICA_SET',
      'MongoChangeStreamWatcher: change streams need a replica set or a sharded cluster, and this server is standalone',
    )
  }

  /**
   * Opens a stream. Resolves when the server has accepted it, rejects when it has not. It begins where it is opened, not where the last one
   * ended: the catch-up covers the gap, and a token can be refused.
   */
  private open(): Promise<void> {
    const stream: ChangeStream = this.collection().watch(PIPELINE)
    this.stream = stream
    this.isAccepted = false
    return new Promise((resolve, reject) => {
      this.abandon = reject
      const failed = (error: Error): void => {
        reject(error)
        if (this.stream === stream) this.lost(error)
      }
      // The server's first reply carries the first token, even when nothing has happened yet.
      stream.once('resumeTokenChanged', () => {
        if (this.stream === stream) this.opened()
        // The driver knows its cursor only after it has told.
        else afterIo(() => void close(stream))
        resolve()
      })
      stream.on('change', (change) => {
        if (this.stream === stream) this.changed(change)
      })
      stream.on('error', failed)
      stream.on('close', () =>
        failed(new ConnectionError('ERR_DURABL_CONNECTION', 'the change stream was closed')),
      )
    })
  }

  private opened(): void {
    const isReopened = this.failures > 0
    this.isAccepted = true
    this.state = 'streaming'
    this.failures = 0
    if (!isReopened) return
    this.logger.info({}, 'the change stream is back')
    // For changes that came in meanwhile.
    this.tell('')
  }

  private changed(change: ChangeStreamDocument): void {
    const type: unknown = 'fullDocument' in change ? change.fullDocument?.type : ''
    this.tell(typeof type === 'string' ? type : '')
  }

  private lost(error: Error): void {
    // The first attempt is `start`'s affair.
    if (this.state !== 'streaming' && this.failures === 0) return
    this.state = 'waiting'
    if (this.failures === 0)
      this.logger.warn({ err: error }, 'the change stream was lost and will be reopened')
    this.failures += 1
    void this.closeStream()
    const ceiling = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.failures - 1, 10))
    this.cancelPause = afterIfAlive(ceiling * (0.5 + Math.random() / 2), () => this.reopen())
  }

  private reopen(): void {
    this.state = 'opening'
    // A failure arrives at `lost` too.
    this.open().catch(() => {})
  }

  private async closeStream(): Promise<void> {
    const { stream } = this
    this.stream = null
    // One on its way is closed when it arrives: closed before, it would leave its cursor on the server.
    if (stream !== null && this.isAccepted) await close(stream)
  }

  static {
    shownAs(this, ({ state }) => ({ state }))
  }

  private tell(type: string): void {
    for (const { tell } of [...this.listeners.values()]) tell(type)
  }
}

/** The server may be gone; then there is nothing to close there. */
async function close(stream: ChangeStream): Promise<void> {
  await stream.close().catch(() => {})
}

function stoppedEarly(): ShutDownError {
  const message = 'MongoChangeStreamWatcher: it was stopped before the server had accepted the stream'
  return new ShutDownError('ERR_DURABL_SHUT_DOWN', message)
}
