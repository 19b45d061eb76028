/** The command `durabl`, as processes that a shell starts. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import { root, run } from '../../support/child.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { connect, testUrl } from '../../support/mongo.mjs'
import { pollUntil } from '../../support/wait.mjs'

const FILE = join(root, 'dist/command/durabl.js')

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** A queue that is started up, and `durabl(…words)`, which works on it. */
async function world(t, { startup = true } = {}) {
  const { db } = await connect(t)
  const backend = new MongoJobQueue({ db, logger: silent })
  const queue = new JobQueue(backend, silent)
  atEnd(t, () => queue.shutdown())
  if (startup) await queue.startup()
  const env = { DURABL_URI: testUrl(), DURABL_DATABASE: db.databaseName }
  const durabl = async (...words) => {
    const result = await run(process.execPath, [FILE, ...words], { env: { ...process.env, ...env } })
    return { ...result, json: () => JSON.parse(result.stdout) }
  }
  return { db, jobs: db.collection('jobs'), queue, durabl, env }
}

/** A job that has failed for good. */
async function failed(queue, backend, type, data) {
  const id = await queue.enqueue(type, data, { maxAttempts: 1 })
  const job = await backend.claimNext(type)
  await backend.fail(job.id, 'no route to host', job.claimToken)
  return id
}

