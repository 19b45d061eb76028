/** An operator: pauses types for a while, and removes jobs that ended long ago, while everything else goes on. */
import { JobQueue, MongoJobQueue } from 'durabl'
import { SILENT } from '../../../support/jobs.mjs'
import { letPass } from '../../../support/time.mjs'

const CLEAN_UP_EVERY_MS = 100
/** A call that fails while servers are away is made again. */
const AGAIN_EVERY_MS = 200

export class Operator {
  #queue
  #isOver = false
  #under = []

  /**
   * @param world that it operates in
   * @param orders.pauses `{ type, at, ms }`: which types, when, for how long
   * @param orders.retentionMs how long jobs are kept that have ended; for ever without it
   */
  constructor(world, { pauses = [], retentionMs }) {
    this.world = world
    const backend = new MongoJobQueue({ db: world.db, logger: SILENT })
    this.#queue = new JobQueue(backend, SILENT, { autoRecover: false })
    for (const pause of pauses) this.#under.push(this.#pause(pause))
    if (retentionMs !== undefined) this.#under.push(this.#cleanUp(backend, retentionMs))
  }

  async #pause({ type, at, ms }) {
    await letPass(at, 'the moment of the pause')
    await this.#untilDone(() => this.#queue.pause(type))
    this.world.note('paused', { type })
    await letPass(ms, 'the type stays paused')
    this.world.note('resuming', { type })
    await this.#untilDone(() => this.#queue.resume(type))
  }

  async #untilDone(call) {
    for (;;) {
      try {
        return await call()
      } catch {
        await letPass(AGAIN_EVERY_MS, 'the servers come back')
      }
    }
  }

  async #cleanUp(backend, retentionMs) {
    while (!this.#isOver) {
      await backend.cleanupOldJobs(retentionMs).catch(() => {})
      await letPass(CLEAN_UP_EVERY_MS, 'more jobs grow old')
    }
  }

  /** Resolves once no type is paused any more, and nothing is removed. */
  async over() {
    this.#isOver = true
    await Promise.all(this.#under)
    await this.#queue.shutdown(0)
  }
}
