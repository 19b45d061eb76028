/**
 * Bundles the code for publishing: one file for each entry and command, and one for the code that several of them share. So each class exists
 * once. A clone runs the files that the compiler writes; loading a hundred and thirty of them takes five times as long.
 */
import { rmSync, cpSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { root } from '../process.mjs'
import { COMMANDS, ENTRIES } from './entries.mjs'

/** Loaded by name at run time, by what a condition of the manifest says. */
const PACKAGES = 'mongo/packages/literal'
const PACKAGES_OF_BUNDLES = 'mongo/packages/none.mjs'

/** Never part of the bundle: the app's own packages, the binaries, and the file that names them. */
const EXTERNAL = [/^[^./]/]

/** The command and the dashboard share pages, which apps that use neither don't load. */
const OF_APPS = /[\\/]lib[\\/](?!dashboard[\\/]|command[\\/])/

/** @param directory is replaced by the bundle */
export async function bundle(directory) {
  const modules = [...ENTRIES, ...COMMANDS].map(({ module }) => module).concat(PACKAGES)
  const build = await rolldown({
    input: Object.fromEntries(modules.map((module) => [module, join(root, 'lib', `${module}.ts`)])),
    platform: 'node',
    external: EXTERNAL,
    tsconfig: join(root, 'tsconfig.json'),
  })
  rmSync(directory, { recursive: true })
  await build.write({
    dir: directory,
    format: 'cjs',
    exports: 'named',
    esModule: true,
    sourcemap: true,
    comments: false,
    entryFileNames: '[name].js',
    chunkFileNames: 'shared/[name].js',
    // By itself it makes a file for each set of entries that share something.
    codeSplitting: { groups: [{ name: 'common', minShareCount: 2, test: OF_APPS }] },
  })
  await build.close()
  for (const file of [PACKAGES_OF_BUNDLES, `${PACKAGES_OF_BUNDLES}.map`])
    cpSync(join(root, 'dist', file), join(directory, file))
}
