/**
 * Keeps facts that stand in several places equal. The version comes from `package.json`, and the packages of the platforms come from
 * `lib/mongo/native/platform.ts`. Every other place is written from these two.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { root } from '../process.mjs'
import { read } from '../check/files.mjs'

const require = createRequire(import.meta.url)

/** The platforms that binaries are published for, as the loader looks for them. Needs `dist/`. */
export const triples = () => require(join(root, 'dist/mongo/native/platform.js')).PUBLISHED_TRIPLES

/** The name of a platform's package. Needs `dist/`. */
export const packageNameOf = (triple) =>
  require(join(root, 'dist/mongo/native/platform.js')).packageNameOf(triple)

export const rootManifest = () => JSON.parse(read('package.json'))

const LIBC = { gnu: 'glibc', musl: 'musl' }

/** npm installs a platform's package where `os`, `cpu` and `libc` match, and leaves it out everywhere else. */
function platformManifest(triple) {
  const { version, license, repository, engines, publishConfig } = rootManifest()
  const [os, cpu, abi] = triple.split('-')
  const libc = LIBC[abi]
  return {
    name: packageNameOf(triple),
    version,
    description: `The native engine of durabl for ${triple}.`,
    license,
    repository: { ...repository, directory: `npm/${triple}` },
    type: 'commonjs',
    main: `durabl.${triple}.node`,
    files: [`durabl.${triple}.node`],
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
    engines,
    publishConfig,
  }
}

const platformReadme = (triple) =>
  `# ${packageNameOf(triple)}\n\nThe native engine of [durabl](../../README.md) for \`${triple}\`. Install \`durabl\`: it brings this package along where it fits.\n`

/** A file with the version put in: all that stands between what precedes it and the next quote. */
function withVersion(file, ...before) {
  const { version } = rootManifest()
  return before.reduce((text, start) => {
    const pattern = new RegExp(`(${start})[^"']*`)
    if (!pattern.test(text)) throw new Error(`${file}: there is no ${start}`)
    return text.replace(pattern, `$1${version}`)
  }, read(file))
}

/** Every file that is written from another, with what it should contain. Needs `dist/`. */
export function derivedFiles() {
  const platforms = triples().flatMap((triple) => [
    [`npm/${triple}/package.json`, `${JSON.stringify(platformManifest(triple), null, 2)}\n`],
    [`npm/${triple}/README.md`, platformReadme(triple)],
  ])
  return new Map([
    ...platforms,
    ['lib/base/version.ts', withVersion('lib/base/version.ts', "VERSION = '")],
    ['Cargo.toml', withVersion('Cargo.toml', 'name = "durabl"\\nversion = "')],
    ['engine/Cargo.toml', withVersion('engine/Cargo.toml', 'name = "durabl-engine"\\nversion = "')],
    [
      'Cargo.lock',
      withVersion('Cargo.lock', 'name = "durabl"\\nversion = "', 'name = "durabl-engine"\\nversion = "'),
    ],
    [
      'package-lock.json',
      withVersion(
        'package-lock.json',
        '^{\\s+"name": "durabl",\\s+"version": "',
        '"": {\\s+"name": "durabl",\\s+"version": "',
      ),
    ],
  ])
}
