/** What is published, installed by npm into empty projects and used there: CommonJS and TypeScript. */
import assert from 'node:assert/strict'
import { copyFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { greets, project } from './support/project.mjs'

test('a CommonJS project, with mongodb 6; npm brings this platform’s engine and no other', async (t) => {
  const installed = await project(t, 'commonjs')
  const engines = await readdir(join(installed.directory, 'node_modules/@durabl'))
  assert.equal(engines.length, 1, `${engines}`)
  assert.match(engines[0], new RegExp(`^durabl-${process.platform}-${process.arch}`))
  await greets(t, installed, 'index.js')
})

test('a TypeScript project: every way to resolve modules, with the oldest compiler and the newest', async (t) => {
  const installed = await project(t, 'typescript')
  await copyFile(join(installed.directory, 'src/index.ts'), join(installed.directory, 'src/as-commonjs.cts'))
  const compile = async (compiler, ...options) => {
    const { code, stdout } = await installed.node([`node_modules/${compiler}/bin/tsc`, '-p', '.', ...options])
    assert.equal(code, 0, `${compiler} ${options.join(' ')}\n${stdout}`)
  }
  await compile('typescript', '--module', 'node16', '--outDir', 'out')
  await greets(t, installed, 'out/index.js')
  await greets(t, installed, 'out/as-commonjs.cjs')
  await compile('typescript', '--module', 'esnext', '--moduleResolution', 'bundler', '--noEmit')
  await compile(
    'typescript-oldest',
    '--module',
    'commonjs',
    '--moduleResolution',
    'node10',
    '--outDir',
    'classic',
  )
  await writeFile(join(installed.directory, 'classic/package.json'), '{ "type": "commonjs" }')
  await greets(t, installed, 'classic/index.js')
})