/** A server that is started and told to end. */
function start(t, words, env) {
  const child = spawn(process.execPath, [FILE, ...words], { env: { ...process.env, ...env } })
  atEnd(t, async () => {
    if (child.exitCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  })
  const told = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'])
    child[name].setEncoding('utf8').on('data', (text) => (told[name] += text))
  return { child, told }
}

describe('durabl', () => {
  for (const [words, pattern] of [
    [[], /^durabl \d/],
    [['docter'], /did you mean doctor\?/],
    [['list', '--statuss', 'failed'], /Unknown option '--statuss'; did you mean --status\?/],
    [['list', '--status', 'gone'], /--status must be one of/],
    [['list', '--where', 'userId=1'], /--where must be data\.PATH=VALUE/],
    [['list', '--limit', '-1'], /--limit/],
    [['get'], /The id of a job is missing/],
    [['get', 'a', 'b'], /Too many arguments: b/],
    [['retry'], /Give ids of jobs, or a filter with --status/],
    [['retry', 'a', '--status', 'failed'], /Give either ids or a filter, not both/],
    [['pause'], /A type is missing/],
    [['schedules', 'explode', 'a'], /there is no "explode"/],
    [['schedules', 'skip', 'a', 'tomorrow'], /the moment must be as 2030-01-01T06:00:00Z; got "tomorrow"/],
    [['reschedule', 'a'], /Give --run-at, --delay or --priority/],
    [['reschedule', 'a', '--run-at', 'soon'], /--run-at must be as/],
    [['--verbose', 'list'], /The verb comes first: durabl VERB --verbose/],
    [['dashboard', '--host', '0.0.0.0'], /Others can reach 0\.0\.0\.0: set DURABL_DASHBOARD_PASSWORD first/],
    [['dashboard', '--port', '70000'], /--port must be a whole number/],
  ]) {
    test(`${words.join(' ')} makes no sense: exit code 2`, async () => {
      const { code, stdout, stderr } = await run(process.execPath, [FILE, ...words], {
        env: { ...process.env, DURABL_URI: 'mongodb://127.0.0.1:1/none', DURABL_DASHBOARD_PASSWORD: '' },
      })
      assert.equal(code, 2, stderr)
      assert.match(stdout + stderr, pattern)
    })
  }

  test('a server that cannot be reached is exit code 3, and no password is repeated', async () => {
    const uri = 'mongodb://user:hunter2@127.0.0.1:1/app?serverSelectionTimeoutMS=200'
    const { code, stderr } = await run(process.execPath, [FILE, 'stats', '--uri', uri])
    assert.equal(code, 3)
    assert.doesNotMatch(stderr, /hunter2/)
    const malformed = await run(process.execPath, [FILE, 'stats', '--uri', 'mongodb:/user:hunter2@x/app'])
    assert.equal(malformed.code, 2)
    assert.doesNotMatch(malformed.stderr, /hunter2/)
  })

  test('doctor names missing and changed indexes, and is content once they are there', async (t) => {
    const { durabl, jobs } = await world(t, { startup: false })
    await jobs.createIndex({ type: 1 }, { name: 'durabl_active_idx' })
    const dry = await durabl('startup', '--dry-run')
    assert.equal(dry.code, 1)
    assert.match(dry.stdout, /createIndex\(\{"status":1,"type":1,"priority":1,"runAt":1\}/)
    const bad = await durabl('doctor', '--json')
    assert.equal(bad.code, 1)
    const findings = bad.json().findings.filter(({ check }) => check === 'indexes')
    assert.ok(findings.some(({ text }) => text === 'the index durabl_active_idx has another definition'))
    assert.ok(findings.some(({ text }) => text === 'the index durabl_pending_idx is missing'))
    await jobs.dropIndex('durabl_active_idx')
    assert.equal((await durabl('startup')).code, 0)
    const good = await durabl('doctor')
    assert.equal(good.code, 0, good.stdout + good.stderr)
    assert.match(good.stdout, /✔ indexes +all indexes exist/)
    assert.match(good.stdout, /✔ server +MongoDB \d/)
  })

  test('doctor of a collection that is not there says so, instead of naming each index', async (t) => {
    const { durabl, db } = await world(t, { startup: false })
    const { code, stdout } = await durabl('doctor')
    assert.equal(code, 1)
    const findings = stdout.split('\n').filter((line) => line.startsWith('✘'))
    assert.equal(findings.length, 1, stdout)
    assert.ok(
      findings[0].endsWith(`there is no collection "jobs" in the database "${db.databaseName}"`),
      stdout,
    )
  })

  test('doctor finds keys that are held twice and leases that have expired', async (t) => {
    const { durabl, jobs } = await world(t)
    await jobs.dropIndex('dedupe_pending_active_idx')
    const base = {
      type: 'a',
      attempt: 0,
      maxAttempts: 3,
      priority: 0,
      runAt: new Date(),
      createdAt: new Date(),
      data: {},
    }
    const key = { dedupeKey: 'k', dedupeScope: 'pending+active' }
    await jobs.insertMany([
      { _id: 'one', ...base, ...key, status: 'pending' },
      { _id: 'two', ...base, ...key, status: 'pending' },
      {
        _id: 'three',
        ...base,
        status: 'active',
        claimedAt: new Date(Date.now() - 3_600_000),
        claimToken: 'x',
      },
    ])
    const { code, stdout } = await durabl('doctor')
    assert.equal(code, 1)
    assert.match(stdout, /✘ keys +the dedupe key "k" is held by 2 jobs of the type "a"/)
    assert.match(stdout, /✘ leases +one job has an expired lease/)
  })

  test('doctor looks at the side collection, and at periods on which workers disagree', async (t) => {
    const { db, durabl } = await world(t)
    const side = db.collection('jobs.durabl')
    const worker = (id, retention) => ({
      ...{ _id: `worker:${id}`, kind: 'worker', host: 'h', pid: 1, versions: { durabl: '0.4.0' }, types: [] },
      ...{ startedAt: new Date(), seenAt: new Date(), expireAt: new Date(Date.now() + 600_000), retention },
    })
    const day = 86_400_000
    await side.insertMany([
      worker('one', { completedMs: day, types: [{ type: 'mail', failedMs: day }] }),
      worker('two', { completedMs: 2 * day, failedMs: 3 * day, types: [] }),
    ])
    await side.dropIndex('durabl_next_run_idx')
    await side.dropIndex('durabl_expire_idx')
    await side.createIndex({ expireAt: 1 }, { name: 'durabl_expire_idx', expireAfterSeconds: 60 })
    const bad = await durabl('doctor')
    assert.equal(bad.code, 1, bad.stdout + bad.stderr)
    assert.match(
      bad.stdout,
      /✘ indexes +the index durabl_next_run_idx of jobs\.durabl is missing\n +db\.getCollection\("jobs\.durabl"\)/,
    )
    assert.match(bad.stdout, /✘ indexes +the index durabl_expire_idx of jobs\.durabl has another definition/)
    assert.match(
      bad.stdout,
      /! retention +workers have different periods of retention, completedMs: 24\.0 h, 48\.0 h/,
    )
    assert.match(bad.stdout, /! retention +.*, failedMs of "mail": 24\.0 h, 72\.0 h/)
    await side.deleteOne({ _id: 'worker:one' })
    await side.dropIndex('durabl_expire_idx')
    assert.equal((await durabl('startup')).code, 0)
    const good = await durabl('doctor')
    assert.equal(good.code, 0, good.stdout)
    assert.match(good.stdout, /✔ retention +workers remove old jobs, and agree on when/)
  })

  test('list and get show jobs, and say when there is none', async (t) => {
    const { durabl, queue } = await world(t)
    const id = await queue.enqueue('mail', { userId: 'u1', token: 'visible here' })
    await queue.enqueue('mail', { userId: 'u2' })
    const found = await durabl('list', '--where', 'data.userId=u1', '--type', 'mail', '--json')
    assert.equal(found.code, 0, found.stderr)
    assert.deepEqual(
      found.json().jobs.map((job) => job.id),
      [id],
    )
    assert.equal(found.json().jobs[0].data, undefined)
    const table = await durabl('list')
    assert.match(table.stdout, /^ID +TYPE +STATE +ATTEMPT +WHEN/)
    assert.equal((await durabl('list', '--status', 'failed')).code, 1)
    const job = await durabl('get', id, '--json')
    assert.equal(job.json().data.userId, 'u1')
    assert.match((await durabl('get', id)).stdout, /visible here/)
    assert.equal((await durabl('get', 'absent')).code, 1)
  })

  test('names with control characters do not reach the terminal', async (t) => {
    const { durabl, queue } = await world(t)
    await queue.enqueue('\u001b[31mred\u0007', {})
    const { stdout } = await durabl('list')
    // eslint-disable-next-line no-control-regex -- they are what is looked for
    assert.doesNotMatch(stdout, /[\u001b\u0007]/)
    assert.match(stdout, /\\u001b\[31mred\\u0007/)
  })

  test('retry and remove act on ids, with an exit code of their own for a no', async (t) => {
    const { durabl, queue, jobs } = await world(t)
    const id = await failed(queue, queue.backend, 'mail', {})
    const retried = await durabl('retry', id)
    assert.equal(retried.code, 0, retried.stderr)
    assert.equal(retried.stdout, `${id} retried\n`)
    const again = await durabl('retry', id, '--json')
    assert.equal(again.code, 1)
    assert.deepEqual(again.json(), { status: 'wrong-status', jobStatus: 'pending', id })
    assert.equal((await durabl('remove', id, 'absent')).code, 1)
    assert.equal(await jobs.countDocuments(), 0)
  })

  test('an action on all that match needs a yes, and counts without doing', async (t) => {
    const { durabl, queue, jobs } = await world(t)
    for (let n = 0; n < 3; n++) await failed(queue, queue.backend, 'mail', { n })
    await failed(queue, queue.backend, 'other', {})
    const dry = await durabl('retry', '--status', 'failed', '--type', 'mail', '--dry-run')
    assert.equal(dry.stdout, '3 jobs match\n', dry.stderr)
    const refused = await durabl('retry', '--status', 'failed', '--type', 'mail')
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /retry 3 jobs\? There is no terminal to ask on: give --yes/)
    assert.equal(await jobs.countDocuments({ status: 'failed' }), 4)
    const done = await durabl('retry', '--status', 'failed', '--type', 'mail', '--yes')
    assert.equal(done.code, 0, done.stderr)
    assert.equal(await jobs.countDocuments({ status: 'pending', type: 'mail' }), 3)
    assert.equal(await jobs.countDocuments({ status: 'failed', type: 'other' }), 1)
  })

  test('pause and resume hold a type up and let it go on', async (t) => {
    const { durabl } = await world(t)
    assert.equal((await durabl('pause', 'mail', '--reason', 'the server is down')).stdout, 'paused\n')
    assert.equal((await durabl('pause', 'mail')).stdout, 'unchanged\n')
    assert.equal((await durabl('resume', 'mail')).stdout, 'resumed\n')
  })

  test('schedules are listed, previewed and steered', async (t) => {
    const { durabl, queue } = await world(t)
    assert.equal((await durabl('schedules')).code, 1)
    await queue.schedule(
      'nightly',
      { cron: '30 2 * * *', timezone: 'Europe/Berlin' },
      { type: 'report', data: {} },
    )
    assert.match((await durabl('schedules')).stdout, /nightly +report +running +30 2 \* \* \* Europe\/Berlin/)
    const preview = await durabl('schedules', 'preview', 'nightly', '--count', '3')
    assert.equal(preview.stdout.trim().split('\n').length, 3)
    assert.equal((await durabl('schedules', 'run', 'nightly')).stdout, 'created\n')
    const again = await durabl('schedules', 'run', 'nightly')
    assert.deepEqual([again.code, again.stdout], [1, 'duplicate: a job of it is outstanding\n'])
    await queue.schedule('often', { everyMs: 15_000 }, { type: 'report', data: {} })
    assert.match((await durabl('schedules')).stdout, /often +report +running +every 15 s /)
    assert.equal((await durabl('schedules', 'pause', 'nightly')).stdout, 'paused\n')
    assert.equal((await durabl('schedules', 'remove', 'nightly')).code, 0)
    assert.equal((await durabl('schedules', 'preview', 'nightly')).code, 1)
  })

  test('stats counts jobs by type', async (t) => {
    const { durabl, queue } = await world(t)
    await queue.enqueue('mail', {})
    const { code, stdout, stderr } = await durabl('stats')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /mail +1 +1 +0 +0 +0/)
  })

  test('tail tells of jobs as they come and end, as JSON lines, until it is interrupted', async (t) => {
    const { queue, env } = await world(t)
    const { child, told } = start(t, ['tail', '--type', 'mail', '--json'], env)
    await pollUntil('it follows', () => told.stderr.includes('following'))
    // The stream begins with the first answer of the server; until then a job may be missed.
    await pollUntil('a job is told of', async () => {
      await queue.enqueue('mail', {})
      await queue.enqueue('other', {})
      return told.stdout.includes('\n')
    })
    const lines = told.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.ok(lines.every(({ type, status }) => type === 'mail' && status === 'pending'))
    child.kill('SIGINT')
    const [code] = await once(child, 'exit')
    assert.equal(code, 0)
  })

  test('dashboard serves the page to this machine, and to no name that only points here', async (t) => {
    const { queue, env } = await world(t)
    await queue.enqueue('mail', {})
    const { child, told } = start(t, ['dashboard', '--port', '0', '--json', '--read-only'], env)
    const url = await pollUntil('it serves', () => told.stdout.includes('\n') && JSON.parse(told.stdout).url)
    const page = await fetch(url)
    assert.equal(page.status, 200)
    assert.match(await page.text(), /\?asset=script/)
    const meta = await (await fetch(`${url}?api=meta`)).json()
    assert.deepEqual(meta.actions, [])
    const rebound = await run(process.execPath, ['-e', REBIND, url])
    assert.equal(rebound.stdout.trim(), '403')
    child.kill('SIGTERM')
    const [code] = await once(child, 'exit')
    assert.equal(code, 0)
  })

  test('dashboard at a port that is in use says so', async (t) => {
    const { durabl } = await world(t)
    const other = createServer()
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    atEnd(t, () => other.close())
    const { code, stderr } = await durabl('dashboard', '--port', String(other.address().port))
    assert.equal(code, 2)
    assert.match(stderr, /The port is in use: name another one by --port/)
  })

  test('dashboard asks others for the password', async (t) => {
    const { env } = await world(t)
    const words = ['dashboard', '--port', '0', '--json', '--host', '0.0.0.0']
    const { told } = start(t, words, { ...env, DURABL_DASHBOARD_PASSWORD: 'pass:word' })
    const { port } = new URL(
      await pollUntil('it serves', () => told.stdout.includes('\n') && JSON.parse(told.stdout).url),
    )
    const status = async (authorization) => {
      const response = await fetch(`http://127.0.0.1:${port}/`, {
        headers: authorization ? { authorization } : {},
      })
      return response.status
    }
    const basic = (text) => `Basic ${Buffer.from(text).toString('base64')}`
    assert.equal(await status(), 401)
    assert.equal(await status(basic('ada:pass')), 401)
    assert.equal(await status(basic('ada:')), 401)
    assert.equal(await status(basic('ada:pass:word')), 200)
  })
})

/** Asks with the name of another host, as a page would whose name was made to point to this machine. */
const REBIND = `
  const { get } = require('node:http')
  get(process.argv[1], { headers: { host: 'rebound.example.com' } }, ({ statusCode }) => console.log(statusCode))`
