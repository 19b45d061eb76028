/** Starts one mongod on loopback, which ends with this process. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, startKept } from '../kept/server.mjs'

/** Enough for tests, of which many run at once. */
const SMALL_CACHE_GB = 0.5

function argumentsFor(directory, port, { replicaSet, testCommands, cacheGB = SMALL_CACHE_GB, args = [] }) {
  return [
    ...['--port', port, '--bind_ip', '127.0.0.1', '--dbpath', directory, '--logpath', join(directory, 'log')],
    ...['--setParameter', 'diagnosticDataCollectionEnabled=false'],
    ...(cacheGB === null ? [] : ['--wiredTigerCacheSizeGB', cacheGB]),
    ...(process.platform === 'win32' || args.includes('--unixSocketPrefix') ? [] : ['--nounixsocket']),
    ...(replicaSet ? ['--replSet', replicaSet] : []),
    ...(testCommands ? ['--setParameter', 'enableTestCommands=1'] : []),
    ...args,
  ]
}

/**
 * @param mongod the path of the server
 * @param options.replicaSet the name of its replica set; without one it is a standalone server
 * @param options.testCommands allow fail points
 * @param options.cacheGB how much memory its cache may take; half a gigabyte by default, null for the server's own default
 * @param options.args more arguments for mongod
 * @param options.directory where its data is, for one that was killed and is to come back
 * @param options.port where it listened then
 * @returns its `port`, its `pid` (which a test may signal), its data `directory`, and `stop()`, which kills it and removes that
 */
export async function startServer(mongod, options = {}) {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'durabl-mongod-'))
  const port = options.port ?? (await freePort())
  const args = argumentsFor(directory, port, options)
  const { pid, stop } = await startKept({ name: 'mongod', directory, port, command: mongod, args })
  return { port, pid, directory, stop }
}
