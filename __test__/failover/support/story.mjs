/** One process enqueues all along, two others work; what they tell is held against what must be true whatever the servers do. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'
import { assertNoOverlap, runsOf } from '../../ownership/support/runs.mjs'
import { pollUntil } from '../../ownership/support/waiting.mjs'
import { nextOf, now, startWorker } from '../../ownership/support/workers.mjs'
import { atEnd } from '../../support/cleanup.mjs'

const ENQUEUE_EVERY_MS = 15
const KEYS = 5
const TYPES = ['keyed', 'pushed', 'keyed', 'polled']
/** A job's handler takes up to so long. */
const WORK_MS = 40
/** From a new primary to each worker's next run. */
const AGAIN_MS = 5000

let stories = 0

export class Story {
  /** @param t the test's context */
  static async begin(t, cluster) {
    stories += 1
    const config = { url: cluster.url, database: `story_${stories}` }
    const story = new Story(t, config)
    await story.#startWorkers()
    await story.#startProducer()
    await pollUntil('both work', () => story.workers.every((worker) => worker.all('ended').length > 10))
    return story
  }

  constructor(t, config) {
    this.t = t
    this.config = config
    this.calls = []
    this.said = []
  }

  async #startWorkers() {
    // Without push a poll finds the work: more often than by default, so that it is not what the time is spent on.
    const handler = { handler: 'varied', ms: WORK_MS, config: { concurrency: 4, pollInterval: 1000 } }
    this.workers = []
    for (const [push, useChangeStreams] of Object.entries({ pushed: true, polled: false })) {
      // Keyed jobs go to whoever is first, which is mostly the one with push: each has a type of its own beside them.
      const processors = { keyed: handler, [push]: handler }
      const config = { ...this.config, ownConnection: true, processors, backend: { useChangeStreams } }
      this.workers.push(await startWorker(this.t, config))
    }
  }

  /** Calls are made whether earlier ones have been answered or not. */
  async #startProducer() {
    const at = (level) => (fields, message) => this.said.push({ level, message: message ?? fields })
    const logger = { debug() {}, info: at('info'), warn: at('warn'), error: at('error') }
    const backend = new MongoJobQueue({ uri: this.config.url, database: this.config.database, logger })
    const queue = new JobQueue(backend, logger)
    atEnd(this.t, () => queue.shutdown(5000))
    await queue.startup()
    let count = 0
    const timer = setInterval(() => {
      count += 1
      const key = { dedupeKey: `key ${count % KEYS}`, dedupeScope: 'pending' }
      const type = TYPES[count % TYPES.length]
      const options = type === 'keyed' ? key : {}
      const call = { type, id: undefined, error: null }
      this.calls.push(call)
      call.done = queue.enqueue(type, count, options).then(
        (id) => (call.id = id),
        (error) => (call.error = error),
      )
    }, ENQUEUE_EVERY_MS)
    this.stopProducing = () => clearInterval(timer)
    atEnd(this.t, this.stopProducing)
  }

  /** Ids of the calls that were answered by one. */
  get acknowledged() {
    return this.calls.filter(({ id }) => typeof id === 'string')
  }

  /** Waits until somebody has started a job after this moment. */
  async workGoesOn(from) {
    await nextOf(this.workers, 'started', (event) => event.at > from)
  }

  /** Waits until each worker has started a job after this moment; fails if one of them took long. */
  async allWorkAgain(primaryAt) {
    for (const worker of this.workers) {
      const { at } = await worker.next('started', (event) => event.at > primaryAt)
      const ms = Math.round(at - primaryAt)
      this.t.diagnostic(`a worker ran a job ${ms} ms after there was a primary`)
      assert.ok(ms <= AGAIN_MS, `a worker ran its first job ${ms} ms after there was a primary`)
    }
  }

  /** Ends the enqueueing, waits until the work is done, and checks all of it. */
  async end({ isShorterThanLeases }) {
    this.stopProducing()
    await Promise.all(this.calls.map(({ done }) => done))
    const client = await MongoClient.connect(this.config.url)
    atEnd(this.t, () => client.close())
    const collection = client.db(this.config.database).collection('jobs')
    await pollUntil('all jobs have ended', async () => {
      const open = await collection
        .countDocuments({ status: { $in: ['pending', 'active'] } })
        .catch(() => null)
      return open === 0
    })
    // What they tell travels by itself.
    await sleep(200)
    const stored = new Map((await collection.find().toArray()).map((job) => [job._id, job]))
    const runs = runsOf(this.workers)
    this.t.diagnostic(
      `${this.acknowledged.length} of ${this.calls.length} calls acknowledged, ` +
        `${this.calls.filter(({ error }) => error).length} rejected, ${stored.size} jobs, ${runs.length} runs`,
    )
    this.#assertAllRun(stored, runs)
    assertNoOverlap(runs, 'job')
    assertNoOverlap(
      runs.filter(({ key }) => key !== null),
      'key',
    )
    if (isShorterThanLeases)
      assert.equal(runs.length, new Set(runs.map(({ job }) => job)).size, 'some ran twice')
    this.#assertQuiet()
  }

  #assertAllRun(stored, runs) {
    const ran = new Set(runs.map(({ job }) => job))
    for (const { id, type } of this.acknowledged) {
      const status = stored.get(id)?.status
      const isCovered = type === 'keyed' && status === 'superseded'
      assert.ok(
        isCovered || (status === 'completed' && ran.has(id)),
        `job ${id} was acknowledged and is ${status}`,
      )
    }
  }

  /** Of each thing that failed: one warning when it began, one error if it lasted; and nobody fell. */
  #assertQuiet() {
    const logs = this.workers.map((worker) => [...worker.all('warning'), ...worker.all('error')])
    logs.push(this.said.filter(({ level }) => level !== 'info'))
    for (const log of logs) {
      this.t.diagnostic(
        `a log of ${log.length} lines: ${log.map(({ message }) => String(message).slice(0, 90)).join(' | ')}`,
      )
      assert.ok(log.length <= MOST_LINES, log.map(({ message }) => message).join('\n'))
    }
    for (const worker of this.workers) {
      assert.equal(worker.endedAt, undefined, 'it runs to the end')
      assert.equal(worker.stderr, '')
    }
  }
}

const MOST_LINES = 4

export { now }
