/** Each example runs, and does what its text says. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { root, runNode } from './support/child.mjs'
import { atEnd } from './support/cleanup.mjs'
import { connect, testUrl } from './support/mongo.mjs'

/** Runs an example to its end, on a database of its own, and returns what it printed. */
async function example(t, name, options = {}) {
  const { db } = await connect(t)
  const env = { MONGO_URL: testUrl(), MONGO_DB: db.databaseName, ...options.env }
  const result = await runNode([`examples/${name}`], { ...options, env })
  assert.equal(result.code, options.code ?? 0, `${result.stdout}\n${result.stderr}`)
  assert.equal(result.stderr, '')
  return { ...result, db, lines: result.stdout.split('\n') }
}

test('welcome-email sends one letter for two calls', async (t) => {
  const { stdout } = await example(t, 'welcome-email.mjs')
  assert.match(stdout, /first call: {2}a job/)
  assert.match(stdout, /second call: none/)
  assert.equal(stdout.match(/Welcome, Ada!/g).length, 1)
})

test('reschedule turns twenty requests into two runs, one after the other', async (t) => {
  const { stdout } = await example(t, 'reschedule.mjs')
  assert.match(stdout, /20 requests, 2 runs, never more than 1 at once/)
})

test('worker runs what is enqueued, and ends by itself after SIGTERM', async (t) => {
  const { db } = await connect(t)
  const { JobQueue, MongoJobQueue } = await import('durabl')
  const backend = new MongoJobQueue({ db, collectionName: 'worker_jobs' })
  const queue = new JobQueue(backend)
  atEnd(t, () => queue.shutdown())
  await queue.startup()
  const good = await queue.enqueue('resize-image', { path: 'a.png', takesMs: 10 })
  const bad = await queue.enqueue('resize-image', {})

  const left = new Set(['completed resize-image', 'fail-fatal resize-image'])
  const { code, stdout, stderr } = await runNode(['examples/worker.mjs'], {
    env: { MONGO_URL: testUrl(), MONGO_DB: db.databaseName },
    onLine(line, child) {
      if (left.delete(line) && left.size === 0) child.kill('SIGTERM')
    },
  })
  assert.equal(code, 0, stderr)
  assert.match(stdout, /stopped\n$/)
  assert.equal((await backend.findOne({ id: good })).status, 'completed')
  assert.equal((await backend.findOne({ id: bad })).status, 'failed')
})

test('unit-test needs no server', async () => {
  const { code, stdout, stderr } = await runNode(
    ['--test', '--test-reporter=tap', 'examples/unit-test.mjs'],
    {
      env: { MONGO_URL: '' },
    },
  )
  assert.equal(code, 0, `${stdout}\n${stderr}`)
  assert.match(stdout, /^# pass 2$/m)
})

test('the quick start tells the story of each job, in order, and leaves nothing behind', async (t) => {
  const { client } = await connect(t)
  const { stdout, ms } = await example(t, 'quickstart.mjs', { timeoutMs: 60_000 })
  const story = [
    /welcome-email .* enqueued/,
    /welcome-email .* not made/,
    /welcome-email .* completed/,
    /writing the urgent one[\s\S]*writing the daily one[\s\S]*writing the weekly one/,
    /"stand up", 1[2-9]\d\d ms after it was enqueued/,
    /retrying .*the bank did not answer/,
    /failed .*the card has expired/,
    /started .*attempt 3/,
    /sync .* claimed .*the other four got null/,
    /never more than 1 at once/,
    /8 completed, 1 failed, 0 active, 0 pending/,
  ]
  for (const line of story) assert.match(stdout, line)
  // eslint-disable-next-line no-control-regex -- no colour where no person watches
  assert.doesNotMatch(stdout, /\x1b\[/)
  assert.ok(ms < 15_000, `it took ${ms} ms`)
  const { databases } = await client.db().admin().listDatabases({ nameOnly: true })
  const [, used] = stdout.match(/in the database (durabl_quickstart_\w+)/)
  assert.equal(
    databases.some(({ name }) => name === used),
    false,
  )
})

test('the quick start stops early, cleanly, when it is interrupted', async (t) => {
  const { stdout } = await example(t, 'quickstart.mjs', {
    code: 130,
    onLine: (line, child) => line.includes('to run in 1200 ms') && child.kill('SIGINT'),
  })
  assert.match(stdout, /stopping early/)
  assert.doesNotMatch(stdout, /A failure is retried/)
})

test('the quick start is in colour where somebody asks for it', async (t) => {
  const { stdout } = await example(t, 'quickstart.mjs', { env: { FORCE_COLOR: '1' } })
  // eslint-disable-next-line no-control-regex -- colours
  assert.match(stdout, /\x1b\[32mcompleted/)
})

test('every example is run by a test', () => {
  const tested = ['quickstart.mjs', 'reschedule.mjs', 'unit-test.mjs', 'welcome-email.mjs', 'worker.mjs']
  assert.deepEqual(
    readdirSync(`${root}/examples`).filter((name) => name.endsWith('.mjs')),
    tested,
  )
})
