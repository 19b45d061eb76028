/** The calls that producers make in a world, until a time is up. The successor of a killed producer goes on with calls of its own. */
import { drawing } from '../../support/random.mjs'
import { pollUntil } from '../../support/wait.mjs'

const LOAD = { everyMs: 20, workMs: 40 }
/** From the last call to all answers: an outage of a minute, elections, leases. */
const PATIENCE_MS = 120_000

const isProduction = ({ method }) => method === 'produce'

export class Production {
  #under = []

  /**
   * @param world that it happens in
   * @param options.seed of the calls
   * @param options.ms how long calls are made
   * @param options.load of each producer
   */
  constructor(world, { seed, ms, load }) {
    this.world = world
    this.draw = drawing(seed ^ 0x5eed)
    this.load = { ...LOAD, ...load }
    this.end = performance.now() + ms
  }

  /** Has a producer make calls. */
  begin(producer) {
    const ms = Math.max(0, this.end - performance.now())
    const orders = { ...this.load, ms, name: producer.name, seed: this.draw.between(1, 1e9) }
    this.world.note('ordered', { of: producer.name })
    // Of one that dies, or never ends, the checker tells.
    this.#under.push(this.#run(producer, orders).catch(() => {}))
  }

  async #run(producer, orders) {
    await producer.call('worker', 'begin', 'produce', orders)
    const isOver = () =>
      producer.endedAt !== undefined ||
      ['call-ended', 'call-failed'].some((kind) => producer.all(kind, isProduction).length > 0)
    await pollUntil('all calls are answered', isOver, { patienceMs: orders.ms + PATIENCE_MS })
  }

  /** Resolves once all calls have been answered, or it is in vain to wait. */
  async over() {
    // More may be begun meanwhile.
    for (let seen = 0; seen < this.#under.length;) {
      seen = this.#under.length
      await Promise.all(this.#under)
    }
    this.world.note('production-over', {})
  }
}
