/** The published packages, as `npm run pack` left them. `npm test -- packed` packs first and says where. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from '../../support/child.mjs'

const version = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version

function directory() {
  const path = process.env.DURABL_PACKED
  if (!path) throw new Error('DURABL_PACKED is not set: run the tests by `npm test -- packed`')
  return path
}

/** The package's tarball. */
export const packageTarball = () => join(directory(), `durabl-${version}.tgz`)

/**
 * The platforms' packages: those that were packed, with their tarballs. For those without a binary, the answer that a registry would give about
 * them.
 */
export function platformPackages() {
  const packed = readdirSync(directory())
  return readdirSync(join(root, 'npm')).map((triple) => {
    const manifest = JSON.parse(readFileSync(join(root, 'npm', triple, 'package.json'), 'utf8'))
    const file = `durabl-durabl-${triple}-${version}.tgz`
    return { triple, manifest, tarball: packed.includes(file) ? join(directory(), file) : null }
  })
}

/** One file of a tarball, as a buffer. */
export async function fileIn(tarball, name) {
  const { code, stdout, stderr } = await run('tar', ['-xzOf', tarball, `package/${name}`], {
    encoding: 'latin1',
  })
  if (code !== 0) throw new Error(stderr)
  return Buffer.from(stdout, 'latin1')
}

/** The names of the files in a tarball. */
export async function filesIn(tarball) {
  const { stdout } = await run('tar', ['-tzf', tarball])
  return stdout
    .trim()
    .split(/\r?\n/)
    .map((name) => name.replace(/^package\//, ''))
}
