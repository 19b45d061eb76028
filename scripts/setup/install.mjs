/** Dependencies: installed anew when what is there is not what the lock file says. */
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
function installed(directory) {
  const wanted = packagesOf(join(directory, 'package-lock.json'))
  const present = packagesOf(join(directory, 'node_modules/.package-lock.json'))
  if (!wanted || !present) return false
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional || present[path]?.version === version,
  )
}

/** `npm ci` where the lock file is whole; where it lacks packages for other platforms, that would refuse to work. */
const COMMANDS = { '.': ['ci'], bench: ['install', '--no-save', '--prefix', 'bench'] }

/**
 * @param options.directory a folder with a package of its own; the root by default
 * @param options.what what is installed there, for people
 */
export async function ensureInstalled({ directory = '.', what = 'the development dependencies' } = {}) {
  if (installed(directory)) return
  const start = Date.now()
  const [command, ...rest] = COMMANDS[directory]
  say(`installing ${what} (npm ${command})`)
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  const { code, output } = await capture('npm', [command, ...rest, ...quiet])
  if (code !== 0) throw new Advice(`npm ${command} failed:\n${output}`)
  say(`installed in ${duration(Date.now() - start)}`)
}
