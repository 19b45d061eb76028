/** A proxy on loopback, between an engine and its server, that loses what a test tells it to. */
import { once } from 'node:events'
import { connect as dial, createServer } from 'node:net'
import { MongoClient } from 'mongodb'
import { atEnd } from '../cleanup.mjs'
import { testUrl } from '../mongo.mjs'
import { commandOf, inReplyTo, messageReader, requestId } from './wire.mjs'

async function primary() {
  const client = await MongoClient.connect(testUrl())
  try {
    const { primary } = await client.db('admin').command({ hello: 1 })
    const [host, port] = primary.split(':')
    return { host, port: Number(port) }
  } finally {
    await client.close()
  }
}

/** The tests' connection string, by way of this port. */
function urlBy(port, options) {
  const [, start, query = ''] = /^(mongodb:\/\/(?:[^@/?]*@)?)[^/?]+\/?[^?]*\??(.*)$/.exec(testUrl())
  const parameters = new URLSearchParams(query)
  parameters.delete('replicaSet')
  for (const [name, value] of Object.entries({ directConnection: true, ...options }))
    parameters.set(name, value)
  return `${start}127.0.0.1:${port}/?${parameters}`
}

class Proxy {
  #rules = new Set()
  #pairs = new Set()
  #server = createServer((client) => this.#accept(client))
  #isMute = false

  constructor(target) {
    this.target = target
  }

  async listen() {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    this.port = this.#server.address().port
  }

  url(options) {
    return urlBy(this.port, options)
  }

  /**
   * Loses the replies to the next commands of a kind, once the server has done what they say.
   *
   * @param fits which commands, see `is`
   * @param rule.times how many replies; the first one by default
   * @param rule.first done before the loss is noticed: the server has applied the command already
   * @param rule.silently the connection stays open, and the reply never comes; else the connection breaks
   * @returns resolves when the last of them was lost
   */
  loseReplies(fits, { times = 1, first = async () => {}, silently = false } = {}) {
    return new Promise((resolve) => this.#rules.add({ fits, left: times, first, silently, done: resolve }))
  }

  /** From now on nothing passes, in either direction, though connections are accepted. */
  mute() {
    this.#isMute = true
    for (const { client, server } of this.#pairs) {
      client.pause()
      server.pause()
    }
  }

  close() {
    for (const { client, server } of this.#pairs) for (const socket of [client, server]) socket.destroy()
    this.#server.close()
  }

  #accept(client) {
    if (this.#isMute) {
      client.on('error', () => {})
      client.pause()
      this.#pairs.add({ client, server: client })
      return
    }
    const server = dial(this.target)
    const pair = { client, server }
    this.#pairs.add(pair)
    const doomed = new Map()
    client.on(
      'data',
      messageReader((message) => this.#request(message, server, doomed)),
    )
    server.on(
      'data',
      messageReader((message) => void this.#reply(message, pair, doomed)),
    )
    for (const socket of [client, server]) {
      socket.on('error', () => {})
      socket.on('close', () => {
        client.destroy()
        server.destroy()
        this.#pairs.delete(pair)
      })
    }
  }

  #request(message, server, doomed) {
    const command = this.#rules.size > 0 ? commandOf(message) : null
    const rule = command && [...this.#rules].find(({ fits }) => fits(command))
    if (rule) {
      rule.left -= 1
      if (rule.left === 0) this.#rules.delete(rule)
      doomed.set(requestId(message), { ...rule, isLast: rule.left === 0 })
    }
    server.write(message)
  }

  async #reply(message, { client, server }, doomed) {
    const rule = doomed.get(inReplyTo(message))
    if (rule === undefined) return void client.write(message)
    server.pause()
    await rule.first()
    if (rule.silently) server.resume()
    else client.destroy()
    if (rule.isLast) rule.done()
  }
}

/** Starts a proxy before the tests' server; it ends with the test. */
export async function startProxy(t) {
  const proxy = new Proxy(await primary())
  await proxy.listen()
  atEnd(t, () => proxy.close())
  return proxy
}
