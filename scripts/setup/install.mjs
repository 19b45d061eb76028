/** The development dependencies: `npm ci` when what is installed is not what the lock file says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { capture, root } from '../process.mjs'
import { Advice, duration, say } from '../terminal.mjs'

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages
  } catch {
    return null
  }
}

/** npm keeps a copy of the lock file beside what it installed; packages for other platforms are missing there. */
function installed() {
  const wanted = packagesOf('package-lock.json')
  const present = packagesOf('node_modules/.package-lock.json')
  if (!wanted || !present) return false
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional || present[path]?.version === version,
  )
}

export async function ensureInstalled() {
  if (installed()) return
  const start = Date.now()
  say('installing the development dependencies (npm ci)')
  const { code, output } = await capture('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  if (code !== 0) throw new Advice(`npm ci failed:\n${output}`)
  say(`installed in ${duration(Date.now() - start)}`)
}
