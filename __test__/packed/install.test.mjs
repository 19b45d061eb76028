/** What is published, installed by npm into empty projects and used there. */
import assert from 'node:assert/strict'
import { copyFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { atEnd } from '../support/cleanup.mjs'
import { connect, testUrl } from '../support/mongo.mjs'
import { installProject } from './support/project.mjs'

async function installed(t, name, options) {
  const project = await installProject(name, options)
  atEnd(t, () => project.remove())
  return project
}

/** Runs a program of a project on a database of its own: it greets, shuts down, and ends by itself. */
async function greets(t, project, program) {
  const { db } = await connect(t)
  const env = { MONGO_URL: testUrl(), MONGO_DB: db.databaseName }
  const result = await project.node([program], { env })
  assert.equal(result.stderr, '')
  assert.equal(result.stdout, 'string\ntrue 1970-01-01T00:00:00.000Z\ncompleted\n')
  assert.equal(result.code, 0)
  assert.ok(result.quietMs < 1000, `it lingered for ${result.quietMs} ms`)
}

test('an ESM project, with mongodb 7', async (t) => {
  const project = await installed(t, 'esm')
  await greets(t, project, 'index.js')
})

test('a CommonJS project, with mongodb 6; npm brings this platform’s engine and no other', async (t) => {
  const project = await installed(t, 'commonjs')
  const engines = await readdir(join(project.directory, 'node_modules/@durabl'))
  assert.equal(engines.length, 1, `${engines}`)
  assert.match(engines[0], new RegExp(`^durabl-${process.platform}-${process.arch}`))
  await greets(t, project, 'index.js')
})

test('installed without optional dependencies, it says which package is missing and how to get it', async (t) => {
  const project = await installed(t, 'esm', { npm: ['--omit=optional'] })
  const { stderr, code } = await project.node(['index.js'], { env: { MONGO_URL: testUrl(), MONGO_DB: 'none' } })
  assert.equal(code, 1)
  assert.match(stderr, /ERR_DURABL_ADDON_MISSING/)
  assert.match(stderr, new RegExp(`@durabl/durabl-${process.platform}-${process.arch}`))
  assert.match(stderr, /npm install --include=optional/)
})

test('a TypeScript project: every way to resolve modules, with the oldest compiler and the newest', async (t) => {
  const project = await installed(t, 'typescript')
  await copyFile(join(project.directory, 'src/index.ts'), join(project.directory, 'src/as-commonjs.cts'))
  const compile = async (compiler, ...options) => {
    const { code, stdout } = await project.node([`node_modules/${compiler}/bin/tsc`, '-p', '.', ...options])
    assert.equal(code, 0, `${compiler} ${options.join(' ')}\n${stdout}`)
  }
  await compile('typescript', '--module', 'node16', '--outDir', 'out')
  await greets(t, project, 'out/index.js')
  await greets(t, project, 'out/as-commonjs.cjs')
  await compile('typescript', '--module', 'esnext', '--moduleResolution', 'bundler', '--noEmit')
  await compile('typescript-oldest', '--module', 'node16', '--noEmit')
  await compile('typescript-oldest', '--module', 'commonjs', '--moduleResolution', 'node10', '--outDir', 'classic')
  await writeFile(join(project.directory, 'classic/package.json'), '{ "type": "commonjs" }')
  await greets(t, project, 'classic/index.js')
})
