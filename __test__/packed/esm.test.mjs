/** An ESM project with mongodb 7: run, tested by Node's own runner, bundled, and with its engine missing or damaged. */
import assert from 'node:assert/strict'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { connect, testUrl } from '../support/mongo.mjs'
import { assertEndedAtOnce, greets, installProject } from './support/project.mjs'

describe('an ESM project', () => {
  let project, engine
  before(async () => {
    project = await installProject('esm')
    const [name] = await readdir(join(project.directory, 'node_modules/@durabl'))
    engine = `@durabl/${name}`
  })
  after(() => project.remove())

  const installed = (path) => join(project.directory, 'node_modules', path)

  test('enqueues, processes, shuts down, and ends by itself', async (t) => {
    await greets(t, project, 'index.js')
  })

  test('passes its tests under node --test, whose process ends at once', async (t) => {
    const { db } = await connect(t)
    const env = { MONGO_URL: testUrl(), MONGO_DB: db.databaseName }
    const result = await project.node(['--test', '--test-reporter=tap'], { env })
    assert.equal(result.code, 0, result.stdout + result.stderr)
    assert.match(result.stdout, /^# pass 4$/m)
    assertEndedAtOnce(result)
  })

  // Node's `require`, which esbuild's ES modules lack.
  const banner = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);"
  const BUNDLES = [
    { format: 'esm', extension: 'mjs', whole: [`--banner:js=${banner}`] },
    { format: 'cjs', extension: 'cjs', whole: [] },
  ]

  async function bundle(format, output, ...options) {
    // A CommonJS module has no `await` of its own.
    const entry = format === 'cjs' ? 'without-await.js' : 'index.js'
    const args = [entry, '--bundle', '--platform=node', `--format=${format}`, `--outfile=${output}`]
    const { code, stderr } = await project.bin('esbuild', [...args, ...options])
    assert.equal(code, 0, stderr)
  }

  for (const { format, extension, whole } of BUNDLES) {
    test(`works as a bundle (${format}) that leaves durabl out`, async (t) => {
      await bundle(format, `out.${extension}`, '--external:durabl', '--external:mongodb')
      await greets(t, project, `out.${extension}`)
    })

    test(`works as a bundle (${format}) that carries durabl, with the engine beside it or named`, async (t) => {
      await bundle(format, `carries.${extension}`, '--external:mongodb', ...whole)
      await greets(t, project, `carries.${extension}`)
      const elsewhere = join(project.directory, 'elsewhere')
      const [file] = (await readdir(installed(engine))).filter((name) => name.endsWith('.node'))
      await without(installed(engine), elsewhere, () =>
        greets(t, project, `carries.${extension}`, {
          env: { DURABL_NATIVE_LIBRARY_PATH: join(elsewhere, file) },
        }),
      )
    })
  }

  /** The error of a program that can't load the engine. */
  async function failure(program = 'index.js', what = /ERR_DURABL_ADDON_MISSING/) {
    const env = { MONGO_URL: testUrl(), MONGO_DB: 'none' }
    const { code, stderr } = await project.node([program], { env })
    assert.equal(code, 1)
    assert.match(stderr, what)
    return stderr
  }

  /** Moves a file or directory away while `body` runs. */
  async function without(path, to, body) {
    await rename(path, to)
    try {
      return await body()
    } finally {
      await rename(to, path)
    }
  }

  for (const { format, extension, whole } of BUNDLES) {
    test(`says what is wrong as a bundle (${format}) that takes durabl in and leaves behind what it needs`, async () => {
      await bundle(format, `inside.${extension}`, ...whole)
      for (const [gone, error] of [
        [engine, /ERR_DURABL_ADDON_MISSING/],
        ['.', /ERR_DURABL_DRIVER_MISSING/],
      ]) {
        const elsewhere = join(project.directory, 'elsewhere')
        const message = await without(installed(gone), elsewhere, () => failure(`inside.${extension}`, error))
        assert.match(message, /part of a bundle/)
        assert.match(message, /--external:durabl/)
      }
    })
  }

  test('says which package is missing, and the way to get it leads there and changes no manifest', async (t) => {
    await rm(installed(engine), { recursive: true })
    const message = await failure()
    assert.ok(message.includes(`neither the package ${engine}`), message)
    assert.match(message, /npm install --include=optional/)
    assert.doesNotMatch(message, /instead/)
    const [, advice] = message.match(/`npm (install --no-save [^`]+)`/) ?? []
    assert.ok(advice, message)
    const manifests = () =>
      Promise.all(
        ['package.json', 'package-lock.json'].map((name) => readFile(join(project.directory, name), 'utf8')),
      )
    const before = await manifests()
    await project.npm(advice.split(' '))
    await greets(t, project, 'index.js')
    assert.deepEqual(await manifests(), before)
  })

  test('says when the engine of another platform is there instead', async () => {
    const triples = await readdir(new URL('../../npm/', import.meta.url))
    const other = `@durabl/durabl-${triples.find((triple) => !engine.endsWith(triple))}`
    const message = await without(installed(engine), installed(other), failure)
    assert.ok(message.includes(`There is ${other} instead`), message)
  })

  /** The file of durabl's code that has this text. */
  async function fileWith(text) {
    const directory = installed('durabl/dist')
    for (const name of await readdir(directory, { recursive: true })) {
      const file = join(directory, name)
      if (name.endsWith('.js') && (await readFile(file, 'utf8')).includes(text)) return file
    }
    throw new Error(`no file of durabl has ${text}`)
  }

  /** Another content for a file while `body` runs. */
  async function changed(file, change, body) {
    const original = await readFile(file)
    await writeFile(file, change(original))
    try {
      return await body()
    } finally {
      await writeFile(file, original)
    }
  }

  test('shows why a damaged engine cannot be loaded', async () => {
    const [binary] = (await readdir(installed(engine))).filter((name) => name.endsWith('.node'))
    const damage = () => 'not a library'
    const message = await changed(join(installed(engine), binary), damage, failure)
    assert.ok(message.includes(`is there and can't be loaded: ${engine}: `), message)
    assert.match(message, /ERR_DLOPEN_FAILED/)
    assert.match(message, /reinstall/)
  })

  test('refuses an engine of another version than its own', async () => {
    const { version } = JSON.parse(await readFile(installed('durabl/package.json')))
    const other = (content) => content.toString().replace(`VERSION = "${version}"`, 'VERSION = "99.0.0"')
    const message = await changed(await fileWith(`VERSION = "${version}"`), other, failure)
    assert.ok(message.includes(`durabl 99.0.0 found ${version} of its native engine: ${engine}`), message)
  })

  test('is itself again after all that', async (t) => {
    await greets(t, project, 'index.js')
  })
})
