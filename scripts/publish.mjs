/**
 * Publishes the output of `npm run pack`. The platforms' packages come first, as the package asks for them. Packages that are published already
 * are left out, so that a run that broke off can be repeated. A prerelease (`0.5.0-rc.1`) gets the tag `next`.
 *
 *     npm run publish-packages -- DIRECTORY VERSION
 */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { packageNameOf, rootManifest, triples } from './packages/manifests.mjs'
import { tarballOf } from './packages/pack.mjs'
import { capture, run } from './process.mjs'
import { ensureInstalled } from './setup/install.mjs'
import { ensureLib } from './setup/lib.mjs'
import { Advice, main, say } from './terminal.mjs'

async function isPublished(name, version) {
  const { code } = await capture('npm', ['view', `${name}@${version}`, 'version', '--json'])
  return code === 0
}

await main(async () => {
  const [directory, tagged] = parseArgs({ allowPositionals: true }).positionals
  const { name, version } = rootManifest()
  if (!directory || tagged !== version)
    throw new Advice(`Name the directory, and the version: package.json says ${version}.`)
  await ensureInstalled()
  await ensureLib()
  const tag = ['--tag', version.includes('-') ? 'next' : 'latest']
  for (const each of [...triples().map(packageNameOf), name]) {
    if (await isPublished(each, version)) {
      say(`${each} ${version} is there already`)
      continue
    }
    const code = await run('npm', ['publish', ...tag, join(resolve(directory), tarballOf(each, version))])
    if (code !== 0) throw new Advice(`${each} was not published`)
  }
})
