/** The invariants in ARCHITECTURE.md: each names tests that guard it, and these exist. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../process.mjs'
import { read } from './files.mjs'

const HEADING = '## The invariants'
const GUARD = /`([^`]+)` “([^”]+)”/g

/** Whether a file has a test, or a group of them, whose name contains this one. */
function hasTest(text, name) {
  return text.split('\n').some((line) => line.includes(name) && /\b(test|it|describe|fn)\b/.test(line))
}

/** @param readFile the text of a file; null if it does not exist */
export function complaintsAbout(page, readFile) {
  const section = page.split(HEADING)[1]?.split('\n## ')[0] ?? ''
  const items = section.split(/\n(?=- )/).filter((item) => item.startsWith('- '))
  if (items.length === 0) return [`ARCHITECTURE.md has no invariants under "${HEADING}"`]
  return items.flatMap((item) => {
    const invariant = item.match(/\*\*(.+?)\*\*/s)?.[1] ?? item
    const guards = [...item.replaceAll(/\n\s*/g, ' ').matchAll(GUARD)]
    if (guards.length === 0) return [`no test guards “${invariant}”`]
    return guards.flatMap(([, file, name]) => {
      const text = readFile(file)
      if (text === null) return [`“${invariant}” is guarded by ${file}, which does not exist`]
      return hasTest(text, name) ? [] : [`“${invariant}” is guarded by “${name}”, which is not in ${file}`]
    })
  })
}

export async function checkInvariants() {
  const readFile = (file) => (existsSync(join(root, file)) ? read(file) : null)
  return complaintsAbout(read('ARCHITECTURE.md'), readFile)
}
