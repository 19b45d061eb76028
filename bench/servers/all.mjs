/** The servers of a run: each is started when it is first asked for, and all are ended together. */
import * as mongodb from './mongodb.mjs'
import * as tuned from './mongodb-tuned.mjs'
import * as postgresql from './postgresql.mjs'
import * as redis from './redis.mjs'
import * as durableRedis from './redis-durable.mjs'

export const kinds = { mongodb, 'mongodb-tuned': tuned, redis, 'redis-durable': durableRedis, postgresql }

export class Servers {
  #started = new Map()

  /** The server of a kind, with its `version` and `fresh()`: an empty place on it, and how to dispose of that. */
  get(kind) {
    if (!this.#started.has(kind)) this.#started.set(kind, kinds[kind].start())
    return this.#started.get(kind)
  }

  /** Runs an action on an empty place, which is gone afterwards. */
  async withPlace(kind, action) {
    const { place, dispose } = await (await this.get(kind)).fresh()
    try {
      return await action(place)
    } finally {
      await dispose()
    }
  }

  async stop() {
    const started = await Promise.allSettled(this.#started.values())
    await Promise.all(started.map(({ value }) => value?.stop()))
  }
}
