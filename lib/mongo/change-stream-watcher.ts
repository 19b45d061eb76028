import type { ChangeStream, ChangeStreamDocument, Collection, Db, Document, ResumeToken } from 'mongodb'
import { ConnectionError, ServerUnsupportedError } from '../errors'
import { defaultLogger, guardLogger } from '../logger'
import type { SafeLogger } from '../logger'
import { afterIfAlive } from '../timers'
import type { Cancel } from '../timers'
import type { JobAvailableListener, Logger } from '../types'
import { checkListener } from '../validate/backend'
import { checkLogger } from '../validate/queue'

/**
 * Jobs that became claimable, and nothing else of them than their type. An update doesn't tell the type, and looking the document
 * up would cost the server more than a wake-up is worth.
 */
const PIPELINE: Document[] = [
  {
    $match: {
      $or: [
        { operationType: { $in: ['insert', 'replace'] }, 'fullDocument.status': 'pending' },
        { operationType: 'update', 'updateDescription.updatedFields.status': 'pending' },
        { operationType: { $in: ['drop', 'rename', 'invalidate'] } },
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

/** Watches a collection for claimable jobs, by a change stream of the app's own driver. */
export class MongoChangeStreamWatcher {
  private readonly logger: SafeLogger
  private readonly listeners = new Set<JobAvailableListener>()
  private state: State = 'stopped'
  private stream: ChangeStream | null = null
  /** Undefined while there is none to go on from. */
  private token: ResumeToken
  private failures = 0
  private cancelPause: Cancel | null = null

  constructor(
    private readonly collection: Collection,
    private readonly db: Db,
    logger?: Logger,
  ) {
    this.logger = guardLogger(checkLogger('MongoChangeStreamWatcher', logger) ?? defaultLogger)
  }

  addListener(listener: JobAvailableListener): void {
    this.listeners.add(checkListener('addListener', listener))
  }

  removeListener(listener: JobAvailableListener): void {
    this.listeners.delete(listener)
  }

  /** Resolves when the server has accepted the stream. While it runs, another call changes nothing. */
  async start(): Promise<void> {
    if (this.state !== 'stopped') return
    this.state = 'opening'
    try {
      await this.refuseStandalone()
      await this.open()
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    this.state = 'stopped'
    this.cancelPause?.()
    this.cancelPause = null
    this.token = undefined
    this.failures = 0
    await this.closeStream()
  }

  private async refuseStandalone(): Promise<void> {
    let hello: Document
    try {
      hello = await this.db.command({ hello: 1 })
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

  /** Opens a stream. Resolves when the server has accepted it, rejects when it has not. */
  private open(): Promise<void> {
    const stream = this.collection.watch(
      PIPELINE,
      this.token === undefined ? {} : { resumeAfter: this.token },
    )
    this.stream = stream
    return new Promise((resolve, reject) => {
      // The server's first reply carries the first token, also when nothing has happened yet.
      stream.once('resumeTokenChanged', () => {
        if (this.stream === stream) this.opened()
        resolve()
      })
      stream.on('resumeTokenChanged', (token) => {
        if (this.stream === stream) this.token = token
      })
      stream.on('change', (change) => {
        if (this.stream === stream) this.changed(change)
      })
      stream.on('error', (error) => {
        reject(error)
        if (this.stream === stream) this.lost(error)
      })
      stream.on('close', () => {
        reject(new Error('the change stream was closed'))
        if (this.stream === stream) this.lost(new Error('the change stream was closed'))
      })
    })
  }

  private opened(): void {
    const isReopened = this.failures > 0
    this.state = 'streaming'
    this.failures = 0
    if (!isReopened) return
    this.logger.info({}, 'the change stream is back')
    // Whatever came in meanwhile.
    this.tell('')
  }

  private changed(change: ChangeStreamDocument): void {
    switch (change.operationType) {
      case 'insert':
      case 'replace': {
        const type: unknown = (change.fullDocument as Document | undefined)?.type
        return this.tell(typeof type === 'string' ? type : '')
      }
      case 'update':
        return this.tell('')
      default:
        // The collection is gone, and with it what the token refers to.
        this.token = undefined
        this.lost(new Error(`the collection was changed (${change.operationType})`))
    }
  }

  private lost(error: Error): void {
    // The first attempt is `start`'s affair.
    if (this.state !== 'streaming' && this.failures === 0) return
    this.state = 'waiting'
    if (this.failures === 0)
      this.logger.warn({ err: error }, 'the change stream was lost and will be reopened')
    if (!isResumable(error)) this.token = undefined
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
    // The server may be gone; then there is nothing to close there.
    await stream?.close().catch(() => {})
  }

  private tell(type: string): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(type)
      } catch (err) {
        this.logger.error({ err }, 'a listener threw')
      }
    }
  }
}

/** The token is of no use any more: its history is gone, or it is not understood. */
const TOKEN_USELESS = [136, 260, 280, 286]

function isResumable(error: Error): boolean {
  const { code } = error as { code?: unknown }
  return typeof code !== 'number' || !TOKEN_USELESS.includes(code)
}
