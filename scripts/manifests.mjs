/**
 * Writes the version, and the manifests of the platforms' packages, wherever they stand; `npm version` runs it.
 *
 *     node scripts/manifests.mjs
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { read } from './check/files.mjs'
import { derivedFiles } from './packages/manifests.mjs'
import { root } from './process.mjs'
import { ensureInstalled } from './setup/install.mjs'
import { ensureLib } from './setup/lib.mjs'
import { main } from './terminal.mjs'

await main(async () => {
  await ensureInstalled()
  await ensureLib()
  for (const [file, text] of derivedFiles()) {
    // A file that is current keeps its time, or all that is built from it would be built again.
    if (existsSync(join(root, file)) && read(file) === text) continue
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
})
