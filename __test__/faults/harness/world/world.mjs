/** Workers and producers in processes of their own on a replica set of three, and a log of what happens to them all. */
import { appendFile } from 'node:fs/promises'
import { MongoClient } from 'mongodb'
import { MongoJobQueue } from 'durabl'
import { SILENT } from '../../../support/jobs.mjs'
import { heardOut, now, startWorker } from '../../../support/workers/workers.mjs'
import { atEnd } from '../../../support/cleanup.mjs'
import { pollUntil } from '../../../support/wait.mjs'
import { FailPoints } from './fail-points.mjs'

/** Short, so that a worker which is frozen for a few seconds is given up. */
export const LEASE_MS = 2000
const GRACE_MS = 1000
/** The longest time in which a process that was asked to end may do so: its promise is its grace and a second. */
const END_MS = 30_000

const HANDLER = { handler: 'scripted', config: { concurrency: 3, pollInterval: 500 } }
const PROCESSORS = { plain: HANDLER, flight: HANDLER, once: HANDLER }

export class World {
  /** Workers, and producers, which work as well when a call gives them a job to run. All there have been, the dead ones too. */
  processes = []
  /** The faults of the processes and of the servers, as they happened. */
  faults = []
  /** The calls that producers make; known once they have begun. */
  production = null
  #notes = []
  #counts = {}

  /**
   * @param t the test's context, or what stands for it
   * @param cluster of servers with bridges
   * @param options.database a name that no other test uses
   * @param options.clocks from `clockmaker()`, if the processes are to have clocks of their own
   * @param options.heapMB how much memory JavaScript may take in each of them
   * @param options.producersWork whether producers have processors too, so that jobs are handed off
   */
  static async begin(t, cluster, options) {
    const world = new World(t, cluster, options)
    const client = await MongoClient.connect(cluster.url)
    atEnd(t, () => client.close())
    world.client = client
    world.db = client.db(options.database)
    const backend = new MongoJobQueue({ db: world.db, logger: SILENT })
    await backend.startup()
    await backend.shutdown(0)
    // Before the first job: the server's account begins here.
    const ping = () => world.db.command({ ping: 1 }).catch(() => null)
    // Another world's faults may be cutting the servers off.
    const { operationTime } = await pollUntil('the primary answers', ping)
    world.since = operationTime
    return world
  }

  constructor(t, cluster, { database, clocks = null, heapMB = null, producersWork = false }) {
    Object.assign(this, { t, cluster, database, clocks, heapMB, producersWork })
    this.failPoints = new FailPoints(cluster.nodes)
  }

  /** Processes that were neither killed nor asked to end, so far, and are not about to be. */
  get living() {
    return this.processes.filter(({ endedAt, fate, isDoomed }) => endedAt === undefined && !fate && !isDoomed)
  }

  get workers() {
    return this.living.filter(({ role }) => role === 'worker')
  }

  get producers() {
    return this.living.filter(({ role }) => role === 'producer')
  }

  async startWorker() {
    const count = this.#count('worker')
    const inOrder = { handler: 'scripted', config: { concurrency: 1, prefetch: 0 } }
    const processors = { ...PROCESSORS, ordered: inOrder }
    // Half of them learn of jobs by push, the first one too, the others by polling.
    return this.#start('worker', count, { processors, backend: { useChangeStreams: count % 2 === 1 } })
  }

  startProducer() {
    const more = this.producersWork ? { processors: PROCESSORS } : {}
    return this.#start('producer', this.#count('producer'), { waitsForOrders: true, ...more })
  }

  /** The number of processes of a role so far, this one included. */
  #count(role) {
    this.#counts[role] = (this.#counts[role] ?? 0) + 1
    return this.#counts[role]
  }

  async #start(role, count, more) {
    const config = {
      ...{ url: this.cluster.url, database: this.database, ownConnection: true },
      ...{ queue: { visibilityTimeoutMs: LEASE_MS }, signals: { timeoutMs: GRACE_MS } },
      ...more,
    }
    const clock = this.clocks?.clock(0)
    const heap = this.heapMB && {
      NODE_OPTIONS: `--max-old-space-size=${this.heapMB} --max-semi-space-size=1`,
    }
    if (heap) config.tellsHeap = true
    const worker = await startWorker(this.t, config, { env: { ...clock?.env, ...heap } })
    if (clock) clock.secondsOff = 0
    Object.assign(worker, { role, name: `${role}-${count}`, clock })
    void worker.exited.then((end) => (worker.end = end))
    this.processes.push(worker)
    return worker
  }

  /**
   * Notes what is done, while `body` does it.
   *
   * @param fault its name in `FAULTS`
   * @param body resolves to how much came of it: processes killed, replies lost
   * @param how it is done, if there are several ways
   */
  async doing(fault, target, body, how = null) {
    const entry = { fault, ...(how && { how }), target, at: now(), until: null, effect: 0 }
    this.faults.push(entry)
    try {
      entry.effect = await body()
    } finally {
      entry.until = now()
    }
  }

  /** As a deploy does. */
  askToEnd(worker) {
    this.note('asked-to-end', { of: worker.name })
    worker.signal('SIGTERM')
  }

  /** Notes something of the harness's own. */
  note(kind, fields) {
    this.#notes.push({ by: 'harness', kind, at: now(), ...fields })
  }

  /** Ends the processes as a deploy does. */
  async end() {
    const alive = this.processes.filter(({ endedAt }) => endedAt === undefined)
    await heardOut(alive)
    for (const worker of alive) {
      worker.fate ??= 'asked to end'
      this.askToEnd(worker)
    }
    await Promise.all(
      alive.map((worker) => {
        const late = setTimeout(() => worker.signal('SIGABRT'), END_MS)
        return worker.exited.finally(() => clearTimeout(late))
      }),
    )
  }

  /** Everything that was told, by whom, in the order in which it happened. */
  told() {
    const lines = this.processes.flatMap((worker) => [
      ...worker.events.map((event) => ({ by: worker.name, ...event })),
      ...(worker.endedAt === undefined ? [] : [this.#endOf(worker)]),
    ])
    const faults = this.faults.map((entry) => ({ by: 'harness', kind: 'fault', ...entry }))
    return [...lines, ...faults, ...this.#notes].sort((one, other) => one.at - other.at)
  }

  #endOf(worker) {
    const { name, endedAt, end, stderr, fate = null } = worker
    return { by: name, kind: 'process-ended', at: endedAt, ...end, fate, stderr }
  }
}

/** Writes a history as it is kept: a line of JSON for each thing that happened. */
export async function writeHistory(path, lines) {
  for (let at = 0; at < lines.length; at += 1000) {
    const text = lines.slice(at, at + 1000).map((line) => `${JSON.stringify(line)}\n`)
    await appendFile(path, text.join(''))
  }
}
