/**
 * Fetches a server as mongodb-memory-server does. Its own timeouts and retries are long, so it runs in a child process. The child is ended once
 * nothing has arrived for a while: a machine without that download must find out quickly.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { capture } from '../process.mjs'
import { filesUnder } from '../setup/newest.mjs'
import { keep } from './binary.mjs'

const SILENCE_MS = 15_000
const MARK = 'mongod is at '
const CHILD = fileURLToPath(new URL('download-child.mjs', import.meta.url))

const sizeOf = (directory) =>
  filesUnder(directory).reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0)

/** Aborts once nothing has been written to a directory for a while. Returns how to stop watching. */
function abortOnSilence(directory, controller) {
  let size = 0
  let since = Date.now()
  const timer = setInterval(() => {
    const now = sizeOf(directory)
    if (now !== size) since = Date.now()
    size = now
    if (Date.now() - since > SILENCE_MS) controller.abort()
  }, 500)
  return () => clearInterval(timer)
}

function wantedVersion() {
  const { DURABL_MONGOD_VERSION: version } = process.env
  return version ? { MONGOMS_VERSION: version } : {}
}

/** @returns the path of the server, which is in the cache from now on; null if there was none to be had */
export async function download() {
  const directory = mkdtempSync(join(tmpdir(), 'durabl-download-'))
  const controller = new AbortController()
  const stopWatching = abortOnSilence(directory, controller)
  try {
    const { output } = await capture(process.execPath, [CHILD, directory], {
      env: { MONGOMS_MAX_RETRIES: '0', MONGOMS_SYSTEM_BINARY: '', ...wantedVersion() },
      signal: controller.signal,
    })
    const line = output.split('\n').find((text) => text.startsWith(MARK))
    return line ? keep(line.slice(MARK.length)) : null
  } finally {
    stopWatching()
    rmSync(directory, { recursive: true, force: true })
  }
}
