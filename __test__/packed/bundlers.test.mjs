/** Bundlers other than esbuild: with durabl left out, and where the tool can take a binary along, with durabl in the bundle. */
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { greets, installProject } from './support/project.mjs'

describe('a bundle', () => {
  let project
  before(async () => (project = await installProject('bundlers')))
  after(() => project.remove())

  async function build(command, args) {
    const { code, stdout, stderr } = await project.bin(command, args)
    assert.equal(code, 0, stdout + stderr)
  }

  test('by webpack, with durabl external', async (t) => {
    await build('webpack', [])
    await greets(t, project, 'dist/webpack.mjs')
  })

  test('by Vite for a server, which leaves packages out by itself', async (t) => {
    await build('vite', ['build', '--ssr', 'index.js', '--outDir', 'vite'])
    await greets(t, project, 'vite/index.js')
  })

  test('by Vite for a server, that carries durabl', async (t) => {
    const config = `export default { ssr: { noExternal: ['durabl'] } }`
    await writeFile(join(project.directory, 'vite.config.js'), config)
    await build('vite', ['build', '--ssr', 'index.js', '--outDir', 'vite-whole'])
    await greets(t, project, 'vite-whole/index.js')
  })

  // The last: it takes the packages away.
  test('by ncc, that carries durabl, its engine and mongodb', async (t) => {
    await build('ncc', ['build', 'index.js', '-o', 'ncc'])
    await rm(join(project.directory, 'node_modules'), { recursive: true })
    await greets(t, project, 'ncc/index.js')
  })
})
