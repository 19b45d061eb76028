/**
 * The queues that are compared. Each has one file here, which exports `about` and `open(place, variant)`. Packages are loaded in `open`, so
 * that a queue that is not installed can still be named. `open` resolves to an object with:
 *
 * - `setUp()`: makes indexes or tables, and connects what can be connected beforehand; in every process
 * - `add(data, delay?)`: one job; resolves when it is acknowledged. `delay` in milliseconds
 * - `addMany(datas, delay?)`: many, by the queue's own bulk call; absent if it has none
 * - `prepare(handle, concurrency)`: makes a worker ready; resolves to the function that starts it
 * - `prepareTypes(types, handle, concurrency)`: the same for so many types of jobs; `addOf(n, data)` adds a job of the nth. `daily` asks for both
 * - `isEmpty()`: whether every job that is due has ended and been recorded so
 * - `close()`
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../scripts/process.mjs'
import { about as agenda } from './agenda.mjs'
import { about as bullmq } from './bullmq.mjs'
import { about as durabl } from './durabl.mjs'
import { about as graphile } from './graphile-worker.mjs'
import { about as pgBoss } from './pg-boss.mjs'
import { about as pulse } from './pulse.mjs'
import { about as sidequest } from './sidequest.mjs'

export const peers = {
  durabl,
  bullmq,
  'graphile-worker': graphile,
  'pg-boss': pgBoss,
  agenda,
  pulse,
  sidequest,
}

const manifest = (path) => JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'))

/** The version of a package that is installed for the benchmarks; null if it is not. */
function installedVersion(name) {
  try {
    return manifest(join('bench/node_modules', name)).version
  } catch {
    return null
  }
}

/** A peer's packages, with versions; null if one is missing. */
export function versionOf(peer) {
  if (peer === 'durabl') return manifest('.').version
  const versions = peers[peer].packages.map((name) => [name, installedVersion(name)])
  if (versions.some(([, version]) => version === null)) return null
  return versions.length === 1 ? versions[0][1] : versions.map((pair) => pair.join(' ')).join(', ')
}
