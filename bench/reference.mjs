/** The references in Rust: built from the engine's example, run as a process of their own. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { capture, root } from '../scripts/process.mjs'
import { Advice, say } from '../scripts/terminal.mjs'

/** Builds it, if need be; resolves to its path. */
export async function buildReference() {
  say('building the references (cargo, release)')
  const args = ['build', '--release', '--locked', '-p', 'durabl-engine', '--example', 'reference']
  const { code, output } = await capture('cargo', args)
  if (code !== 0) throw new Advice(`the references did not build:\n${output}`)
  const folder = process.env.CARGO_TARGET_DIR ?? join(root, 'target')
  const path = join(folder, 'release/examples', process.platform === 'win32' ? 'reference.exe' : 'reference')
  if (!existsSync(path)) throw new Advice(`cargo built no ${path}.`)
  return path
}

/**
 * Empties a backlog that is there.
 *
 * @param what `engine` or `mongodb`
 * @param width handlers at once, or jobs in a batch
 * @returns `seconds`, `cpuMs` and `serverCpuMs`; and `marks`, of `mongodb` only: the seconds after which each tenth had been claimed
 */
export async function runReference(path, what, { url, database, pid }, jobs, width) {
  const { code, output } = await capture(path, [what, url, database, pid, jobs, width].map(String))
  if (code !== 0) throw new Error(`the reference ${what} failed: ${output}`)
  const { seconds, cpuSeconds, serverCpuSeconds, marks } = JSON.parse(output.trim().split('\n').at(-1))
  return { seconds, cpuMs: cpuSeconds * 1000, serverCpuMs: serverCpuSeconds * 1000, marks }
}
