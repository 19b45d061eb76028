/** Redis, as durable as those who queue with it usually run it: an append-only file, flushed once a second. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, startKept } from '../../scripts/kept/server.mjs'
import { capture } from '../../scripts/process.mjs'
import { debianProgram } from './debian.mjs'

export const settings =
  '`appendonly yes`, `appendfsync everysec`, no snapshots, `maxmemory-policy noeviction`'

function argumentsFor(directory, port, flushed) {
  return [
    ...['--port', port, '--bind', '127.0.0.1', '--dir', directory, '--logfile', join(directory, 'log')],
    ...['--appendonly', 'yes', '--appendfsync', flushed, '--save', '', '--maxmemory-policy', 'noeviction'],
  ]
}

export const start = () => startWith('everysec')

/**
 * A server for each run: an append-only file that has grown is rewritten at odd moments.
 *
 * @param flushed when the file is flushed, in Redis's words
 */
export async function startWith(flushed) {
  const command = await debianProgram({ program: 'redis-server', debian: 'redis-server' })
  const { output } = await capture(command, ['--version'])
  const fresh = async () => {
    const directory = mkdtempSync(join(tmpdir(), 'durabl-redis-'))
    const port = await freePort()
    const args = argumentsFor(directory, port, flushed)
    const server = await startKept({ name: 'redis-server', directory, port, command, args })
    return { place: { url: `redis://127.0.0.1:${port}`, port, pid: server.pid }, dispose: server.stop }
  }
  return { version: `Redis ${output.match(/v=(\S+)/)?.[1]}`, fresh, stop: async () => {} }
}
