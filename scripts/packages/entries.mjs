/**
 * The entries of the package: a row for each path that an app may import, and for each command. Their places in `package.json`, the ESM files
 * and the packed tests follow from these rows. So a new entry is one row here, its module in `lib/` and its types.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/**
 * `path` follows the package's name in an import; `module` is the file in `lib/`, without `.ts`. The types are written by hand in `NAME.d.ts`
 * at the root, where NAME is the path, or `index`. There even the oldest way to resolve modules finds them.
 */
export const ENTRIES = [
  { path: '.', module: 'index' },
  { path: './testing', module: 'testing/index' },
  { path: './eslint', module: 'eslint/index' },
  { path: './dashboard', module: 'dashboard/index' },
  { path: './otel', module: 'otel/index' },
]

/** `name` is what users type; `module` is the file in `lib/`, which begins with `#!/usr/bin/env node`. */
export const COMMANDS = [{ name: 'durabl', module: 'command/durabl' }]

const require = createRequire(import.meta.url)

/** Prettier's, as its settings have it. */
const LINE_WIDTH = 110

/** The name that the files of an entry have at the root. */
const nameOf = ({ path }) => (path === '.' ? 'index' : path.slice('./'.length))

const builtFile = ({ module }) => `./dist/${module}.js`

/** The files at the root that belong to an entry. */
export const filesOf = (entry) => ['d.mts', 'd.ts', 'mjs'].map((extension) => `${nameOf(entry)}.${extension}`)

/** The path to import an entry by. */
export const specifierOf = ({ path }) => `durabl${path.slice(1)}`

/** Names that an entry exports at run time. `directory` is that of the package, with its `dist/`. */
export const exportedBy = (entry, directory) => Object.keys(require(join(directory, builtFile(entry)))).sort()

/** On one line if that is short enough, as prettier has it. */
function exportOf(names, file) {
  const line = `export { ${names.join(', ')} } from '${file}'`
  if (line.length <= LINE_WIDTH) return `${line}\n`
  return `export {\n${names.map((name) => `  ${name},\n`).join('')}} from '${file}'\n`
}

/**
 * The ESM entry has the same objects as the CommonJS build, so that there is one copy of the package however it is loaded. Each
 * name is exported from the CommonJS module by itself, not picked from its default export: bundlers do not agree on that.
 */
function esmFiles(entry, directory) {
  const exported = exportedBy(entry, directory)
  const names = exported.filter((name) => name !== 'default')
  const head = '// Written by scripts/entries.mjs.\n'
  const name = nameOf(entry)
  const file = builtFile(entry)
  const code = exportOf(names, file)
  const types = `export * from './${name}.js'\n`
  if (!exported.includes('default')) {
    return [
      [`${name}.mjs`, `${head}${code}`],
      [`${name}.d.mts`, `${head}${types}`],
    ]
  }
  // The default of a CommonJS module is all that it exports.
  return [
    [`${name}.mjs`, `${head}import built from '${file}'\n${code}export default built.default\n`],
    [`${name}.d.mts`, `${head}${types}export { default } from './${name}.js'\n`],
  ]
}

const conditionsOf = (entry) => ({
  import: { types: `./${nameOf(entry)}.d.mts`, default: `./${nameOf(entry)}.mjs` },
  require: { types: `./${nameOf(entry)}.d.ts`, default: builtFile(entry) },
})

/** Files of entries in `files` of a manifest, where those of earlier rows may stand. */
const isOfEntry = (file) => /^[\w-]+\.(d\.mts|d\.ts|mjs)$/.test(file)

/** The manifest with what it says of entries and commands. */
function manifestWith(manifest, entries, commands) {
  const whole = {
    ...manifest,
    exports: {
      ...Object.fromEntries(entries.map((entry) => [entry.path, conditionsOf(entry)])),
      './package.json': './package.json',
    },
    files: [...manifest.files.filter((file) => !isOfEntry(file)), ...entries.flatMap(filesOf)].sort(),
  }
  delete whole.bin
  if (commands.length === 0) return whole
  return { ...whole, bin: Object.fromEntries(commands.map((command) => [command.name, builtFile(command)])) }
}

/** The content that each file should have which follows from the rows, by name. */
export function filesOfEntries(directory, entries = ENTRIES, commands = COMMANDS) {
  const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  return new Map([
    ...entries.flatMap((entry) => esmFiles(entry, directory)),
    ['package.json', `${JSON.stringify(manifestWith(manifest, entries, commands), null, 2)}\n`],
  ])
}

/** The names that the types of an entry promise: every export that is there at run time. */
async function promisedBy(entry, directory) {
  const { default: ts } = await import('typescript')
  const file = join(directory, `${nameOf(entry)}.d.ts`)
  const program = ts.createProgram([file], { noLib: true, types: [] })
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(file)
  const symbol = source && checker.getSymbolAtLocation(source)
  if (!symbol) return []
  return checker
    .getExportsOfModule(symbol)
    .filter((symbol) => {
      const { flags } = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
      return flags & ts.SymbolFlags.Value
    })
    .map(({ name }) => name)
}

async function checkTypes(entry, directory) {
  const types = `${nameOf(entry)}.d.ts`
  const promised = await promisedBy(entry, directory)
  const there = exportedBy(entry, directory)
  const built = builtFile(entry).slice('./'.length)
  return [
    ...promised
      .filter((name) => !there.includes(name))
      .map((name) => `${types} declares ${name}, ${built} has no such export`),
    ...there
      .filter((name) => !promised.includes(name))
      .map((name) => `${built} exports ${name}, ${types} does not declare it`),
  ]
}

function checkCommand(command, directory) {
  const file = builtFile(command)
  const isThere = existsSync(join(directory, file))
  const begins = isThere && readFileSync(join(directory, file), 'utf8').startsWith('#!/usr/bin/env node\n')
  return begins ? [] : [`the command ${command.name}: ${file} does not begin with #!/usr/bin/env node`]
}

/** Complaints about the files of a package: those that are not current, and types that promise something else than there is. */
export async function checkEntries(directory, entries = ENTRIES, commands = COMMANDS) {
  const complaints = []
  for (const [file, text] of filesOfEntries(directory, entries, commands)) {
    const path = join(directory, file)
    if (!existsSync(path) || readFileSync(path, 'utf8') !== text)
      complaints.push(`${file} is not current: run node scripts/entries.mjs`)
  }
  for (const entry of entries) complaints.push(...(await checkTypes(entry, directory)))
  for (const command of commands) complaints.push(...checkCommand(command, directory))
  return complaints
}
