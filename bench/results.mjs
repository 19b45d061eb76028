/** The figures of past runs: kept raw, by section, so that the page can be written anew without measuring. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { root } from '../scripts/process.mjs'
import { Advice } from '../scripts/terminal.mjs'

const NAME = 'benchmarks.json'

const pathIn = (folder) => join(resolve(root, folder), NAME)

/** The stored results; empty if there are none. */
export function readResults(folder) {
  try {
    return JSON.parse(readFileSync(pathIn(folder), 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return { sections: {} }
    throw new Advice(`${pathIn(folder)} can't be read: ${error.message}`)
  }
}

const isPlain = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)

/** JSON in which objects of objects take lines, and everything deeper one line each: readable, and short in a diff. */
function inLines(value, depth, indent = '') {
  if (depth === 0 || !(isPlain(value) || Array.isArray(value))) return JSON.stringify(value)
  const inner = `${indent}  `
  const [open, close] = isPlain(value) ? '{}' : '[]'
  const entries = isPlain(value)
    ? Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${inLines(item, depth - 1, inner)}`)
    : value.map((item) => inLines(item, depth - 1, inner))
  if (entries.length === 0) return open + close
  return `${open}\n${entries.map((entry) => inner + entry).join(',\n')}\n${indent}${close}`
}

/** Sections, each with its parts, each part's contestants. */
const DEPTH = 4

/** Sentences about the stored sections that a run replaces, and about those that stay. */
export function fates({ sections }, names) {
  const one = (name) => `${name} (${sections[name].about.date}, ${sections[name].about.versions.commit})`
  const [gone, stay] = [true, false].map((isGone) =>
    Object.keys(sections).filter((name) => names.includes(name) === isGone),
  )
  return [
    ...(gone.length > 0 ? [`replaced, each as a whole: ${gone.map(one).join(', ')}`] : []),
    ...(stay.length > 0 ? [`stay as they are: ${stay.map(one).join(', ')}`] : []),
  ]
}

/** Keeps sections that were measured now beside those that were measured before. */
export function keepResults(folder, sections) {
  const { sections: known } = readResults(folder)
  const results = { sections: { ...known, ...sections } }
  mkdirSync(resolve(root, folder), { recursive: true })
  writeFileSync(pathIn(folder), `${inLines(results, DEPTH)}\n`)
  return results
}
