/** Starts a server on loopback, under a keeper that ends it with this process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const KEEPER = fileURLToPath(new URL('keeper.mjs', import.meta.url))
const START_TIMEOUT_MS = 60_000

/** A port on which no process listens at present. */
export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}

async function accepts(port) {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** The last words of a server that did not come up. */
function lastWords(directory) {
  const lines = readFileSync(join(directory, 'log'), { encoding: 'utf8', flag: 'a+' }).trim().split('\n')
  return lines.slice(-5).join('\n') || '(it wrote no log)'
}

/**
 * @param options.name what to call it when it does not start
 * @param options.directory its own; what it logs goes to `log` there, by its arguments. Removed in the end
 * @param options.port where it will listen
 * @param options.command the program, and `options.args` its arguments
 * @param options.signal what ends it. SIGKILL by default: the data is thrown away, and a server frozen by a test hears no other
 * @returns its `pid` and `stop()`, once it accepts connections
 */
export async function startKept({ name, directory, port, command, args, signal = 'SIGKILL' }) {
  const keeper = spawn(process.execPath, [KEEPER, directory, signal, command, ...args.map(String)], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const gone = once(keeper, 'exit')
  const stop = async () => {
    keeper.ref()
    keeper.stdin.end()
    await gone
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  }
  keeper.stdin.on('error', () => {})
  const pid = new Promise((resolve) => keeper.stdout.once('data', (text) => resolve(Number(text))))
  const deadline = Date.now() + START_TIMEOUT_MS
  while (!(await accepts(port))) {
    if (keeper.exitCode !== null || Date.now() > deadline) {
      const words = lastWords(directory)
      await stop()
      throw new Error(`${name} did not start:\n${words}`)
    }
    await sleep(30)
  }
  // Nothing here keeps the process alive; its end is what stops the keeper.
  for (const handle of [keeper, keeper.stdin, keeper.stdout]) handle.unref()
  return { pid: await pid, stop }
}
