/** A replica set of three real servers, to be stepped down, killed, frozen and started again. */
import { setTimeout as sleep } from 'node:timers/promises'
import { MongoClient } from 'mongodb'
import { findMongod } from '../../../scripts/mongod/find.mjs'
import { startReplicaSet } from '../../../scripts/mongod/replica-set.mjs'
import { startServer } from '../../../scripts/mongod/server.mjs'
import { pollUntil } from '../../ownership/support/waiting.mjs'
import { now } from '../../ownership/support/workers.mjs'

const ANSWER_MS = 500
const ARGS = ['--oplogSize', '64']

/** A frozen server answers nothing: null. */
const orNull = (promise) => Promise.race([promise.catch(() => null), sleep(ANSWER_MS, null)])

class Node {
  constructor(server, restart) {
    this.server = server
    this.restart = restart
    this.isUp = true
    // Each node is asked by itself, whoever is primary.
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

  /** No warning, no goodbye. */
  kill() {
    this.isUp = false
    this.signal('SIGKILL')
  }

  async start() {
    this.server = await this.restart()
    this.isUp = true
  }
}

export class Cluster {
  /** @param settings of the replica set, such as `electionTimeoutMillis` */
  static async start(settings) {
    const mongod = await findMongod(() => {})
    const { url, servers } = await startReplicaSet(mongod, { nodes: 3, settings, args: ARGS })
    const nodes = servers.map(
      (server) =>
        new Node(server, () => {
          const { port, directory } = server
          return startServer(mongod, { replicaSet: 'rs0', args: ARGS, port, directory })
        }),
    )
    return new Cluster(url, nodes)
  }

  constructor(url, nodes) {
    this.url = url
    this.nodes = nodes
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

  async stop() {
    await Promise.all(this.nodes.map(({ client }) => client.close()))
    await Promise.all(this.nodes.map(({ server }) => server.stop()))
  }
}
