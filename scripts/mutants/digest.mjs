/** By which results are known, so that a run of the same files uses them again. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A digest of the names and contents of these files. */
export function digestOf(directory, files) {
  const hash = createHash('sha256')
  for (const file of files) hash.update(file).update(readFileSync(join(directory, file)))
  return hash.digest('hex').slice(0, 16)
}
