/**
 * The ESM entry: the same objects as the CommonJS build, by name, so that there is one copy of the package however it is loaded.
 *
 *     node scripts/esm-entry.mjs      writes it anew
 */
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './process.mjs'
import { read } from './check/files.mjs'
import { filesUnder } from './setup/newest.mjs'

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

/** The classes, functions and constants that the types promise: every export that is there at run time. */
async function declared() {
  const { default: ts } = await import('typescript')
  const program = ts.createProgram([join(root, 'index.d.ts')], { types: ['node'], skipLibCheck: true })
  const checker = program.getTypeChecker()
  const entry = checker.getSymbolAtLocation(program.getSourceFile(join(root, 'index.d.ts')))
  const values = checker.getExportsOfModule(entry).filter(({ flags }) => flags & ts.SymbolFlags.Value)
  return new Set(values.map(({ name }) => name))
}

/** The files of the contract that `index.d.ts` leaves out. */
function leftOut() {
  const entry = read('index.d.ts')
  return filesUnder('types').filter((file) => !entry.includes(`'./types/${basename(file, '.d.ts')}.js'`))
}

export async function checkEsmEntry() {
  const stale = Object.entries(wanted()).filter(([file, text]) => read(file) !== text)
  const complaints = stale.map(([file]) => `${file} is not current: run node scripts/esm-entry.mjs`)
  complaints.push(...leftOut().map((file) => `index.d.ts exports nothing from ${file}`))
  const promised = await declared()
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
