/** Tarballs as they are published: of the package, and of each platform whose binary is there. */
import { copyFileSync, cpSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { capture, root } from '../process.mjs'
import { Advice } from '../terminal.mjs'
import { bundle } from './bundle.mjs'
import { rewriteLinks } from './links.mjs'
import { packageNameOf, rootManifest, triples } from './manifests.mjs'

/**
 * The manifest that users install: with the platforms' packages as optional dependencies, and without the parts that only a clone uses.
 *
 * The repository's own manifest does not name those packages, since a clone builds its addon by `npm run build:addon`. Before a version is
 * published, no registry has them. So no lock file could name them, and `npm ci` would fail.
 */
export function publishedManifest() {
  const manifest = rootManifest()
  delete manifest.scripts
  delete manifest.devDependencies
  const platforms = triples().map((triple) => [packageNameOf(triple), manifest.version])
  return { ...manifest, optionalDependencies: Object.fromEntries(platforms) }
}

/** The address of the repository, as a browser takes it. */
const repositoryOf = ({ repository }) => repository.url.replace(/^git\+|\.git$/g, '')

const binaryOf = (triple) => join(root, `durabl.${triple}.node`)

async function npmPack(directory, out) {
  const args = ['pack', directory, '--pack-destination', out, '--ignore-scripts', '--loglevel=error']
  const { code, output } = await capture('npm', args)
  if (code !== 0) throw new Advice(`npm pack failed:\n${output}`)
}

/** The name that npm gives a package's tarball. */
export const tarballOf = (name, version) => `${name.replace('@', '').replace('/', '-')}-${version}.tgz`

/** npm decides what belongs into the package, by `files`; the manifest is another one, and the code is bundled. */
async function stageRoot(stage) {
  const { name, version } = rootManifest()
  await npmPack(root, stage)
  const { code, output } = await capture('tar', ['-xzf', join(stage, tarballOf(name, version)), '-C', stage])
  if (code !== 0) throw new Advice(`tar failed:\n${output}`)
  const directory = join(stage, 'package')
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(publishedManifest(), null, 2)}\n`)
  rewriteLinks(directory, repositoryOf(publishedManifest()))
  await bundle(join(directory, 'dist'))
  return directory
}

function stagePlatform(stage, triple) {
  const directory = join(stage, triple)
  cpSync(join(root, 'npm', triple), directory, { recursive: true })
  copyFileSync(join(root, 'LICENSE'), join(directory, 'LICENSE'))
  copyFileSync(binaryOf(triple), join(directory, `durabl.${triple}.node`))
  return directory
}

/**
 * @param out a directory, which is emptied first
 * @param options.all demands the binary of every published platform
 * @returns the tarballs: `name`, `file`, `bytes`; platforms first, as they have to be published
 */
export async function pack(out, { all = false } = {}) {
  const absent = triples().filter((triple) => !existsSync(binaryOf(triple)))
  if (all && absent.length > 0) throw new Advice(`There are no binaries for ${absent.join(', ')}.`)
  const present = triples().filter((triple) => !absent.includes(triple))
  const stage = join(out, 'stage')
  rmSync(out, { recursive: true, force: true })
  mkdirSync(stage, { recursive: true })
  const { name, version } = rootManifest()
  const packages = [
    ...present.map((triple) => [packageNameOf(triple), stagePlatform(stage, triple)]),
    [name, await stageRoot(stage)],
  ]
  await Promise.all(packages.map(([, directory]) => npmPack(directory, out)))
  rmSync(stage, { recursive: true })
  return packages.map(([packageName]) => {
    const file = join(out, tarballOf(packageName, version))
    return { name: packageName, file, bytes: statSync(file).size }
  })
}
