import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import test from 'node:test'
import { loadAddon, nativeAddon } from '../../../dist/mongo/native/loader.js'
import { isMuslHere, platformTriple } from '../../../dist/mongo/native/platform.js'
import { root, runNode } from '../../support/child.mjs'

const require = createRequire(import.meta.url)

function notFound(request) {
  const error = new Error(`Cannot find module '${request}'\nRequire stack:\n- somewhere`)
  return Object.assign(error, { code: 'MODULE_NOT_FOUND' })
}

const OWN_CODE = join('/package', 'dist', 'mongo', 'packages', 'none.mjs')

/** A world that has only these modules, and durabl's own code unless it was bundled. */
function world(modules, { triple = 'linux-x64-gnu', override, bundled = false } = {}) {
  return {
    triple,
    root: '/package',
    version: '1.2.3',
    override,
    exists: (path) => path in modules || (path === OWN_CODE && !bundled),
    finds: (name) => name in modules,
    require(request) {
      if (!(request in modules)) throw notFound(request)
      if (modules[request] instanceof Error) throw modules[request]
      return modules[request]
    },
  }
}

const addon = (version = '1.2.3') => ({ version: () => version })

const NEXT_TO_PACKAGE = join('/package', 'durabl.linux-x64-gnu.node')
const PLATFORM_PACKAGE = '@durabl/durabl-linux-x64-gnu'

test('triples are spelt as the build tool spells them', () => {
  const triple = (platform, arch, musl = false) => platformTriple(platform, arch, () => musl)
  assert.equal(triple('linux', 'x64'), 'linux-x64-gnu')
  assert.equal(triple('linux', 'arm64', true), 'linux-arm64-musl')
  assert.equal(triple('darwin', 'arm64'), 'darwin-arm64')
  assert.equal(triple('win32', 'x64'), 'win32-x64-msvc')
})

test('musl is told by the dynamic linker, and by Node where there is none', () => {
  assert.equal(
    isMuslHere(() => '#!/bin/sh\n# musl libc'),
    true,
  )
  assert.equal(
    isMuslHere(() => '# GNU C Library'),
    false,
  )
  const isGlibc = process.report.getReport().header.glibcVersionRuntime !== undefined
  const nothing = () => {
    throw new Error('ENOENT')
  }
  assert.equal(isMuslHere(nothing), !isGlibc)
})

test('the search goes: override, next to the package, platform package', () => {
  const [overriding, near, far] = [addon(), addon(), addon()]
  const all = { '/own.node': overriding, [NEXT_TO_PACKAGE]: near, [PLATFORM_PACKAGE]: far }
  assert.equal(loadAddon(world(all, { override: '/own.node' })), overriding)
  assert.equal(loadAddon(world(all)), near)
  assert.equal(loadAddon(world(all, { override: '' })), near)
  assert.equal(loadAddon(world({ [PLATFORM_PACKAGE]: far })), far)
})

test('a missing binary names platform, package and what to do', () => {
  assert.throws(
    () => loadAddon(world({})),
    (error) => {
      assert.equal(error.code, 'ERR_DURABL_ADDON_MISSING')
      const advice = `npm install --no-save ${PLATFORM_PACKAGE}@1.2.3`
      for (const part of ['linux-x64-gnu', PLATFORM_PACKAGE, NEXT_TO_PACKAGE, advice]) {
        assert.ok(error.message.includes(part), `${part} in: ${error.message}`)
      }
      return true
    },
  )
})

test('where the binaries of another platform are installed, they are named', () => {
  const musl = '@durabl/durabl-linux-x64-musl'
  assert.throws(
    () => loadAddon(world({ [musl]: addon() })),
    (error) => {
      assert.match(error.message, /linux-x64-gnu is not installed/)
      assert.match(error.message, /There is @durabl\/durabl-linux-x64-musl instead/)
      assert.match(error.message, /installed for another platform/)
      return true
    },
  )
})

test('inside a bundle the advice is to keep durabl out of it', () => {
  assert.throws(
    () => loadAddon(world({}, { bundled: true })),
    (error) => {
      assert.equal(error.code, 'ERR_DURABL_ADDON_MISSING')
      for (const part of ['linux-x64-gnu', 'bundle', '--external:durabl', `${PLATFORM_PACKAGE}@1.2.3`])
        assert.ok(error.message.includes(part), `${part} in: ${error.message}`)
      return true
    },
  )
  const far = addon()
  assert.equal(loadAddon(world({ [PLATFORM_PACKAGE]: far }, { bundled: true })), far)
})

