/** The repository's own files: those that git knows, and those that it would. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { capture, root } from '../process.mjs'

export async function ownFiles() {
  const { code, output } = await capture('git', ['ls-files', '-co', '--exclude-standard', '--deduplicate'])
  if (code !== 0) throw new Error(`git ls-files failed: ${output}`)
  const { output: gone } = await capture('git', ['ls-files', '--deleted'])
  const deleted = new Set(gone.split('\n'))
  return output.split('\n').filter((file) => file && !deleted.has(file))
}

export const read = (file) => readFileSync(join(root, file), 'utf8')
