/** A mongod on this machine: asked for its version, kept in a cache of our own that survives clones. */
import { accessSync, chmodSync, constants, copyFileSync, mkdirSync, renameSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { capture } from '../process.mjs'

/** Older servers are refused by durabl. */
const OLDEST_SERVER = 6

const executable = process.platform === 'win32' ? 'mongod.exe' : 'mongod'

function cacheDirectory() {
  const { DURABL_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env
  return DURABL_CACHE ?? join(XDG_CACHE_HOME ?? LOCALAPPDATA ?? join(homedir(), '.cache'), 'durabl')
}

/** Where the one cached server lives. */
export const cachedBinary = () => join(cacheDirectory(), executable)

/** The version of a mongod, such as `6.0.5`; null if it does not run here. */
export async function versionOf(path) {
  const { code, output } = await capture(path, ['--version'], { timeoutMs: 20_000 })
  return code === 0 ? (output.match(/db version v(\S+)/)?.[1] ?? null) : null
}

/** Why a mongod can't be used; null if it can. */
export async function objectionTo(path) {
  const version = await versionOf(path)
  if (version === null) return 'it does not run here'
  if (Number(version.split('.')[0]) < OLDEST_SERVER) return `it is ${version}, and 6.0 is the floor`
  const wanted = process.env.DURABL_MONGOD_VERSION
  return wanted && version !== wanted
    ? `it is ${version}, and DURABL_MONGOD_VERSION asks for ${wanted}`
    : null
}

export function onPath() {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(directory, executable)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not there: the next directory may have it.
    }
  }
  return null
}

/** Puts a server into the cache in one step, so that a second process never sees half of it. */
export function keep(path) {
  mkdirSync(cacheDirectory(), { recursive: true })
  const partial = `${cachedBinary()}.${process.pid}`
  copyFileSync(path, partial)
  chmodSync(partial, 0o755)
  renameSync(partial, cachedBinary())
  return cachedBinary()
}
