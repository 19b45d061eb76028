/** All that a program could print of what it meets, so that a test can say that no secret is in it. */
import assert from 'node:assert/strict'
import { inspect } from 'node:util'

export class Overheard {
  #texts = []
  #secrets

  /** @param secrets passwords and the like, as their owner writes them */
  constructor(...secrets) {
    this.#secrets = secrets.flatMap((secret) => [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
      // As bytes are printed.
      Buffer.from(secret).toString('hex'),
      [...Buffer.from(secret)].join(', '),
      inspect(Buffer.from(secret)).slice('<Buffer '.length, -1),
    ])
  }

  /** Takes entries of every level, with all that they carry. */
  get logger() {
    const log = (...entry) => this.look(entry)
    return { debug: log, info: log, warn: log, error: log }
  }

  /** Prints something in every way that people print things. */
  look(thing) {
    const hidden = { showHidden: true }
    for (const how of [{}, { customInspect: false }, hidden, { ...hidden, customInspect: false }])
      this.#texts.push(inspect(thing, { depth: 12, ...how }))
    this.#texts.push(String(thing), thing?.stack ?? '')
    try {
      this.#texts.push(JSON.stringify(thing) ?? '')
    } catch (error) {
      // It refers to itself; the message names the way.
      this.#texts.push(error.message)
    }
    return thing
  }

  assertNoSecret() {
    assert.ok(this.#texts.length > 0, 'nothing was overheard')
    for (const text of this.#texts) {
      const at = this.#secrets.map((secret) => text.indexOf(secret)).find((at) => at >= 0)
      assert.equal(
        at,
        undefined,
        `a secret is in this: ${pathTo(text, at)}: ${text.slice(Math.max(0, at - 2000), at + 100)}`,
      )
    }
  }
}

/** The properties that lead to a place in a printed object, by their indentation. */
function pathTo(text, at) {
  let indentation = Infinity
  const path = []
  for (const line of text.slice(0, at).split('\n').reverse()) {
    const own = line.search(/\S/)
    if (own < 0 || own >= indentation) continue
    indentation = own
    path.unshift(line.trim().slice(0, 60))
  }
  return path.join(' → ')
}
