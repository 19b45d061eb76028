/** The command `durabl` on the wrong collection, and with words that are easily mistaken. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import { root, run } from '../../support/child.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { SILENT } from '../../support/jobs.mjs'
import { connect, testUrl } from '../../support/mongo.mjs'
import { standalone } from '../../support/servers.mjs'

const FILE = join(root, 'dist/command/durabl.js')

async function world(t, { startup = true } = {}) {
  const { db, client } = await connect(t)
  const backend = new MongoJobQueue({ db, logger: SILENT })
  const queue = new JobQueue(backend, SILENT)
  atEnd(t, () => queue.shutdown())
  if (startup) await queue.startup()
  const env = { ...process.env, DURABL_URI: testUrl(), DURABL_DATABASE: db.databaseName }
  const durabl = (...words) => run(process.execPath, [FILE, ...words], { env })
  const names = async () =>
    (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name)
  return { db, client, queue, durabl, names }
}

describe('a look by the command durabl', () => {
  test('makes no collection and no database where the name is wrong', async (t) => {
    const { durabl, names } = await world(t, { startup: false })
    for (const verb of ['doctor', 'stats']) {
      const { code, stdout, stderr } = await durabl(verb)
      assert.equal(code, 1, verb)
      assert.match(stdout + stderr, /there is no collection "jobs"/)
    }
    assert.deepEqual(await names(), [])
  })

  test("says that documents are not durabl's, and gives no createIndex for them", async (t) => {
    const { db, durabl, names } = await world(t, { startup: false })
    await db
      .collection('agendaJobs')
      .insertOne({ name: 'a', type: 'normal', nextRunAt: new Date(), data: {} })
    for (const verb of ['doctor', 'stats']) {
      const { code, stdout, stderr } = await durabl(verb, '--collection', 'agendaJobs')
      assert.equal(code, 1, verb)
      assert.match(stdout + stderr, /the documents of "agendaJobs" in the database .* are not durabl's/)
      assert.doesNotMatch(stdout, /createIndex/)
    }
    assert.deepEqual(await names(), ['agendaJobs'])
  })

  test('of the doctor stores nothing, and names the schedule of a type without a worker', async (t) => {
    const { db, queue, durabl } = await world(t)
    await queue.schedule('orphans', { everyMs: 3_600_000 }, { type: 'orphan', data: {} })
    await queue.triggerSchedule('orphans')
    await queue.enqueue('held', {})
    await queue.pause('held')
    const before = await db.collection('jobs.durabl').find().sort({ _id: 1 }).toArray()
    const { code, stdout } = await durabl('doctor')
    assert.equal(code, 1)
    assert.match(stdout, /no worker has a processor for "orphan", which has due jobs/)
    assert.match(stdout, /the schedule "orphans" makes them; `durabl schedules remove "orphans"` ends it/)
    assert.doesNotMatch(stdout, /"held"/)
    assert.deepEqual(await db.collection('jobs.durabl').find().sort({ _id: 1 }).toArray(), before)
  })
})

test("the README's sample works on a standalone server, and doctor warns of no more than polls there", async (t) => {
  const sample = readFileSync(join(root, 'README.md'), 'utf8').match(/```ts\n([^]*?)```/)[1]
  const url = await standalone(t)
  const program = [
    'let sent; const isSent = new Promise((resolve) => (sent = resolve))',
    sample.replace('mongodb://localhost:27017', url).replace('process<{ userId: string }>', 'process'),
    "await isSent; process.kill(process.pid, 'SIGTERM')",
    "function sendWelcomeEmail(id) { console.log('mail to', id); sent() }",
  ].join('\n')
  const { code, stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', program], {
    cwd: root,
  })
  assert.equal(code, 0, stderr)
  assert.deepEqual([stdout, stderr], ['mail to u_123\n', ''])
  const doctor = await run(process.execPath, [FILE, 'doctor', '--uri', new URL('/app', url).href])
  assert.equal(doctor.code, 0, doctor.stdout)
  assert.match(doctor.stdout, /! server +MongoDB \S+ is not a replica set: workers poll/)
})

describe('a word that is easily mistaken', () => {
  test('list without a status means pending ones, and says where others are', async (t) => {
    const { db, queue, durabl } = await world(t)
    assert.equal((await durabl('list')).stderr, 'no pending job matches\n')
    const id = await queue.enqueue('mail', {})
    await db
      .collection('jobs')
      .updateOne({ _id: id }, { $set: { status: 'completed', completedAt: new Date() } })
    const { code, stderr } = await durabl('list', '--type', 'mail')
    assert.deepEqual(
      [code, stderr],
      [1, 'no pending job matches; there are others: try --status completed\n'],
    )
    assert.match((await durabl('stats')).stdout, /completed, of all types: ~1/)
  })

  test('options of every verb may stand before it', async (t) => {
    const { queue, durabl } = await world(t)
    const id = await queue.enqueue('mail', {})
    const { code, stdout, stderr } = await durabl('--uri', testUrl(), '--collection=jobs', '--json', 'list')
    assert.equal(code, 0, stderr)
    assert.equal(JSON.parse(stdout).jobs[0].id, id)
  })

  test('pause of a type that nothing knows warns, and pauses it', async (t) => {
    const { queue, durabl } = await world(t)
    await queue.enqueue('send invoice', {})
    const typo = await durabl('pause', 'sned invoice')
    assert.deepEqual([typo.code, typo.stdout], [0, 'paused\n'])
    assert.match(typo.stderr, /no worker has a processor for "sned invoice", and no job has this type/)
    assert.equal((await durabl('pause', 'send invoice')).stderr, '')
  })

  test('reschedule gives a pending job another time, and schedules skip leaves one occurrence out', async (t) => {
    const { queue, durabl } = await world(t)
    const id = await queue.enqueue('mail', {}, { delay: 1000 })
    const at = '2031-01-01T08:00:00.000Z'
    const moved = await durabl('reschedule', id, '--run-at', at, '--priority', '5')
    assert.deepEqual([moved.code, moved.stdout], [0, `${id} rescheduled\n`])
    const { runAt, priority } = await queue.getJob(id)
    assert.deepEqual([runAt.toISOString(), priority], [at, 5])
    assert.equal((await durabl('reschedule', 'absent', '--delay', '5')).code, 1)
    await queue.schedule('often', { everyMs: 3_600_000 }, { type: 'report', data: {} })
    const [{ nextAt }] = await queue.listSchedules()
    assert.equal((await durabl('schedules', 'skip', 'often', nextAt.toISOString())).stdout, 'skipped\n')
    const none = new Date(nextAt.getTime() + 1).toISOString()
    assert.equal((await durabl('schedules', 'skip', 'often', none)).code, 1)
  })

  test('the help of a verb says more than the list of verbs', async (t) => {
    const { durabl } = await world(t, { startup: false })
    const { stdout } = await durabl('schedules', '--help')
    assert.match(stdout, /schedules skip ID MOMENT +leaves out one occurrence/)
    assert.match(stdout, /Options: --count, --uri, --database, --collection, --json, --help/)
  })
})
