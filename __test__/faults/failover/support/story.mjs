/** One process enqueues all along, two others work; what they tell is held against what must be true whatever the servers do. */
import assert from 'node:assert/strict'
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'
import { assertNoOverlap, runsOf } from '../../../support/runs.mjs'
import { pollUntil } from '../../../support/wait.mjs'
import { heardOut, nextOf, now, startWorker } from '../../../support/workers/workers.mjs'
import { atEnd } from '../../../support/cleanup.mjs'

const ENQUEUE_EVERY_MS = 15
const KEYS = 5
const TYPES = ['keyed', 'pushed', 'keyed', 'polled']
/** A job's handler takes up to so long. */
const WORK_MS = 40
/** From a new primary to each worker's next run. */
const AGAIN_MS = 5000

/** The worker with push, to the servers. */
export const PUSHED = 'pushed'

const DEDUPE_INDEXES = ['dedupe_pending_active_idx', 'dedupe_pending_idx', 'dedupe_active_idx']

let stories = 0

export class Story {
  /**
   * @param t the test's context
   * @param options.heartbeatIntervalMs of the processors: their leases are four times as long
   */
  static async begin(t, cluster, { heartbeatIntervalMs } = {}) {
    stories += 1
    const config = { url: cluster.url, database: `story_${stories}` }
    const client = await MongoClient.connect(cluster.url)
    atEnd(t, () => client.close())
    const story = new Story(t, config, client.db(config.database).collection('jobs'))
    await story.#startWorkers(heartbeatIntervalMs)
    await story.#startProducer()
    await pollUntil('both work', () => story.workers.every((worker) => worker.all('ended').length > 10))
    return story
  }

  constructor(t, config, collection) {
    this.t = t
    this.config = config
    this.collection = collection
    this.calls = []
    this.said = []
    /** The part that is held against the promises: calls from this one on, and the keys of runs since then. */
    this.counts = { fromCall: 0, keysFrom: 0 }
    /** Messages that may be logged more than once. */
    this.expected = /^$/
  }

  /** The worker that learns of jobs by push. */
  get pushed() {
    return this.workers[0]
  }

  async #startWorkers(heartbeatIntervalMs) {
    // Without push a poll finds the work: more often than by default, so that it is not what the time is spent on.
    const config = { concurrency: 4, pollInterval: 1000, heartbeatIntervalMs }
    const handler = { handler: 'varied', ms: WORK_MS, config }
    this.workers = []
    for (const [push, useChangeStreams] of Object.entries({ pushed: true, polled: false })) {
      // Keyed jobs go to the fastest worker, mostly the one with push: so each has a type of its own beside them.
      const processors = { keyed: handler, [push]: handler }
      const url = `${this.config.url}&appName=${useChangeStreams ? PUSHED : 'polled'}`
      const backend = { useChangeStreams }
      const config = { ...this.config, url, ownConnection: true, processors, backend }
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

  /** The calls that were answered by an id. */
  get acknowledged() {
    return this.calls.slice(this.counts.fromCall).filter(({ id }) => typeof id === 'string')
  }

  /** Drops the jobs, and the indexes with them. Calls from now on count; keys do once their indexes are back. */
  async dropEverything() {
    await this.collection.drop()
    this.counts = { fromCall: this.calls.length, keysFrom: Infinity }
    this.expected = /job was removed before this run settled it|holds jobs that an older version/
    await pollUntil('the dedupe indexes are back', async () => {
      const indexes = await this.collection
        .aggregate([{ $indexStats: {} }])
        .toArray()
        .catch(() => [])
      // One that is still being built is there as well, and refuses nothing yet.
      const names = indexes.filter(({ building }) => building !== true).map(({ name }) => name)
      return DEDUPE_INDEXES.every((name) => names.includes(name))
    })
    this.counts.keysFrom = now()
  }

  /** Waits until the stream of the worker with push is open again, and some more jobs were made then. */
  async isPushedAgain() {
    await pollUntil('the stream is back', () => this.pushed.call('backend', 'isChangeStreamsActive'))
    const enough = this.acknowledged.length + 100
    await pollUntil('more is enqueued', () => this.acknowledged.length >= enough)
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
    await pollUntil('all jobs have ended', async () => {
      const open = await this.collection
        .countDocuments({ status: { $in: ['pending', 'active'] } })
        .catch(() => null)
      return open === 0
    })
    await heardOut(this.workers)
    const stored = new Map((await this.collection.find().toArray()).map((job) => [job._id, job]))
    const runs = runsOf(this.workers)
    this.t.diagnostic(
      `${this.acknowledged.length} of ${this.calls.length} calls acknowledged, ` +
        `${this.calls.filter(({ error }) => error).length} rejected, ${stored.size} jobs, ${runs.length} runs`,
    )
    this.#assertAllRun(stored, runs)
    assertNoOverlap(runs, 'job')
    assertNoOverlap(
      runs.filter(({ key, from }) => key !== null && from > this.counts.keysFrom),
      'key',
    )
    if (isShorterThanLeases)
      assert.equal(runs.length, new Set(runs.map(({ job }) => job)).size, 'some ran twice')
    this.#assertQuiet(isShorterThanLeases ? [this.expected] : [this.expected, /^lease lost/])
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

  /** Checks the log: for each failure one warning when it began, and one error if it lasted; no process fell. */
  #assertQuiet(expected) {
    const logs = this.workers.map((worker) => [...worker.all('warning'), ...worker.all('error')])
    logs.push(this.said.filter(({ level }) => level !== 'info'))
    for (const log of logs) {
      const messages = log.map(({ message }) => String(message))
      this.t.diagnostic(
        `a log of ${messages.length} lines: ${messages.map((line) => line.slice(0, 90)).join(' | ')}`,
      )
      // The failed part and its future; then comes the reason, which may differ each time.
      const outages = messages.filter((line) => !expected.some((each) => each.test(line)))
      const told = outages.map((line) => line.split(':')[0])
      assert.equal(new Set(told).size, told.length, messages.join('\n'))
    }
    for (const worker of this.workers) {
      assert.equal(worker.endedAt, undefined, 'it runs to the end')
      assert.equal(worker.stderr, '')
    }
  }
}

export { now }
