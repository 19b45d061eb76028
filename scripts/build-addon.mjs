/**
 * Builds the native addon and puts it where the package looks for it.
 *
 *     npm run build:addon
 *     npm run build:addon -- --target aarch64-unknown-linux-gnu    for another platform, with its toolchain installed
 */
import { copyFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { capture, root } from './process.mjs'
import { Advice, main } from './terminal.mjs'

const ARCHITECTURES = { x86_64: 'x64', aarch64: 'arm64', i686: 'ia32' }
const SYSTEMS = { apple: 'darwin', pc: 'win32', unknown: 'linux' }

/** A platform as Node's world spells it, of one as Rust does: `linux-x64-gnu` of `x86_64-unknown-linux-gnu`. */
function platformOf(target) {
  const [architecture, vendor, , abi] = target.split('-')
  const parts = [SYSTEMS[vendor], ARCHITECTURES[architecture], abi]
  if (!parts[0] || !parts[1])
    throw new Advice(`There is no name for the platform ${target} yet: add it here.`)
  return parts.filter(Boolean).join('-')
}

async function hostTarget() {
  const { output } = await capture('rustc', ['-vV'])
  return output.match(/^host: (.+)$/m)[1].trim()
}

/** Runs cargo, passes on what it has to say, and returns the library's path. */
async function build(target) {
  let library = null
  const args = ['build', '--release', '--locked', '-p', 'durabl', '--message-format=json-render-diagnostics']
  const { code } = await capture('cargo', target ? [...args, '--target', target] : args, {
    onLine(line) {
      if (!line.startsWith('{')) return console.log(line)
      const message = JSON.parse(line)
      if (message.reason === 'compiler-artifact' && message.target.crate_types.includes('cdylib')) {
        library = message.filenames.find((file) => /\.(so|dylib|dll)$/.test(file))
      }
    },
  })
  if (code !== 0) throw new Advice(`cargo build failed with exit code ${code}`)
  return library
}

await main(async () => {
  const { values } = parseArgs({ options: { target: { type: 'string' } } })
  const library = await build(values.target)
  const name = `durabl.${platformOf(values.target ?? (await hostTarget()))}.node`
  // In one step: a process that has the old file open keeps it, and no process ever sees half of the new one.
  copyFileSync(library, join(root, `${name}.new`))
  renameSync(join(root, `${name}.new`), join(root, name))
  console.log(name)
})
