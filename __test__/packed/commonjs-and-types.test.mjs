/** The published package, installed by npm into empty projects and used there: CommonJS and TypeScript. */
import assert from 'node:assert/strict'
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises'
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

for (const version of ['6.0.0', '7.0.0']) {
  test(`a project with the oldest driver of its kind, mongodb ${version}`, async (t) => {
    const installed = await project(t, 'oldest-driver', { npm: [`mongodb@${version}`] })
    const { version: found } = JSON.parse(
      await readFile(join(installed.directory, 'node_modules/mongodb/package.json'), 'utf8'),
    )
    assert.equal(found, version)
    // The driver of that time uses what Node has deprecated since.
    await greets(t, installed, 'index.js', { flags: ['--no-deprecation'] })
  })
}

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

test('job types declared for a whole program, in ES modules and CommonJS', async (t) => {
  const installed = await project(t, 'typescript')
  await installed.copy('augmented/index.ts', 'augmented-commonjs/index.cts')
  await installed.copy('augmented/tsconfig.json', 'augmented-commonjs/tsconfig.json')
  const compile = async (directory, compiler, ...options) => {
    const args = [`node_modules/${compiler}/bin/tsc`, '-p', directory, ...options]
    const { code, stdout } = await installed.node(args)
    assert.equal(code, 0, `${args.join(' ')}\n${stdout}`)
  }
  for (const compiler of ['typescript', 'typescript-oldest']) {
    for (const directory of ['augmented', 'augmented-commonjs']) {
      await compile(directory, compiler, '--module', 'node16')
      await compile(directory, compiler, '--module', 'esnext', '--moduleResolution', 'bundler')
    }
  }
  await compile('augmented', 'typescript-oldest', '--module', 'commonjs', '--moduleResolution', 'node10')
})
