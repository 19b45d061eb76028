/**
 * The way to one server of a replica set. Members and clients know the server by the bridge's address, so all their traffic passes here, and can
 * be lost. A server with test commands on says in its first message to another who it is. A sender that says nothing is a client.
 */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { changedBy, commandOf, firstDocument, inReplyTo, messageReader, requestId } from './wire.mjs'

const WRITES = new Set(['insert', 'update', 'findAndModify'])

export class Bridge {
  #links = new Set()
  #server = createServer((near) => this.#accept(near))
  /** The cut traffic: `who` is the port of a member, or `clients`; it is refused, or (`isSilent`) goes unanswered. */
  #cuts = new Set()
  /** Each decides for a write of a client whether its reply is lost. */
  #losers = new Set()
  /** Each may hold up a command of a client, or change it: see `meddle`. */
  #meddlers = new Set()
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
   * Lets no traffic of one sender pass any more.
   *
   * @param who `clients`, or the port of a member
   * @param isSilent connections stay open and nothing arrives; else they break
   * @returns `hit()`, the number of connections that it has stopped so far, and `undo()`, which ends this cut and no other
   */
  cut(who, isSilent) {
    const cut = { who, isSilent, hit: 0 }
    this.#cuts.add(cut)
    for (const link of this.#links) if (link.who === who) this.#stopBy(cut, link)
    return { hit: () => cut.hit, undo: () => this.#uncut(cut) }
  }

  #stopBy(cut, link) {
    cut.hit += 1
    stop(link, cut.isSilent)
  }

  /** Drops the messages that are held back for good, and their connections with them. */
  #uncut(cut) {
    if (!this.#cuts.delete(cut) || this.#cutOf(cut.who)) return
    for (const link of this.#links) if (link.who === cut.who) stop(link, false)
  }

  #cutOf(who) {
    return [...this.#cuts].find((cut) => cut.who === who)
  }

  /**
   * From now on the replies to some of the clients' writes are lost, with their connections, after the server has done them.
   *
   * @returns what ends that
   */
  loseReplies(decide) {
    const loser = { decide }
    this.#losers.add(loser)
    return () => this.#losers.delete(loser)
  }

  /**
   * From now on the clients' commands may come late, or be others than were sent.
   *
   * @param meddler given each command. It returns nothing, or `delayMs`, for which the command is held up, and `change`. That function gets the
   *   command with all its numbers as they were typed, and alters it. A held-up command arrives even if its sender is gone by then.
   * @returns a function that ends this; commands under way still arrive in their time
   */
  meddle(meddler) {
    const entry = { meddler }
    this.#meddlers.add(entry)
    return () => this.#meddlers.delete(entry)
  }

  /** Breaks what the clients have open; how many connections that was. */
  hangUp() {
    const open = [...this.#links].filter(({ who }) => who === 'clients')
    for (const link of open) stop(link, false)
    return open.length
  }

  /** Ends all cuts and all meddling. */
  heal() {
    this.#losers.clear()
    this.#meddlers.clear()
    for (const cut of [...this.#cuts]) this.#uncut(cut)
  }

  close() {
    for (const link of this.#links) stop(link, false)
    this.#server.close()
  }

  #accept(near) {
    const far = connect(this.target, '127.0.0.1')
    const link = { near, far, who: null, doomed: new Set(), held: 0 }
    this.#links.add(link)
    for (const socket of [near, far]) {
      socket.setNoDelay(true).unref()
      socket.on('error', () => {})
    }
    near.on('close', () => this.#over(link))
    far.on('close', () => {
      stop(link, false)
      this.#links.delete(link)
    })
    near.on(
      'data',
      messageReader((message) => this.#request(link, message)),
    )
    this.#passReplies(link)
  }

  /** The commands that a client had sent before it was gone are on their way. */
  #over(link) {
    if (link.held === 0) stop(link, false)
  }

  #request(link, message) {
    if (link.who === null) {
      link.who = whoIs(message)
      const cut = this.#cutOf(link.who)
      if (cut) return this.#stopBy(cut, link)
    }
    if (link.who !== 'clients') return void link.far.write(message)
    if (this.#isDoomed(message)) link.doomed.add(requestId(message))
    const { delayMs = 0, message: changed = message } = this.#meddledWith(message)
    if (delayMs === 0) return void link.far.write(changed)
    link.held += 1
    setTimeout(() => this.#letGo(link, changed), delayMs)
  }

  #letGo(link, message) {
    link.held -= 1
    if (link.far.destroyed) return
    // Ended, not destroyed: the server has to get this.
    if (link.near.destroyed) link.far.end(message)
    else link.far.write(message)
  }

  #meddledWith(message) {
    const done = {}
    if (this.#meddlers.size === 0) return done
    const command = commandOf(message)
    if (command === null) return done
    for (const { meddler } of this.#meddlers) {
      const { delayMs = 0, change = null } = meddler(command) ?? {}
      done.delayMs = Math.max(done.delayMs ?? 0, delayMs)
      if (change) done.message = changedBy(done.message ?? message, change)
    }
    return done
  }

  #isDoomed(message) {
    if (this.#losers.size === 0) return false
    const command = commandOf(message)
    if (command === null || !WRITES.has(Object.keys(command)[0])) return false
    return [...this.#losers].some(({ decide }) => decide(command))
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