test('a binary of another version is refused, wherever it is, and both versions are named', () => {
  for (const [place, options] of [
    ['/own.node', { override: '/own.node' }],
    [NEXT_TO_PACKAGE, {}],
    [PLATFORM_PACKAGE, {}],
  ]) {
    for (const [other, named] of [
      [addon('1.2.2'), /durabl 1\.2\.3 found 1\.2\.2/],
      // From before binaries told their version.
      [{}, /durabl 1\.2\.3 found another version/],
    ]) {
      assert.throws(
        () => loadAddon(world({ [place]: other }, options)),
        (error) => {
          assert.equal(error.code, 'ERR_DURABL_ADDON_MISSING')
          assert.match(error.message, named)
          assert.ok(error.message.includes(place), error.message)
          assert.match(error.message, /npm install durabl@1\.2\.3/)
          return true
        },
      )
    }
  }
})

test('the binary of this checkout has the version of the package', () => {
  assert.equal(nativeAddon().version(), require('durabl/package.json').version)
})

test('a platform without a published binary is told to build from source', () => {
  assert.throws(
    () => loadAddon(world({}, { triple: 'sunos-x64' })),
    /sunos-x64.*No binary is published.*build/,
  )
})

test('a binary that fails to load ends the search and shows why', () => {
  const cause = new Error('libc.so.6: version `GLIBC_9.9` not found')
  for (const [place, options] of [
    ['/own.node', { override: '/own.node' }],
    [NEXT_TO_PACKAGE, {}],
    [PLATFORM_PACKAGE, {}],
  ]) {
    // A package that lacks something of its own is broken, not missing.
    for (const failure of [cause, notFound('./something-else')]) {
      const modules = { [PLATFORM_PACKAGE]: addon(), [place]: failure }
      assert.throws(
        () => loadAddon(world(modules, options)),
        (error) => {
          assert.equal(error.code, 'ERR_DURABL_ADDON_MISSING')
          assert.equal(error.cause, failure)
          assert.ok(error.message.includes(place) && error.message.includes(failure.message), error.message)
          return true
        },
      )
    }
  }
})

test('an override that names no file says so, by its whole path', () => {
  for (const override of ['/nowhere.node', './nowhere.node']) {
    assert.throws(
      () => loadAddon(world({ [NEXT_TO_PACKAGE]: addon() }, { override })),
      (error) => {
        assert.equal(error.code, 'ERR_DURABL_ADDON_MISSING')
        assert.ok(error.message.includes(resolve(override)), error.message)
        assert.match(error.message, /DURABL_NATIVE_LIBRARY_PATH/)
        assert.doesNotMatch(error.message, /is there/)
        return true
      },
    )
  }
})

test('a relative override goes from the working directory', () => {
  const own = addon()
  assert.equal(loadAddon(world({ [resolve('own.node')]: own }, { override: './own.node' })), own)
})

test('a file that is no library is reported with the loader’s own words', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'durabl-loader-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'broken.node')
  writeFileSync(file, 'not a library')
  const environment = { ...world({}, { override: file }), exists: existsSync, require }
  assert.throws(
    () => loadAddon(environment),
    (error) => {
      assert.match(error.message, /DURABL_NATIVE_LIBRARY_PATH/)
      assert.equal(error.cause.code, 'ERR_DLOPEN_FAILED')
      return true
    },
  )
})

test('the package loads without the addon and without mongodb; the first MongoJobQueue asks for the addon', async () => {
  const program = `
    const { DummyBackend, MongoJobQueue } = require(${JSON.stringify(join(root, 'dist/index.js'))})
    new DummyBackend()
    const loaded = Object.keys(require.cache)
    console.log('early', loaded.filter((path) => path.endsWith('.node') || path.includes('node_modules')).length)
    try {
      new MongoJobQueue({ uri: 'mongodb://127.0.0.1:1', database: 'd' })
    } catch (error) {
      console.log(error.code)
    }
  `
  const env = { DURABL_NATIVE_LIBRARY_PATH: '/nowhere/durabl.node' }
  const { stdout, stderr, code } = await runNode(['-e', program], { env })
  assert.equal(code, 0, stderr)
  assert.equal(stdout, 'early 0\nERR_DURABL_ADDON_MISSING\n')
})

test('where Node.js forbids addons the advice is to allow them, not to reinstall', async () => {
  const program = `
    const { MongoJobQueue } = require(${JSON.stringify(join(root, 'dist/index.js'))})
    try {
      new MongoJobQueue({ uri: 'mongodb://127.0.0.1:1', database: 'd' })
    } catch (error) {
      console.log(error.code, error.message)
    }`
  const { stdout, stderr } = await runNode(['--no-addons', '-e', program])
  assert.match(stdout, /^ERR_DURABL_ADDON_MISSING .*--allow-addons/, stderr)
  assert.doesNotMatch(stdout, /reinstall/)
})
