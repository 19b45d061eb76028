/**
 * The files that follow from the table of entries, `scripts/packages/entries.mjs`: the ESM entries, and what `package.json` says of
 * them.
 *
 *     node scripts/entries.mjs      writes them anew
 */
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { read } from './check/files.mjs'
import { ENTRIES, checkEntries, filesOf, filesOfEntries } from './packages/entries.mjs'
import { root } from './process.mjs'
import { filesUnder } from './setup/newest.mjs'

/** The files of the contract that no entry exports from. */
function leftOut() {
  const types = ENTRIES.flatMap(filesOf).filter((file) => file.endsWith('.d.ts'))
  const text = types.map(read).join('\n')
  return filesUnder('types').filter((file) => !text.includes(`'./types/${basename(file, '.d.ts')}.js'`))
}

export async function checkEntry() {
  const complaints = await checkEntries(root)
  return [...complaints, ...leftOut().map((file) => `no entry exports anything from ${file}`)]
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const [file, text] of filesOfEntries(root)) writeFileSync(join(root, file), text)
}
