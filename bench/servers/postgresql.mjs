/** PostgreSQL with the settings that it comes with: every commit is flushed. */
import { chownSync, mkdtempSync, readFileSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { freePort, startKept } from '../../scripts/kept/server.mjs'
import { capture } from '../../scripts/process.mjs'
import { debianProgram } from './debian.mjs'

export const settings = 'as it comes (`fsync` and `synchronous_commit` on), `max_connections` 200'

const USER = 'postgres'

/** It refuses to run as root; then it runs as the user that its package made, or as the system's unprivileged user. */
function unprivileged() {
  if (process.getuid?.() !== 0) return null
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const [name, , uid, gid] =
    users.find(([name]) => name === USER) ?? users.find(([name]) => name === 'nobody')
  return { name, uid: Number(uid), gid: Number(gid) }
}

/** A command as the unprivileged user runs it. */
function asUser(user, command, args) {
  if (!user) return [command, args]
  return ['setpriv', [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', command, ...args]]
}

async function demand([command, args]) {
  const { code, output } = await capture(command, args)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${output}`)
}

function argumentsFor(directory, port) {
  const chosen = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 200,
    logging_collector: 'on',
    log_directory: directory,
    log_filename: 'log',
  }
  const flags = Object.entries(chosen).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return ['-D', join(directory, 'data'), '-p', port, ...flags]
}

export async function start() {
  const versioned = { parent: '/usr/lib/postgresql', child: 'bin' }
  const postgres = await debianProgram({ program: 'postgres', debian: 'postgresql', versioned })
  // Its tools lie beside the program itself, not beside a link to it.
  const tool = (name) => join(dirname(realpathSync(postgres)), name)
  const { output } = await capture(postgres, ['--version'])
  const directory = mkdtempSync(join(tmpdir(), 'durabl-postgresql-'))
  const user = unprivileged()
  if (user) chownSync(directory, user.uid, user.gid)
  const making = ['-D', join(directory, 'data'), '-U', USER, '--auth=trust', '--encoding=UTF8', '--locale=C']
  await demand(asUser(user, tool('initdb'), making))
  const port = await freePort()
  const [command, args] = asUser(user, postgres, argumentsFor(directory, port))
  // SIGQUIT: it ends at once, its children and shared memory with it, and asks for no checkpoint.
  const server = await startKept({ name: 'postgres', directory, port, command, args, signal: 'SIGQUIT' })
  const where = ['-h', '127.0.0.1', '-p', String(port), '-U', USER]
  let databases = 0
  const fresh = async () => {
    const name = `bench_${(databases += 1)}`
    await demand([tool('createdb'), [...where, name]])
    return {
      place: { url: `postgres://${USER}@127.0.0.1:${port}/${name}`, pid: server.pid },
      dispose: () => demand([tool('dropdb'), [...where, '--force', name]]),
    }
  }
  return { version: `PostgreSQL ${output.match(/(\d+\.\d+)/)?.[1]}`, fresh, stop: server.stop }
}
