/** Starts one mongod on loopback, under a keeper that ends it with this process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const KEEPER = fileURLToPath(new URL('keeper.mjs', import.meta.url))
const START_TIMEOUT_MS = 60_000

async function freePort() {
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

function argumentsFor(directory, port, { replicaSet, testCommands, args = [] }) {
  return [
    ...['--port', port, '--bind_ip', '127.0.0.1', '--dbpath', directory, '--logpath', join(directory, 'log')],
    ...['--wiredTigerCacheSizeGB', '0.5', '--setParameter', 'diagnosticDataCollectionEnabled=false'],
    ...(process.platform === 'win32' || args.includes('--unixSocketPrefix') ? [] : ['--nounixsocket']),
    ...(replicaSet ? ['--replSet', replicaSet] : []),
    ...(testCommands ? ['--setParameter', 'enableTestCommands=1'] : []),
    ...args,
  ].map(String)
}

/**
 * @param mongod the path of the server
 * @param options.replicaSet the name of its replica set; without one it is a standalone server
 * @param options.testCommands allow fail points
 * @param options.args more arguments for mongod
 * @param options.directory where its data is, for one that was killed and is to come back
 * @param options.port where it listened then
 * @returns its `port`, its `pid` (which a test may signal), its data `directory`, and `stop()`, which kills it and removes that
 */
export async function startServer(mongod, options = {}) {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'durabl-mongod-'))
  const port = options.port ?? (await freePort())
  const keeper = spawn(
    process.execPath,
    [KEEPER, directory, mongod, ...argumentsFor(directory, port, options)],
    {
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    },
  )
  const gone = once(keeper, 'exit')
  const stop = async () => {
    keeper.ref()
    keeper.stdin.end()
    await gone
    rmSync(directory, { recursive: true, force: true })
  }
  keeper.stdin.on('error', () => {})
  const pid = new Promise((resolve) => keeper.stdout.once('data', (text) => resolve(Number(text))))
  const deadline = Date.now() + START_TIMEOUT_MS
  while (!(await accepts(port))) {
    if (keeper.exitCode !== null || Date.now() > deadline) {
      const words = lastWords(directory)
      await stop()
      throw new Error(`mongod did not start:\n${words}`)
    }
    await sleep(30)
  }
  // Nothing here keeps the process alive; its end is what stops the keeper.
  for (const handle of [keeper, keeper.stdin, keeper.stdout]) handle.unref()
  return { port, pid: await pid, directory, stop }
}
