/** A way to a server that a test can cut, and make long. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { atEnd } from '../cleanup.mjs'

/**
 * Passes on what arrives at `port`, to a port of this machine. `cut()` ends the connections there are; new ones are accepted.
 *
 * @param options.roundTripMs how much longer a round trip takes; 0 by default
 */
export async function startRelay(t, target, { roundTripMs = 0 } = {}) {
  const sockets = new Set()
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket.setNoDelay(true))
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
    passOn(near, far, roundTripMs / 2)
    passOn(far, near, roundTripMs / 2)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  atEnd(t, () => {
    cut()
    server.close()
  })
  return { port: server.address().port, cut }
}

function passOn(from, to, delayMs) {
  if (delayMs === 0) return void from.pipe(to)
  // Timers of one length fire in order.
  const later = (pass) => setTimeout(() => to.destroyed || pass(), delayMs)
  from.on('data', (bytes) => later(() => to.write(bytes)))
  from.on('end', () => later(() => to.end()))
  from.on('close', () => later(() => to.destroy()))
}
