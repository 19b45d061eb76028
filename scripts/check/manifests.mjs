/** The version and the platforms' packages are the same wherever they stand. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { derivedFiles, rootManifest, triples } from '../packages/manifests.mjs'
import { root } from '../process.mjs'
import { read } from './files.mjs'

export async function checkManifests() {
  const stale = [...derivedFiles()].filter(
    ([file, text]) => !existsSync(join(root, file)) || read(file) !== text,
  )
  const strays = readdirSync(join(root, 'npm')).filter((name) => !triples().includes(name))
  const { version } = rootManifest()
  return [
    ...stale.map(([file]) => `${file} is not current: run node scripts/manifests.mjs`),
    ...strays.map((name) => `npm/${name} is no platform of lib/mongo/native/platform.ts`),
    ...(read('CHANGELOG.md').includes(`## [${version}]`) ? [] : [`CHANGELOG.md says nothing of ${version}`]),
  ]
}
