/**
 * The way to one server of a replica set: members and clients know it by the bridge's address, so whatever passes between them passes
 * here, and can be lost. A server with test commands on says in its first message to another who it is; who says nothing is a
 * client.
 */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import {
  commandOf,
  firstDocument,
  inReplyTo,
  messageReader,
  requestId,
} from '../../../ownership/support/wire.mjs'

const WRITES = new Set(['insert', 'update', 'findAndModify'])

export class Bridge {
  #links = new Set()
  #server = createServer((near) => this.#accept(near))
  /** Whose traffic does not pass: the port of a member, or `clients`; and whether it is refused or goes unanswered. */
  #cut = new Map()
  /** Decides for each write of a client whether its reply is lost. */
  #losesReply = null
  lost = 0

  constructor(port) {
    this.target = port
  }

  async listen() {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    this.port = this.#server.address().port
    this.#server.unref()
    return `127.0.0.1:${this.port}`
  }

  /**
   * Lets nothing pass any more that comes from there.
   *
   * @param who `clients`, or the port of a member
   * @param isSilent connections stay open and nothing arrives; else they break
   */
  cut(who, isSilent) {
    this.#cut.set(who, isSilent)
    for (const link of this.#links) if (link.who === who) stop(link, isSilent)
  }

  /** From now on the replies to some of the clients' writes are lost, with their connections, after the server has done them. */
  loseReplies(decide) {
    this.#losesReply = decide
  }

  /** Breaks what the clients have open. */
  hangUp() {
    for (const link of this.#links) if (link.who === 'clients') stop(link, false)
  }

  /** All is well again. What was held back is gone for good. */
  heal() {
    this.#losesReply = null
    for (const link of this.#links) if (this.#cut.has(link.who)) stop(link, false)
    this.#cut.clear()
  }

  close() {
    for (const link of this.#links) stop(link, false)
    this.#server.close()
  }

  #accept(near) {
    const far = connect(this.target, '127.0.0.1')
    const link = { near, far, who: null, doomed: new Set() }
    this.#links.add(link)
    for (const socket of [near, far]) {
      socket.setNoDelay(true).unref()
      socket.on('error', () => {})
      socket.on('close', () => {
        stop(link, false)
        this.#links.delete(link)
      })
    }
    near.on(
      'data',
      messageReader((message) => this.#request(link, message)),
    )
    this.#passReplies(link)
  }

  #request(link, message) {
    if (link.who === null) {
      link.who = whoIs(message)
      if (this.#cut.has(link.who)) return stop(link, this.#cut.get(link.who))
    }
    if (link.who === 'clients' && this.#losesReply && this.#isDoomed(message))
      link.doomed.add(requestId(message))
    link.far.write(message)
  }

  #isDoomed(message) {
    const command = commandOf(message)
    return command !== null && WRITES.has(Object.keys(command)[0]) && this.#losesReply()
  }

  #passReplies(link) {
    const read = messageReader((message) => {
      if (!link.doomed.has(inReplyTo(message))) return void link.near.write(message)
      this.lost += 1
      stop(link, false)
    })
    // Read message by message for clients only: the members' traffic is most of it, and is never looked at.
    link.far.on('data', (bytes) => (link.who === 'clients' ? read(bytes) : link.near.write(bytes)))
  }
}

function stop({ near, far }, isSilent) {
  for (const socket of [near, far]) {
    if (isSilent) socket.pause()
    else socket.destroy()
  }
}

function whoIs(message) {
  const from = firstDocument(message)?.hostInfo
  return from === undefined ? 'clients' : Number(from.slice(from.lastIndexOf(':') + 1))
}
