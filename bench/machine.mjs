/** The machine on which the figures were measured. */
import { cpus, release, totalmem, type } from 'node:os'
import { capture } from '../scripts/process.mjs'
import { version as driver } from './mongodb.mjs'
import { peers, versionOf } from './peers/all.mjs'
import { node } from './process.mjs'
import { kinds } from './servers/all.mjs'

const firstLine = async (command, args) => {
  const { code, output } = await capture(command, args)
  return code === 0 ? output.trim().split('\n')[0] : null
}

const GIB = 1024 ** 3

export function machine() {
  const [{ model }] = cpus()
  return {
    cpus: `${cpus().length} × ${model.trim()}`,
    memory: `${Math.round(totalmem() / GIB)} GiB`,
    system: `${type()} ${release()}`,
  }
}

/** Versions of everything that takes part. */
export async function versions(servers, chosen) {
  const serversOf = ({ server, tunedServer, durableServer }) => [server, tunedServer, durableServer]
  const wanted = new Set(chosen.flatMap((peer) => serversOf(peers[peer])))
  const started = Object.keys(kinds).filter((kind) => wanted.has(kind))
  const commit = await firstLine('git', ['rev-parse', '--short', 'HEAD'])
  return {
    node: await firstLine(node(), ['--version']),
    rust: await firstLine('rustc', ['--version']),
    commit,
    driver,
    servers: Object.fromEntries(
      await Promise.all(started.map(async (kind) => [kind, (await servers.get(kind)).version])),
    ),
    peers: Object.fromEntries(chosen.map((peer) => [peer, versionOf(peer)])),
  }
}
