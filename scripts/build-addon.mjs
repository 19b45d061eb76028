/**
 * Builds the native addon and puts it where the package looks for it.
 *
 *     npm run build:addon
 *     npm run build:addon -- --target aarch64-apple-darwin    for another platform, with its toolchain installed
 *     npm run build:addon -- --target x86_64-unknown-linux-musl --zig
 *                                                             for another Linux, by `cargo zigbuild`, which cross-compiles C too
 *     npm run build:addon -- --published                      with all that the published binaries can do
 */
import { copyFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ADDON, PUBLISHED } from './cargo.mjs'
import { tripleOf } from './packages/targets.mjs'
import { capture, root } from './process.mjs'
import { Advice, main } from './terminal.mjs'

async function hostTarget() {
  const { output } = await capture('rustc', ['-vV'])
  return output.match(/^host: (.+)$/m)[1].trim()
}

function cargoArguments({ target, zig, published }) {
  return [
    ...[zig ? 'zigbuild' : 'build', '--message-format=json-render-diagnostics'],
    ...(published ? PUBLISHED : ADDON),
    ...(target ? ['--target', target] : []),
  ]
}

/** Runs cargo, passes on what it has to say, and returns the library's path. */
async function build(options) {
  let library = null
  const { code } = await capture('cargo', cargoArguments(options), {
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
  const { values } = parseArgs({
    options: { target: { type: 'string' }, zig: { type: 'boolean' }, published: { type: 'boolean' } },
  })
  const library = await build(values)
  const name = `durabl.${tripleOf(values.target ?? (await hostTarget()))}.node`
  // In one step: a process that has the old file open keeps it, and no process ever sees half of the new one.
  copyFileSync(library, join(root, `${name}.new`))
  renameSync(join(root, `${name}.new`), join(root, name))
  console.log(name)
})
