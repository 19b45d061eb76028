/** The collection's history, change by change in the order in which the server made them: what a sample may miss, this sees. */
import assert from 'node:assert/strict'
import { atEnd } from './cleanup.mjs'

class History {
  #jobs = new Map()
  /** For each moment at which it changed: how many jobs of each key were active and pending. */
  #moments = []
  #seen = new Map()
  #ended

  constructor(stream) {
    this.#ended = this.#read(stream)
    this.#ended.catch(() => {})
  }

  async #read(stream) {
    for await (const change of stream) {
      const id = change.documentKey?._id
      if (change.operationType === 'insert') {
        const { dedupeKey, dedupeScope, status } = change.fullDocument
        this.#jobs.set(id, { key: dedupeKey, scope: dedupeScope, status })
        this.#seen.get(id)?.()
      } else if (change.operationType === 'update') {
        const { status } = change.updateDescription.updatedFields
        if (status === undefined) continue
        this.#jobs.get(id).status = status
      } else continue
      this.#note(this.#jobs.get(id).key)
    }
  }

  #note(key) {
    const count = { key, active: 0, pending: 0 }
    for (const job of this.#jobs.values()) if (job.key === key && job.status in count) count[job.status] += 1
    this.#moments.push(count)
  }

  /** Every moment up to now. */
  async moments(collection) {
    const id = `marker-${this.#moments.length}`
    const seen = new Promise((resolve) => this.#seen.set(id, resolve))
    await collection.insertOne({ _id: id, type: 'marker', status: 'completed' })
    await Promise.race([seen, this.#ended])
    return this.#moments
  }
}

/** Begins to follow the changes of a collection; ends with the test. */
export async function follow(t, collection) {
  const stream = collection.watch()
  atEnd(t, () => stream.close())
  // Without a first look the server would start with whatever comes after it was asked.
  await stream.tryNext()
  return new History(stream)
}

/** Fails at the first moment that broke a rule. */
export function assertAlways(moments, holds, rule) {
  assert.ok(moments.length > 0, 'nothing happened')
  const broken = moments.find((moment) => !holds(moment))
  assert.equal(broken, undefined, rule)
}
