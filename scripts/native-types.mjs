/**
 * The types of the addon for `lib/`: written from the declarations that the binding makes in Rust, so that the two can't differ.
 *
 *     node scripts/native-types.mjs      writes them anew
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { read } from './check/files.mjs'
import { emitted, typesOf } from './border/declarations.mjs'
import { root } from './process.mjs'

const FILE = 'lib/mongo/native/addon.ts'

/** The content that the file should have for these declarations. */
export async function wanted(declarations) {
  const { format, resolveConfig } = await import('prettier')
  const options = await resolveConfig(join(root, FILE))
  return format(typesOf(declarations), { ...options, filepath: FILE })
}

/** The first line at which the two texts part. */
function difference(found, expected) {
  const [ours, theirs] = [found.split('\n'), expected.split('\n')]
  const index = theirs.findIndex((line, number) => line !== ours[number])
  const number = index === -1 ? theirs.length : index
  return `line ${number + 1} is ${JSON.stringify(ours[number] ?? '')}, the binding has ${JSON.stringify(theirs[number] ?? '')}`
}

/** The complaint about a text that is not what these declarations make. */
export async function compare(found, declarations) {
  const expected = await wanted(declarations)
  if (found === expected) return []
  return [`${FILE} is not current: run node scripts/native-types.mjs\n${difference(found, expected)}`]
}

export const checkBorder = async () => compare(read(FILE), await emitted())

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(join(root, FILE), await wanted(await emitted()))
}
