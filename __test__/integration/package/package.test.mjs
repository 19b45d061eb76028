/** The package as an app meets it: its entries, what it loads, and whether the process can end. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import * as esm from 'durabl'
import { runNode } from '../../support/child.mjs'
import { project } from '../../support/installed.mjs'
import { connect, testUrl } from '../../support/mongo.mjs'
import { letPass } from '../../support/time.mjs'

const require = createRequire(import.meta.url)

test('import and require give the same objects under the same names', () => {
  const cjs = require('durabl')
  assert.deepEqual(Object.keys(esm).sort(), Object.keys(cjs).sort())
  for (const [name, value] of Object.entries(cjs)) assert.equal(esm[name], value, name)
})

const IN_MEMORY = `
  const dummy = new DummyBackend()
  const queue = new JobQueue(dummy)
  await queue.enqueue('a', { n: 1 })
  const ran = new Promise((resolve) => queue.process('a', resolve))
  await ran
  const inline = new JobQueue(new ImmediateBackend())
  inline.process('b', () => {})
  await inline.enqueue('b', {})
  console.log((await inline.getStats()).completed)
  await queue.shutdown()
  await inline.shutdown()`

for (const [system, program, extension] of [
  ['ESM', `import { DummyBackend, ImmediateBackend, JobQueue } from 'durabl'\n${IN_MEMORY}`, 'mjs'],
  [
    'CommonJS',
    `const { DummyBackend, ImmediateBackend, JobQueue } = require('durabl')\n;(async () => {${IN_MEMORY}})()`,
    'cjs',
  ],
]) {
  test(`in ${system}, the in-memory backends work where neither the engine nor mongodb is installed`, async (t) => {
    const { run } = await project(t, { addon: false, mongodb: false })
    const { code, stdout, stderr } = await run(program, { extension })
    assert.equal(stderr, '')
    assert.equal(stdout, '1\n')
    assert.equal(code, 0)
  })
}

test('the in-memory backends load neither the engine nor mongodb where both are installed', async (t) => {
  const { run } = await project(t, { addon: true, mongodb: true })
  const { stdout, stderr } = await run(
    `const { DummyBackend, ImmediateBackend, JobQueue } = require('durabl')
     ;(async () => {${IN_MEMORY}
     console.log(Object.keys(require.cache).filter((file) => /\\.node$|[\\\\/]mongodb[\\\\/]/.test(file)))})()`,
    { extension: 'cjs' },
  )
  assert.equal(stderr, '')
  assert.equal(stdout, '1\n[]\n')
})

const OPEN = `
  import { MongoJobQueue } from 'durabl'
  try {
    new MongoJobQueue({ uri: 'mongodb://127.0.0.1:1', database: 'app' })
    console.log('constructed')
  } catch (error) {
    console.log(error.code, error.message)
  }`

test('without its engine, MongoJobQueue says which package is missing and what to do', async (t) => {
  const { run } = await project(t, { addon: false, mongodb: true })
  const { stdout } = await run(OPEN)
  assert.match(stdout, /^ERR_DURABL_ADDON_MISSING /)
  assert.match(stdout, new RegExp(`durabl-${process.platform}-${process.arch}`))
  assert.match(stdout, /npm install/)
})

test('without mongodb, MongoJobQueue says so when it is made, and how to install it', async (t) => {
  const { run } = await project(t, { addon: true, mongodb: false })
  const { stdout } = await run(OPEN)
  assert.match(stdout, /^ERR_DURABL_DRIVER_MISSING /)
  assert.match(stdout, /npm install mongodb/)
})

/** Runs a program against the server, and expects the process to end by itself, soon after its last line. */
async function endsByItself(t, program) {
  const { db } = await connect(t)
  const prelude = `
    import { DummyBackend, JobQueue, MongoJobQueue } from 'durabl'
    import { MongoClient } from 'mongodb'
    const client = await MongoClient.connect(${JSON.stringify(testUrl())})
    const db = client.db(${JSON.stringify(db.databaseName)})`
  let lastLineAt
  const result = await runNode(
    ['--input-type=module', '-e', `${prelude}\n${program}\nconsole.log('last line')`],
    {
      onLine: (line) => line === 'last line' && (lastLineAt = performance.now()),
    },
  )
  const lingered = performance.now() - lastLineAt
  assert.equal(result.timedOut, false, `still alive: ${result.stdout}${result.stderr}`)
  assert.equal(result.code, 0, result.stderr)
  // Otherwise the process would wait for the engine’s farewell, of five seconds, or never end.
  assert.ok(lingered < 4000, `it lingered for ${lingered} ms`)
}

test('a process with a queue and no processors ends once the app closes its own client', async (t) => {
  await endsByItself(
    t,
    `const queue = new JobQueue(new MongoJobQueue({ db, useChangeStreams: true }))
     await queue.startup()
     await queue.enqueue('x', {})
     await queue.getStats()
     await client.close()`,
  )
})

test('nor do a reaper, a handle that is not settled, or a call that is not awaited keep it alive', async (t) => {
  await endsByItself(
    t,
    `const queue = new JobQueue(new MongoJobQueue({ db, useChangeStreams: true }))
     await queue.startup()
     await queue.startReaper(50)
     console.log((await queue.claimOrEnqueue('x', {})).status)
     void queue.enqueue('x', {})
     void queue.getStats()
     await client.close()`,
  )
})

test('a process with a processor ends after shutdown', async (t) => {
  await endsByItself(
    t,
    `const queue = new JobQueue(new MongoJobQueue({ db, useChangeStreams: true }))
     await queue.startup()
     const ran = new Promise((resolve) => queue.process('x', resolve))
     await queue.enqueue('x', {})
     await ran
     await queue.shutdown()
     await client.close()`,
  )
})

test('a process with a DummyBackend and a processor ends after shutdown', async (t) => {
  await endsByItself(
    t,
    `await client.close()
     const queue = new JobQueue(new DummyBackend())
     queue.process('x', () => {})
     await queue.enqueue('x', {})
     await queue.shutdown()`,
  )
})

/** Neither leaves anything alive but what durabl has. */
for (const [by, connected] of [
  ['its own connection string', 'const options = { uri, database }'],
  [
    'the app’s client, which was closed since',
    `const client = await MongoClient.connect(uri)
     const options = { db: client.db(database) }`,
  ],
]) {
  test(`a process with a processor lives until its queue is shut down, connected by ${by}`, async (t) => {
    const { db } = await connect(t)
    const { stdout, code } = await runNode(
      [
        '--input-type=module',
        '-e',
        `import { JobQueue, MongoJobQueue } from 'durabl'
         import { MongoClient } from 'mongodb'
         const [uri, database] = ${JSON.stringify([testUrl(), db.databaseName])}
         ${connected}
         const queue = new JobQueue(new MongoJobQueue(options))
         await queue.startup()
         await options.db?.client.close()
         queue.process('x', async (job) => {
           console.log(job.data)
           // Not from within: it waits for this handler.
           setImmediate(() => queue.shutdown().then(() => console.log('shut down')))
         })
         console.log('listening')
         process.once('SIGTERM', () => void queue.enqueue('x', 'still here'))`,
      ],
      {
        async onLine(line, child) {
          if (line !== 'listening') return
          await letPass(2000, 'nothing but the processor keeps it alive')
          child.kill('SIGTERM')
        },
      },
    )
    assert.equal(stdout, 'listening\nstill here\nshut down\n')
    assert.equal(code, 0)
  })
}
