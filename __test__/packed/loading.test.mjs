/** The files that an app reads when it starts, and those that it reads later: the published package loads a part when it is used. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ENTRIES, specifierOf } from '../../scripts/packages/entries.mjs'
import { installProject } from './support/project.mjs'

/** Modules of Node.js that take a millisecond or more together, and that no app needs for durabl to load. */
const HEAVY = ['crypto', 'tls', 'net', 'http', 'os', 'zlib', 'internal/perf/performance']

const AT_START = ['index.js', 'shared/common.js']

describe('the published package', () => {
  let project
  before(async () => (project = await installProject('commonjs')))
  after(() => project.remove())

  /** Runs a program. Then: the files of durabl, all addons, and the heavy modules of Node.js that were loaded meanwhile. */
  async function loadedBy(program, ...flags) {
    const report = `
      const [mark, own] = ['NativeModule ', '/node_modules/durabl/dist/']
      const files = Object.keys(cache).map((file) => file.replaceAll('\\\\', '/'))
      console.log(JSON.stringify({
        files: files.filter((file) => file.includes(own)).map((file) => file.split(own)[1]).sort(),
        addons: files.filter((file) => file.endsWith('.node')).length,
        heavy: ${JSON.stringify(HEAVY)}.filter((name) => !earlier.has(mark + name) && process.moduleLoadList.includes(mark + name)),
      }))`
    const { code, stdout, stderr } = await project.node([...flags, '-e', `${program}\n${report}`])
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout)
  }

  const required = (program) =>
    loadedBy(`const { cache } = require; const earlier = new Set(process.moduleLoadList)\n${program}`)

  test('reads two files when it is required, no addon, and no heavy module of Node.js', async () => {
    assert.deepEqual(await required(`require('durabl')`), { files: AT_START, addons: 0, heavy: [] })
  })

  test('reads the same files when it is imported', async () => {
    const program = `
      import { createRequire } from 'node:module'
      const { cache } = createRequire(process.cwd() + '/')
      const earlier = new Set(process.moduleLoadList)
      const { JobQueue } = await import('durabl')
      if (typeof JobQueue !== 'function') throw new Error('no JobQueue')`
    const { files, addons } = await loadedBy(program, '--input-type=module')
    assert.deepEqual({ files, addons }, { files: AT_START, addons: 0 })
  })

  for (const entry of ENTRIES.slice(1)) {
    const specifier = specifierOf(entry)
    // Its peer is not installed here.
    if (specifier === 'durabl/otel') continue
    test(`reads nothing of ${specifier} with the main entry, and no late part with ${specifier}`, async () => {
      const { files, addons } = await required(`require('${specifier}')`)
      assert.ok(files.includes(`${entry.module}.js`))
      assert.deepEqual(
        files.filter((file) => file === 'index.js' || file.startsWith('later/')),
        [],
      )
      assert.equal(addons, 0)
    })
  }

  test('reads the rules of the memory for a queue in memory, and not the engine', async () => {
    const { files, addons } = await required(`
      const { DummyBackend, JobQueue } = require('durabl')
      new JobQueue(new DummyBackend())`)
    assert.deepEqual(files, [
      'index.js',
      ...['create-driver', 'rules', 'script-engine'].map((name) => `later/${name}.js`),
      ...['common', 'parts', 'rolldown-runtime'].map((name) => `shared/${name}.js`),
    ])
    assert.equal(addons, 0)
  })

  test('reads the engine for a queue on MongoDB, and not the rules of the memory', async () => {
    const { files, addons } = await required(`
      const { JobQueue, MongoJobQueue } = require('durabl')
      const queue = new JobQueue(new MongoJobQueue({ uri: 'mongodb://127.0.0.1:1', database: 'none' }))
      void queue.shutdown(0)`)
    assert.deepEqual(files, [
      'index.js',
      ...['create-driver', 'operations'].map((name) => `later/${name}.js`),
      'mongo/packages/literal.js',
      ...['common', 'parts', 'rolldown-runtime'].map((name) => `shared/${name}.js`),
    ])
    assert.equal(addons, 1)
  })

  test('reads the orchestration with the first that is defined', async () => {
    const { files } = await required(`
      const { DummyBackend, JobQueue, Orchestrator } = require('durabl')
      const queue = new JobQueue(new DummyBackend())
      const orchestrator = new Orchestrator(queue)
      if (Object.keys(cache).some((file) => file.endsWith('attempt.js'))) throw new Error('too early')
      orchestrator.define('trip', async () => {})
      void queue.shutdown()`)
    assert.ok(files.includes('later/attempt.js'), files.join(', '))
    assert.ok(files.includes('shared/scope.js'), files.join(', '))
  })

  test('loads all its parts under Jest, before the registry of modules can change', async () => {
    const { files } = await required(`process.env.JEST_WORKER_ID = '1'; require('durabl')`)
    const parts = ['attempt', 'create-driver', 'operations', 'rules', 'script-engine', 'spec']
    assert.deepEqual(
      files.filter((file) => file.startsWith('later/')),
      parts.map((name) => `later/${name}.js`),
    )
  })

  test('shows the lines of the sources in stacks', async () => {
    const program = `
      const { previewSchedule } = require('durabl')
      Error.stackTraceLimit = 50
      const date = { get count() { console.log(new Error().stack); return 1 } }
      previewSchedule({ everyMs: 60_000 }, date)`
    const { code, stdout, stderr } = await project.node(['--enable-source-maps', '-e', program])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /lib[\\/]schedule[\\/]spec\.ts:\d+/)
    assert.match(stdout, /lib[\\/]schedule[\\/]preview\.ts:\d+/)
  })
})
