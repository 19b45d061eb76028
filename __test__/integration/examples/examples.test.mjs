/** Each example runs, and does what its text says. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { root, runNode } from '../../support/child.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { connect, testUrl } from '../../support/mongo.mjs'
import { replicaSet } from '../../support/servers.mjs'

/** Examples that have run to their end, or as far as their test went, by their paths below `examples`. */
const ran = new Set()

/** Runs a file of the examples. */
async function runExample(name, options, flags = []) {
  const result = await runNode([...flags, `examples/${name}`], options)
  ran.add(name)
  return result
}

/** Runs an example to its end, on a database of its own, and returns what it printed. */
async function example(t, name, options = {}) {
  const { db } = await connect(t)
  const env = { MONGO_URL: testUrl(), MONGO_DB: db.databaseName, ...options.env }
  const result = await runExample(name, { ...options, env })
  assert.equal(result.code, options.code ?? 0, `${result.stdout}\n${result.stderr}`)
  assert.match(result.stderr, options.stderr ?? /^$/)
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

test('upcoming lists the due jobs as they are claimed, and the later ones by time, a key for each', async (t) => {
  const { lines, db } = await example(t, 'upcoming.mjs')
  assert.deepEqual(lines, ['due: Grace, Ada', 'later: Donald, Barbara', ''])
  const query = { status: 'pending', type: 'letter', priority: 0, runAt: { $gt: new Date() } }
  const page = db.collection('upcoming_jobs').find(query).sort({ runAt: 1 }).limit(1)
  const { executionStats } = await page.explain('executionStats')
  assert.deepEqual([executionStats.totalKeysExamined, executionStats.totalDocsExamined], [1, 1])
})

test('telemetry links a run to the request that asked for it', async (t) => {
  const { lines } = await example(t, 'telemetry.mjs')
  const [, made] = lines[1].match(/^enqueue welcome-email: (span \w+ of trace \w+)$/)
  assert.ok(lines[3].endsWith(`linked to ${made}`), lines[3])
})

test('order and mail agree: one for each order that was stored, none for the one that was not', async (t) => {
  const { stdout } = await example(t, 'order.mjs')
  assert.match(stdout, /no order: the card of Bob was refused/)
  assert.match(stdout, /2 orders, 2 letters, none to Bob/)
  assert.doesNotMatch(stdout, /Welcome, Bob/)
})

test('transfers happen once each, while workers are killed in the middle of them', async (t) => {
  const set = await replicaSet(t, { args: ['--setParameter', 'transactionLifetimeLimitSeconds=1'] })
  const { stdout } = await example(t, 'transfers.mjs', { env: { MONGO_URL: set.url }, timeoutMs: 60_000 })
  assert.match(stdout, /worker 2 was killed in the middle/)
  const balances = [...stdout.matchAll(/^\w+: (-?\d+), as it should be (-?\d+)$/gm)]
  assert.equal(balances.length, 3)
  for (const [line, found, expected] of balances) assert.equal(found, expected, line)
  assert.match(stdout, /20 transfers, 300 of 300 are there/)
})

test('a trial is killed at every step, and charges once', async (t) => {
  const { stdout, lines } = await example(t, 'trial.mjs', { timeoutMs: 60_000 })
  assert.deepEqual(
    lines.filter((line) => line.startsWith('killed')),
    [
      'killed in step account; recorded: nothing',
      'killed in step charge; recorded: account',
      'killed in step mail; recorded: account, charge',
    ],
  )
  assert.equal(stdout.match(/to Ada: account-of-Ada is open, 900 cents were charged/g).length, 1)
  assert.match(stdout, /1 charge, asked for 2 times with one key/)
})

test('a rate limit holds over two workers, and claims each job once', async (t) => {
  const { stdout } = await example(t, 'rate-limit.mjs', { timeoutMs: 60_000 })
  const [, calls, tookMs] = stdout.match(/^(\d+) calls in (\d+) ms/m).map(Number)
  assert.equal(calls, 40)
  // 39 turns of 50 ms; timers and a late start may take a little off.
  assert.ok(tookMs > 1700, `it took ${tookMs} ms`)
  assert.match(stdout, /attempts used: 40$/m)
})

test('one job of a customer runs at a time, in order, and no item is lost', async (t) => {
  const { stdout } = await example(t, 'one-per-customer.mjs', { timeoutMs: 60_000 })
  assert.match(stdout, /^Ada: 0,1,2,3,4,5,6,7,8,9$/m)
  assert.match(stdout, /^Grace: 0,1,2,3,4,5,6,7,8,9$/m)
})

test('a report waits for jobs of its own, one of which is retried, and sums up their results', async (t) => {
  const { stdout, db } = await example(t, 'fan-in.mjs', { stderr: /the shop does not answer/ })
  assert.match(stdout, /^4 of 4 shops, a turnover of 1000$/m)
  assert.match(stdout, /^the report: completed$/m)
  assert.equal(await db.collection('fan_in_jobs').countDocuments({ type: 'shop' }), 4)
})

test('schedules come again, and are exactly those that the last deploy named', async (t) => {
  const { stdout, lines } = await example(t, 'schedules.mjs')
  assert.deepEqual(
    lines.filter((line) => line.startsWith('created')),
    [
      'created 2, updated 0, unchanged 0, removed 0',
      'created 0, updated 0, unchanged 2, removed 0',
      'created 0, updated 0, unchanged 0, removed 2',
    ],
  )
  assert.equal(stdout.match(/^a pulse of pulse$/gm).length, 3)
  assert.match(stdout, /^the daily report, by hand$/m)
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
  const { code, stdout, stderr } = await runExample('worker.mjs', {
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

test('dashboard serves a page with work on it until SIGTERM, and leaves nothing behind', async (t) => {
  const { client } = await connect(t)
  const databases = async () => (await client.db().admin().listDatabases({ nameOnly: true })).databases
  let live = null
  const { code, stdout, stderr } = await runExample('dashboard.mjs', {
    env: { MONGO_URL: testUrl() },
    async onLine(line, child) {
      const url = /http:\S+/.exec(line)?.[0]
      if (url === undefined) return
      live = await (await fetch(`${url}?api=live`)).json()
      child.kill('SIGTERM')
    },
  })
  assert.equal(code, 0, stderr)
  assert.match(stdout, /The dashboard is at/)
  assert.ok(Array.isArray(live.types))
  assert.deepEqual(
    (await databases()).filter(({ name }) => name.startsWith('durabl_dashboard_')),
    [],
  )
})

test('unit-test needs no server', async () => {
  const { code, stdout, stderr } = await runExample('unit-test.mjs', { env: { MONGO_URL: '' } }, [
    '--test',
    '--test-reporter=tap',
  ])
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

test('the quick start is in colour where that is asked for', async (t) => {
  const { stdout } = await example(t, 'quickstart.mjs', { env: { FORCE_COLOR: '1' } })
  // eslint-disable-next-line no-control-regex -- colours
  assert.match(stdout, /\x1b\[32mcompleted/)
})

describe('migrating', { concurrency: true }, () => {
  test('from 0.1: jobs of the old version are done, and its code settles by hand as ever', async (t) => {
    const stderr = /job failed and will be retried/
    const { lines } = await example(t, 'migrating/from-0.1.mjs', { stderr })
    for (const line of ['attempt 1 for waiting', 'attempt 2 for abandoned', 'attempt 2 for new'])
      assert.ok(lines.includes(line), lines.join('\n'))
    assert.ok(lines.includes('a job: string, its duplicate: null'))
    assert.equal(lines.at(-2), '4 completed')
  })

  test('from 0.3: a blocked event loop loses no lease, and a deploy no attempt', async (t) => {
    const stderr = /an image job needs a path[^]*handlers are still running/
    const { lines } = await example(t, 'migrating/from-0.3.mjs', { stderr })
    assert.equal(lines[0], 'first: claimed count-primes')
    // Its handler lets the program go on before its completion is written, so the next job may be claimed first.
    assert.ok(lines.includes('first: completed count-primes'), lines.join('\n'))
    assert.ok(!lines.some((line) => line.includes('lease-lost')))
    assert.ok(lines.includes('after the deploy: pending, with 0 attempts used'), lines.join('\n'))
    assert.equal(lines.at(-2), 'second: completed report')
  })

  test('from 0.2: what 0.1 and 0.3 have in common, with documents of either kind', async (t) => {
    const { lines } = await example(t, 'migrating/from-0.2.mjs', { stderr: /no image/ })
    assert.ok(lines.includes('first caller: runs, second: waits'), lines.join('\n'))
    assert.deepEqual(lines.filter((line) => line.startsWith('attempt')).sort(), [
      'attempt 1 of 3: nulls.png',
      'attempt 1 of 3: without.png',
      'attempt 1 of 5: new.txt',
    ])
    assert.equal(lines.at(-2), '1 pending, 3 completed, 1 failed')
  })

  test('from Agenda: now, later, unique, by priority, and again and again', async (t) => {
    const { lines, stdout } = await example(t, 'migrating/from-agenda.mjs')
    // Jobs run meanwhile, so other lines may come in between.
    assert.match(stdout, /^a job$[^]*^no job, one is waiting$/m)
    assert.match(stdout, /^report 1, .*$[^]*^report 2, .*$/m)
    assert.ok(lines.includes('invoices: 1,2,3'), stdout)
    assert.equal(lines.at(-2), 'the schedule: removed')
  })

  test('from BullMQ: attempts, errors for good, deduplication, events, results, a schedule, counts', async (t) => {
    const stderr = /no path/
    const { lines } = await example(t, 'migrating/from-bullmq.mjs', { stderr })
    assert.equal(lines[0], 'second job under the key: null')
    for (const line of [
      'completed a.png.thumbnail taken on a date',
      'failed no path for good',
      'failed fatal',
      'failed the disk is busy to be retried',
      'the schedule: removed',
      '2 completed, 1 failed',
      '0 completed after the removal',
    ])
      assert.ok(lines.includes(line), lines.join('\n'))
  })
})

test('every example was run by a test above', () => {
  const found = readdirSync(join(root, 'examples'), { recursive: true })
    .map((name) => name.replaceAll('\\', '/'))
    // The quick start's folder has its parts; `packed` runs those of a web framework, each a package.
    .filter((name) => name.endsWith('.mjs') && !/^(quickstart|express|fastify)\//.test(name))
  assert.deepEqual([...ran].sort(), found.sort())
})
