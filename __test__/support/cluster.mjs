/** A replica set of three real servers, to be stepped down, killed, frozen, cut off and started again. */
import { MongoClient } from 'mongodb'
import { findMongod } from '../../scripts/mongod/find.mjs'
import { startReplicaSet } from '../../scripts/mongod/replica-set.mjs'
import { startServer } from '../../scripts/mongod/server.mjs'
import { Bridge } from './proxies/bridge.mjs'
import { pollUntil } from './wait.mjs'
import { now } from './workers/workers.mjs'
import { answerWithin } from './time.mjs'

const ANSWER_MS = 500
const OPLOG_MB = 64
const MB = 1024 * 1024

/** A frozen server answers nothing: null. */
const orNull = (promise) => answerWithin(ANSWER_MS, promise)

function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

class Node {
  isUp = true
  isFrozen = false
  #starting = null

  /** @param bridge the way of all others to it, if there is one */
  constructor(server, restart, bridge) {
    this.server = server
    this.restart = restart
    this.bridge = bridge
    // Each node is asked by itself, whichever is primary.
    this.client = new MongoClient(`mongodb://127.0.0.1:${server.port}/?directConnection=true`, {
      serverSelectionTimeoutMS: ANSWER_MS,
      socketTimeoutMS: 2 * ANSWER_MS,
    })
  }

  get admin() {
    return this.client.db('admin')
  }

  async isPrimary() {
    if (!this.isUp) return false
    const hello = await orNull(this.admin.command({ hello: 1 }))
    return hello?.isWritablePrimary === true
  }

  /** Whether a majority takes its writes: one that has just been elected may have to wait for the others to follow. */
  async isAcknowledged() {
    const writeConcern = { w: 'majority', wtimeoutMS: ANSWER_MS }
    const probe = this.client.db('probe').collection('probes').insertOne({}, { writeConcern })
    return (await orNull(probe)) !== null
  }

  signal(name) {
    process.kill(this.server.pid, name)
  }

  /** The oldest and the newest time that its oplog tells of. */
  async history() {
    const oplog = this.client.db('local').collection('oplog.rs')
    const ends = await Promise.all([1, -1].map(($natural) => oplog.findOne({}, { sort: { $natural } })))
    return ends.map(({ ts }) => ts)
  }

  /** Lets all commands succeed again. */
  clearFailPoint() {
    return this.admin.command({ configureFailPoint: 'failCommand', mode: 'off' })
  }

  /** Unless somebody has killed it meanwhile. */
  freeze() {
    if (!this.isUp) return
    this.isFrozen = true
    this.signal('SIGSTOP')
  }

  thaw() {
    this.isFrozen = false
    this.signal('SIGCONT')
  }

  /** No warning, no goodbye. */
  kill() {
    if (!this.isUp) return
    this.isUp = false
    this.isFrozen = false
    this.signal('SIGKILL')
  }

  /** Starts it again, once, however many ask for it meanwhile. */
  start() {
    this.#starting ??= this.#startAgain().finally(() => (this.#starting = null))
    return this.#starting
  }

  async #startAgain() {
    if (this.isUp) return
    // Until it is gone it has its port, and its data.
    await pollUntil('the killed server is gone', () => !isAlive(this.server.pid))
    this.server = await this.restart()
    this.isUp = true
  }
}

export class Cluster {
  /**
   * @param settings of the replica set, such as `electionTimeoutMillis`
   * @param options.isBridged whether all that passes between servers, and to them, passes a {@link Bridge}; also allows fail points
   * @param options.testCommands allow fail points
   * @param options.oplogMB how much of its history each keeps
   * @param options.cacheGB how much memory each may take for its cache
   */
  static async start(
    settings,
    { isBridged = false, testCommands = isBridged, oplogMB = OPLOG_MB, cacheGB } = {},
  ) {
    const mongod = await findMongod(() => {})
    const options = { testCommands, cacheGB, args: ['--oplogSize', oplogMB] }
    const bridges = new Map()
    const bridge = (server) => {
      const made = new Bridge(server.port)
      bridges.set(server, made)
      return made.listen()
    }
    const { url, servers } = await startReplicaSet(mongod, {
      ...{ ...options, nodes: 3, settings },
      ...(isBridged && { addressOf: bridge }),
    })
    const nodes = servers.map((server) => {
      const { port, directory } = server
      const restart = () => startServer(mongod, { ...options, replicaSet: 'rs0', port, directory })
      return new Node(server, restart, bridges.get(server))
    })
    return new Cluster(url, nodes)
  }

