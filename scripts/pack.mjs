/**
 * Packs what is published: the package, and one package per platform whose binary (`durabl.<platform>.node`) is at the root.
 *
 *     npm run pack                  into target/packages
 *     npm run pack -- --out DIR     into another directory, which is emptied first
 *     npm run pack -- --all         demands the binary of every published platform
 */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { pack } from './packages/pack.mjs'
import { root } from './process.mjs'
import { ensureInstalled } from './setup/install.mjs'
import { ensureLib } from './setup/lib.mjs'
import { main } from './terminal.mjs'

await main(async () => {
  const { values } = parseArgs({ options: { out: { type: 'string' }, all: { type: 'boolean' } } })
  await ensureInstalled()
  await ensureLib()
  const out = values.out ? resolve(values.out) : join(root, 'target/packages')
  for (const { file, bytes } of await pack(out, values)) {
    console.log(`${(bytes / 1e6).toFixed(2).padStart(6)} MB  ${file}`)
  }
})
