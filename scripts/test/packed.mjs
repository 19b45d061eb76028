/** The tests of what is published: packed, installed by npm into projects of their own, and used there. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { packageNameOf, rootManifest } from '../packages/manifests.mjs'
import { pack, tarballOf } from '../packages/pack.mjs'
import { capture, root } from '../process.mjs'
import { Advice } from '../terminal.mjs'
import { runNodeTests, together } from './node.mjs'

/** Where the packages are that somebody else has packed, if so: then nothing needs to be built here. */
export const packedElsewhere = () => process.env.DURABL_PACKED && resolve(process.env.DURABL_PACKED)

/** The engine of this platform, as it was packed, for the tests that use it in place: where one would be that was built here. */
export async function takePackedEngine() {
  const { platformTriple, isMuslHere } = createRequire(import.meta.url)(
    join(root, 'dist/mongo/native/platform.js'),
  )
  const triple = platformTriple(process.platform, process.arch, () => isMuslHere())
  const tarball = join(packedElsewhere(), tarballOf(packageNameOf(triple), rootManifest().version))
  const directory = mkdtempSync(join(tmpdir(), 'durabl-engine-'))
  try {
    const { code, output } = await capture('tar', ['-xzf', tarball, '-C', directory])
    if (code !== 0) throw new Advice(`there is no engine for ${triple} in DURABL_PACKED:\n${output}`)
    const file = `durabl.${triple}.node`
    copyFileSync(join(directory, 'package', file), join(root, file))
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** @returns what `runNodeTests` does */
export async function runPackedTests(files, env, options) {
  const directory = packedElsewhere() || join(root, 'target/packages')
  if (!packedElsewhere()) await pack(directory)
  return runNodeTests(files, { ...env, DURABL_PACKED: directory }, options, together())
}
