/** A way to a server that a test can cut. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { atEnd } from '../cleanup.mjs'

/** Passes on what arrives at `port`, to a port of this machine. `cut()` ends the connections there are; new ones are accepted. */
export async function startRelay(t, target) {
  const sockets = new Set()
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
    near.pipe(far).pipe(near)
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
