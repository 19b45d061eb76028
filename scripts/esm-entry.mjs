/**
 * The ESM entry: the same objects as the CommonJS build, by name, so that there is one copy of the package however it is loaded.
 *
 *     node scripts/esm-entry.mjs      writes it anew
 */
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './process.mjs'
import { read } from './check/files.mjs'

const require = createRequire(import.meta.url)

const exported = () => Object.keys(require(join(root, 'dist/index.js'))).sort()

/**
 * What the files should contain. Each name is exported from the CommonJS module by itself, not picked from its default export: what
 * that is, bundlers do not agree on.
 */
function wanted() {
  const names = exported().map((name) => `  ${name},\n`)
  return {
    'index.mjs': `// Written by scripts/esm-entry.mjs.\nexport {\n${names.join('')}} from './dist/index.js'\n`,
    'index.d.mts': `// Written by scripts/esm-entry.mjs.\nexport * from './index.js'\n`,
  }
}

/** The classes, functions and constants that the types promise. */
function declared() {
  const names = read('index.d.ts').matchAll(
    /^export (?:declare )?(?:abstract )?(?:class|function|const) (\w+)/gm,
  )
  return new Set([...names].map(([, name]) => name))
}

export async function checkEsmEntry() {
  const stale = Object.entries(wanted()).filter(([file, text]) => read(file) !== text)
  const complaints = stale.map(([file]) => `${file} is not current: run node scripts/esm-entry.mjs`)
  const promised = declared()
  const there = new Set(exported())
  for (const name of promised)
    if (!there.has(name)) complaints.push(`index.d.ts declares ${name}, dist/index.js has no such export`)
  for (const name of there)
    if (!promised.has(name)) complaints.push(`dist/index.js exports ${name}, index.d.ts does not declare it`)
  return complaints
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const [file, text] of Object.entries(wanted())) writeFileSync(join(root, file), text)
}
