/**
 * Bundles the code for publishing. Each entry, each command and each module that is loaded late has a file. A few more hold the code that
 * several of them share, so that each class exists once. A clone runs the files that the compiler writes; loading a hundred and thirty of
 * them takes five times as long.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { rolldown } from 'rolldown'
import { root } from '../process.mjs'
import { COMMANDS, ENTRIES } from './entries.mjs'

/** Loaded by name at run time, by what a condition of the manifest says. */
const PACKAGES = 'mongo/packages/literal'
const PACKAGES_OF_BUNDLES = 'mongo/packages/none.mjs'

/** Never part of the bundle: the app's own packages, the binaries, and the file that names them. */
const EXTERNAL = [/^[^./]/]

/** The main entry. An app reads its module, and all that this one imports, when it starts. */
const MAIN = ENTRIES[0].module

/** The file of all that an app reads when it starts. */
const COMMON = 'common'

/** Modules that late ones and other entries share, and the bundler's helpers. Few apps load the dashboard, the command and the orchestrator. */
const OF_PARTS = /^\0rolldown|[\\/]lib[\\/](?!dashboard[\\/]|command[\\/]|orchestrator[\\/])/

const sourceOf = (module) => join(root, 'lib', `${module}.ts`)

/**
 * Gives each module that the code requires by a relative path a file of its own, and leaves the call to Node.js. So the module loads when
 * the call runs. The files that call stand in `shared/` and `later/`, and see a late one by the same path.
 */
function laterFiles() {
  return {
    name: 'later-files',
    async resolveId(request, importer, { kind }) {
      if (kind !== 'require-call' || !request.startsWith('.')) return null
      const { id } = await this.resolve(request, importer, { kind: 'import-statement', skipSelf: true })
      const name = basename(id, '.ts')
      this.emitFile({ type: 'chunk', id, name, fileName: `later/${name}.js` })
      return { id: `../later/${name}.js`, external: true }
    },
  }
}

/** The modules that a module imports, directly or not. */
function importedBy(module, build) {
  const importsOf = (id) => build.getModuleInfo(id)?.importedIds ?? []
  const found = new Set(importsOf(module))
  for (const id of found) for (const imported of importsOf(id)) found.add(imported)
  return found
}

/** By itself the bundler makes a file for each set of entries that share something. */
function groups() {
  let common = null
  const nameOf = (id, build) => {
    common ??= importedBy(sourceOf(MAIN), build)
    return common.has(id) ? COMMON : null
  }
  return [
    { name: nameOf, debugName: COMMON },
    { name: 'parts', test: OF_PARTS, minShareCount: 2 },
  ]
}

/** As the bundler writes it. */
const GETTER =
  /^Object\.defineProperty\(exports, "(\w+)", \{\n\tenumerable: true,\n\tget: function\(\) \{\n\t\treturn ([\w$]+);\n\t\}\n\}\);$/gm

/** Makes the exports of a file plain values: hundreds of getters take half a millisecond. They stand at its end, after all values. */
function withPlainExports(file) {
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll(GETTER, 'exports.$1 = $2;'))
}

/** @param directory is replaced by the bundle */
export async function bundle(directory) {
  const modules = [...ENTRIES, ...COMMANDS].map(({ module }) => module).concat(PACKAGES)
  const build = await rolldown({
    input: Object.fromEntries(modules.map((module) => [module, sourceOf(module)])),
    platform: 'node',
    external: EXTERNAL,
    tsconfig: join(root, 'tsconfig.json'),
    plugins: [laterFiles()],
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
    codeSplitting: { groups: groups() },
  })
  await build.close()
  withPlainExports(join(directory, 'shared', `${COMMON}.js`))
  for (const file of [PACKAGES_OF_BUNDLES, `${PACKAGES_OF_BUNDLES}.map`])
    cpSync(join(root, 'dist', file), join(directory, file))
}
