/**
 * Brings a clone to the point where the package can be used: dependencies installed, engine built, `lib/` compiled. Does only
 * what is not current, so it is quick when there is nothing to do. Needs Node.js, and Rust with a C compiler to build the engine.
 */
import { pathToFileURL } from 'node:url'
import { ensureAddon } from './setup/addon.mjs'
import { ensureInstalled } from './setup/install.mjs'
import { ensureLib } from './setup/lib.mjs'
import { Advice, main, say } from './terminal.mjs'

const OLDEST_NODE = 20

export async function setup() {
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
    throw new Advice(`Node.js ${OLDEST_NODE} or newer is needed; this is ${process.version}.`)
  }
  await ensureInstalled()
  await ensureAddon()
  await ensureLib()
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(async () => {
    await setup()
    say('ready')
  })
}
