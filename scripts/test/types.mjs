/** Programs that are compiled, not run: what the types accept and refuse. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { capture, root } from '../process.mjs'
import { green, red } from '../terminal.mjs'

const HOME = '__test__/types'

function projects() {
  const entries = readdirSync(join(root, HOME), { withFileTypes: true })
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${HOME}/${name}`)
  return [HOME, ...below]
}

/** @returns how many projects compiled, and how many did not */
export async function runTypeTests() {
  const counts = { passed: 0, failed: 0, skipped: 0, broken: false }
  for (const project of projects()) {
    const args = ['node_modules/typescript/bin/tsc', '-p', project]
    const { code, output } = await capture(process.execPath, args)
    console.log(code === 0 ? `${green('✔')} ${project} compiles` : `${red('✘')} ${project}\n${output}`)
    counts[code === 0 ? 'passed' : 'failed'] += 1
  }
  return counts
}
