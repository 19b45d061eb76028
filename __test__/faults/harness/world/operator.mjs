/** An operator: pauses types for a while, removes jobs that ended long ago, and keeps schedules, while everything else goes on. */
import { JobQueue, MongoJobQueue } from 'durabl'
import { SILENT } from '../../../support/jobs.mjs'
import { letPass } from '../../../support/time.mjs'
import { pollUntil } from '../../../support/wait.mjs'

const CLEAN_UP_EVERY_MS = 100
/** A call that fails while servers are away is made again. */
const AGAIN_EVERY_MS = 200
/** From when all is well again until every schedule has made up for what it has missed. */
const CATCH_UP_MS = 30_000

export class Operator {
  #queue
  #isOver = false
  #under = []

  /**
   * @param world that it operates in
   * @param orders.pauses `{ type, at, ms }`: which types, when, for how long
   * @param orders.schedules `{ id, spec, stepMs }`: their times and rules, and how far apart their occurrences are
   * @param orders.retentionMs how long jobs are kept that have ended; for ever without it
   */
  constructor(world, { pauses = [], schedules = [], retentionMs }) {
    Object.assign(this, { world, schedules })
    const backend = new MongoJobQueue({ db: world.db, logger: SILENT })
    this.#queue = new JobQueue(backend, SILENT, { autoRecover: false })
    for (const schedule of schedules) this.#under.push(this.#schedule(schedule))
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

  async #schedule({ id, spec, stepMs }) {
    await this.#untilDone(() => this.#queue.schedule(id, spec, { type: 'plain', data: { ms: 5 } }))
    this.world.note('scheduled', { id, spec, stepMs, wall: Date.now() })
  }

  /** Lets the schedules catch up, and removes them. */
  async #unschedule() {
    let wall = null
    const haveCaughtUp = async () => {
      wall = Date.now()
      const schedules = await this.#queue.listSchedules().catch(() => [{}])
      return schedules.every(({ nextAt }) => nextAt?.getTime() > wall)
    }
    // An occurrence that has not come by then is a finding.
    await pollUntil('all have caught up', haveCaughtUp, { patienceMs: CATCH_UP_MS }).catch(() => {})
    this.world.note('schedules-over', { wall })
    for (const { id } of this.schedules) await this.#untilDone(() => this.#queue.unschedule(id))
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

  /** Resolves once no type is paused any more, no schedule comes, and nothing is removed. */
  async over() {
    this.#isOver = true
    await Promise.all(this.#under)
    if (this.schedules.length > 0) await this.#unschedule()
    await this.#queue.shutdown(0)
  }
}
