/** Apps that are shipped as the files that a tool traced: Next.js with `output: 'standalone'`, serverless packagers. */
import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { nodeFileTrace } from '@vercel/nft'
import { atEnd } from '../../support/cleanup.mjs'
import { root } from '../../support/child.mjs'

const require = createRequire(import.meta.url)
const { PUBLISHED_TRIPLES, packageNameOf } = require('../../../dist/mongo/native/platform.js')

/** A project with durabl, and with packages that hold nothing but their main file. */
async function install(t, packages) {
  const directory = await mkdtemp(join(tmpdir(), 'durabl-traced-'))
  atEnd(t, () => rm(directory, { recursive: true, force: true }))
  const modules = join(directory, 'node_modules')
  for (const name of ['package.json', 'index.mjs', 'dist'])
    await cp(join(root, name), join(modules, 'durabl', name), { recursive: true })
  for (const [name, main] of packages) {
    const file = join(modules, name, main)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, '')
    await writeFile(join(modules, name, 'package.json'), JSON.stringify({ name, main }))
  }
  return directory
}

for (const [system, file, program] of [
  ['ESM', 'app.mjs', `import 'durabl'`],
  ['CommonJS', 'app.cjs', `require('durabl')`],
]) {
  test(`in ${system}, an app shipped as its traced files brings the engine and mongodb along`, async (t) => {
    const engines = PUBLISHED_TRIPLES.map((triple) => [packageNameOf(triple), `durabl.${triple}.node`])
    const packages = [...engines, ['mongodb', 'index.js']]
    const directory = await install(t, packages)
    await writeFile(join(directory, file), program)
    const { fileList, warnings } = await nodeFileTrace([join(directory, file)], { base: directory })
    const files = [...fileList].map((path) => path.replaceAll('\\', '/'))
    for (const [name, main] of packages) {
      assert.ok(files.includes(`node_modules/${name}/${main}`), `${name} is among ${files.join('\n')}`)
      assert.ok(files.includes(`node_modules/${name}/package.json`), name)
    }
    assert.deepEqual([...warnings], [])
  })
}