  /** Connected to the primary of the moment. */
  #everybody

  constructor(url, nodes) {
    this.url = url
    this.nodes = nodes
    this.#everybody = new MongoClient(url)
  }

  /** The primary, as soon as there is one that a majority follows, and when that was first seen. */
  primary({ except = null } = {}) {
    return pollUntil('there is a primary', async () => {
      const others = this.nodes.filter((node) => node !== except)
      const answers = await Promise.all(others.map((node) => node.isPrimary()))
      const node = others[answers.indexOf(true)]
      return node && (await node.isAcknowledged()) ? { node, at: now() } : null
    })
  }

  /** Waits until every node has its place again. */
  whole() {
    return pollUntil('all three are well', async () => {
      const { node } = await this.primary()
      const status = await orNull(node.admin.command({ replSetGetStatus: 1 }))
      const states = status?.members.map((member) => member.stateStr) ?? []
      return states.filter((state) => state === 'SECONDARY').length === 2
    })
  }

  /** The primary of this moment; null if there is none that answers. */
  async primaryNow() {
    const answers = await Promise.all(this.nodes.map((node) => node.isPrimary()))
    return this.nodes[answers.indexOf(true)] ?? null
  }

  /**
   * Parts one node from the others: in the minority, and unaware of it at first. Clients still reach it.
   *
   * @returns the cuts, each with its own `undo()`
   */
  cutOff(node, isSilent) {
    return this.nodes
      .filter((each) => each !== node)
      .flatMap((other) => [
        other.bridge.cut(node.server.port, isSilent),
        node.bridge.cut(other.server.port, isSilent),
      ])
  }

  /** Writes until no server knows any more what was written before. */
  async forgetHistory() {
    const { node } = await this.primary()
    const [, from] = await node.history()
    const filler = this.#everybody.db('filler')
    const padding = Buffer.alloc(MB)
    const rolledOn = async () => {
      await filler.collection('filler').insertMany(Array.from({ length: 16 }, () => ({ padding })))
      // A server keeps what it would need after a crash: all since its last checkpoint.
      await Promise.all(this.nodes.map(({ admin }) => orNull(admin.command({ fsync: 1 }))))
      const histories = await Promise.all(this.nodes.map((each) => orNull(each.history())))
      return histories.every((history) => history !== null && history[0].gt(from))
    }
    await pollUntil('the oplogs have rolled on', rolledOn, { patienceMs: 120_000 })
    await filler.dropDatabase()
  }

  /** As many of the next commands fail so, at whichever server they come to. */
  async failNext(times, data) {
    const failPoint = { configureFailPoint: 'failCommand', mode: { times }, data }
    await Promise.all(this.nodes.map(({ admin }) => admin.command(failPoint)))
  }

  /** Undoes all that was done to the servers, and waits until they are well. */
  async heal() {
    for (const node of this.nodes) {
      if (node.isFrozen) node.thaw()
      node.bridge?.heal()
    }
    await Promise.all(this.nodes.map((node) => node.start()))
    await this.whole()
    await Promise.all(this.nodes.filter(({ bridge }) => bridge).map((node) => node.clearFailPoint()))
  }

  async stop() {
    await Promise.all(
      [this.#everybody, ...this.nodes.map(({ client }) => client)].map((each) => each.close()),
    )
    for (const { bridge } of this.nodes) bridge?.close()
    await Promise.all(this.nodes.map(({ server }) => server.stop()))
  }
}
