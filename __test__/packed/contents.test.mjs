/** The contents of the published tarballs, and the judgement of tools that check packages. */
import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { COMMANDS, ENTRIES, filesOf } from '../../scripts/packages/entries.mjs'
import { installProject } from './support/project.mjs'
import { fileIn, filesIn, packageTarball, platformPackages } from './support/tarballs.mjs'

const manifestOf = async (tarball) => JSON.parse(await fileIn(tarball, 'package.json'))
const packed = platformPackages().filter(({ tarball }) => tarball)

/** The largest that a binary may be; it was 16 MB (6.5 MB packed) before schedules, steering and journals, and 20.3 MB with them. */
const MOST_BYTES = 22e6

test('the package holds its code, its types and its documents, and nothing else', async () => {
  const files = await filesIn(packageTarball())
  const others = files.filter(
    (file) => !/^dist\/.+\.m?js(\.map)?$|^docs\/.+\.md$|^types\/[\w-]+\.d\.ts$/.test(file),
  )
  assert.deepEqual(
    others.sort(),
    [...['CHANGELOG.md', 'LICENSE', 'README.md'], 'package.json', ...ENTRIES.flatMap(filesOf)].sort(),
  )
})

test('pages link only to what is packed, or to an address', async () => {
  const files = await filesIn(packageTarball())
  const pages = files.filter((file) => file.endsWith('.md'))
  assert.ok(pages.includes('docs/README.md'))
  for (const page of pages) {
    const text = String(await fileIn(packageTarball(), page)).replaceAll(/^```[\s\S]*?^```/gm, '')
    for (const [, target] of text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
      if (target.startsWith('https://')) continue
      assert.ok(files.includes(posix.join(posix.dirname(page), target)), `${page} links to ${target}`)
    }
  }
})

test('an entry is one file, beside those that several share and those that are loaded late', async () => {
  const code = (await filesIn(packageTarball())).filter((file) => /^dist\/.+\.js$/.test(file))
  const entries = [...ENTRIES, ...COMMANDS].map(({ module }) => `dist/${module}.js`)
  const others = code.filter((file) => !entries.includes(file) && !/^dist\/(shared|later)\//.test(file))
  assert.deepEqual(others, ['dist/mongo/packages/literal.js'])
})

/** Getters would do the same, and load more slowly. */
test('the file that all apps read exports plain values', async () => {
  const common = String(await fileIn(packageTarball(), 'dist/shared/common.js'))
  assert.match(common, /^exports\.JobQueue = JobQueue;$/m)
  assert.doesNotMatch(common, /defineProperty\(exports, "\w+"/)
})

test('nothing runs when it is installed, and nothing but the engines comes along', async () => {
  for (const tarball of [packageTarball(), ...packed.map((entry) => entry.tarball)]) {
    const manifest = await manifestOf(tarball)
    assert.equal(manifest.scripts, undefined)
    assert.equal(manifest.dependencies, undefined)
    assert.equal(manifest.devDependencies, undefined)
    assert.deepEqual(manifest.publishConfig, { access: 'public', provenance: true })
  }
})

test('the package asks for the engine of every platform, in its own version', async () => {
  const { version, optionalDependencies, peerDependencies, peerDependenciesMeta } =
    await manifestOf(packageTarball())
  const wanted = platformPackages().map(({ manifest }) => [manifest.name, version])
  assert.equal(wanted.length, 7)
  assert.deepEqual(optionalDependencies, Object.fromEntries(wanted))
  // Only users of `durabl/otel` have to install what it needs.
  assert.deepEqual(Object.keys(peerDependencies), ['@opentelemetry/api', 'mongodb'])
  assert.deepEqual(peerDependenciesMeta, { '@opentelemetry/api': { optional: true } })
})

test('a platform’s package holds one binary of its size, for that platform only, stripped if it is for Linux', async () => {
  assert.ok(packed.length > 0)
  for (const { triple, tarball } of packed) {
    const binary = `durabl.${triple}.node`
    assert.deepEqual((await filesIn(tarball)).sort(), ['LICENSE', 'README.md', binary, 'package.json'].sort())
    const manifest = await manifestOf(tarball)
    assert.equal(manifest.main, binary)
    assert.deepEqual([...manifest.os, ...manifest.cpu], triple.split('-').slice(0, 2))
    const content = await fileIn(tarball, binary)
    assert.ok(content.length < MOST_BYTES, `${binary} has ${content.length} bytes`)
    // The name of the section that strip removes. Only Linux has it: of the others, no more than the size is known.
    if (manifest.os[0] === 'linux') assert.equal(content.includes('.symtab'), false)
  }
})

test('source maps bring their sources along', async () => {
  const maps = (await filesIn(packageTarball())).filter((file) => file.endsWith('.map'))
  assert.ok(maps.length > 0)
  for (const name of [maps[0], maps.at(-1)]) {
    const map = JSON.parse(await fileIn(packageTarball(), name))
    assert.equal(map.sourcesContent?.length, map.sources.length, name)
    assert.ok(
      map.sourcesContent.every((text) => text.length > 0),
      name,
    )
  }
})

describe('the tools that judge packages', () => {
  let project
  before(async () => (project = await installProject('lint')))
  after(() => project.remove())

  test('publint has nothing to say', async () => {
    for (const tarball of [packageTarball(), ...packed.map((entry) => entry.tarball)]) {
      const { code, stdout, stderr } = await project.bin('publint', [tarball])
      assert.match(stdout, /All good!/, stdout + stderr)
      assert.equal(code, 0)
    }
  })

  test('arethetypeswrong finds no problem', async () => {
    const { code, stdout, stderr } = await project.bin('attw', [
      packageTarball(),
      '--format',
      'ascii',
      '--no-emoji',
    ])
    assert.match(stdout, /No problems found/, stdout + stderr)
    assert.equal(code, 0)
  })
})
