/**
 * One process of a run. Its parent says which role it plays, on which peer, where. The process reports when it is ready, begins at the
 * parent's word, and sends its measurements. It exits by itself, without waiting for work that the peer left open.
 */
import { once } from 'node:events'

/** Resolves when the parent has said this word. */
const word = async (wanted) => {
  for (;;) {
    const [message] = await once(process, 'message')
    if (message.word === wanted) return
  }
}

const send = (message) => new Promise((resolve) => process.send(message, resolve))

const parent = {
  /** Tells that all is prepared, and waits for the word to begin. */
  async ready() {
    const begins = word('go')
    await send({ ready: true })
    await begins
  },
  /** Resolves when the parent has seen enough. */
  stopped: () => word('stop'),
}

async function play({ role, peer, variant, place, ...options }) {
  const { default: body } = await import(`./${role}.mjs`)
  const adapter = peer && (await import(`../peers/${peer}.mjs`))
  const open = () => adapter.open(place, variant)
  return body({ open, place, parent, ...options })
}

process.once('disconnect', () => process.exit(1))
const [request] = await once(process, 'message')
try {
  await send({ result: (await play(request)) ?? {} })
  process.exit(0)
} catch (error) {
  await send({ error: error.stack ?? String(error) })
  process.exit(1)
}
