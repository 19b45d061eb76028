/**
 * Keys that requests of the page examine, by the server's own counters, beside many jobs that have ended. With `DURABL_DASHBOARD_JOBS=5000000`
 * beside that many.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import { atEnd } from '../../support/cleanup.mjs'
import { dashboardOf } from '../../support/dashboards.mjs'
import { SILENT } from '../../support/jobs.mjs'
import { connect } from '../../support/mongo.mjs'

const SIZES = [40_000, Number(process.env.DURABL_DASHBOARD_JOBS ?? 80_000)]
const MOST_KEYS = 2000
const BATCH = 10_000
const TYPES = ['mail', 'report', 'webhook']

/** Of every ten one has failed, and one was superseded. */
function ended(n) {
  const at = new Date(Date.UTC(2026, 0, 1) + n * 10)
  const [status, more] =
    n % 10 === 0
      ? ['failed', { failedAt: at, ending: 'exhausted', failReason: `no route to host ${n}` }]
      : n % 10 === 1
        ? ['superseded', { failedAt: at }]
        : ['completed', { completedAt: at }]
  return {
    ...{ _id: `job-${String(n).padStart(8, '0')}`, type: TYPES[n % TYPES.length], data: { n }, status },
    ...{
      priority: 0,
      attempt: 3,
      maxAttempts: 3,
      runAt: at,
      createdAt: at,
      claimedAt: at,
      logs: [],
      ...more,
    },
  }
}

async function fill(jobs, count) {
  for (let from = 0; from < count; from += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - from) }, (_, n) => ended(from + n))
    await jobs.insertMany(batch, { ordered: false })
  }
}

/** A queue beside `size` jobs that have ended, and `examined(query)`: the keys that a request examines; `asked()`: what the server was asked since. */
async function world(t, size) {
  const { db } = await connect(t)
  const backend = new MongoJobQueue({ db, logger: SILENT })
  const queue = new JobQueue(backend, SILENT)
  atEnd(t, () => queue.shutdown(0))
  await queue.startup()
  await fill(backend.getCollection(), size)
  for (const type of TYPES) await queue.enqueue(type, {})
  await queue.recordAction({ action: 'retry', by: 'ada', target: 'job-00000000' })
  // The shared counts are as new as they can be: renewing them is what they cost by themselves.
  await queue.counts()
  await db.createCollection('system.profile', { capped: true, size: 16 * 1024 * 1024 })
  await db.command({ profile: 2 })
  let seen = 0
  /** Operations at the server since the last look. */
  const asked = async () => {
    const told = await db
      .collection('system.profile')
      .find({ ns: { $ne: `${db.databaseName}.system.profile` }, keysExamined: { $exists: true } })
      .toArray()
    const fresh = told.slice(seen)
    seen = told.length
    return { keys: fresh.reduce((sum, { keysExamined }) => sum + keysExamined, 0), operations: fresh.length }
  }
  const { get } = dashboardOf(queue)
  const examined = async (query) => {
    const response = await get(query)
    assert.equal(response.status, 200, query)
    return { text: await response.text(), ...(await asked()) }
  }
  return { examined, asked, queue }
}

const REQUESTS = [
  '',
  'api=meta',
  'api=live',
  'api=metrics',
  'api=history&type=mail',
  'api=jobs&status=completed',
  'api=jobs&status=completed&type=mail',
  'api=jobs&status=failed',
  'api=jobs&status=failed&type=report&limit=200',
  'api=jobs&status=superseded',
  'api=jobs&status=pending',
  'api=jobs&status=active',
  'api=failures',
  'api=failures&type=webhook',
  'api=job&id=job-00000010',
  'api=actions',
]

test('no request examines more than 2,000 keys, however many jobs have ended', async (t) => {
  const found = []
  for (const size of SIZES) {
    const { examined } = await world(t, size)
    const keys = {}
    for (const query of REQUESTS) {
      const looked = await examined(query)
      keys[query] = looked.keys
      assert.ok(looked.keys <= MOST_KEYS, `?${query} examined ${looked.keys} keys beside ${size} jobs`)
    }
    // The next page costs what the first one does.
    const first = JSON.parse((await examined('api=jobs&status=completed&limit=100')).text)
    const second = await examined(
      `api=jobs&status=completed&limit=100&after=${encodeURIComponent(first.next)}`,
    )
    assert.equal(JSON.parse(second.text).jobs.length, 100)
    assert.ok(second.keys <= 2 * 100 + 50, `the second page examined ${second.keys} keys`)
    keys['second page'] = second.keys
    found.push(keys)
    t.diagnostic(`beside ${size}: ${JSON.stringify(keys)}`)
  }
  const [small, large] = found
  for (const [query, keys] of Object.entries(large))
    assert.ok(
      keys <= small[query] + 20,
      `?${query} examined ${small[query]} keys, and ${keys} beside more jobs`,
    )
})

test('ten open tabs cost the server what one does', async (t) => {
  const { asked, queue } = await world(t, 100)
  const costOf = async (tabs) => {
    const { get } = dashboardOf(queue)
    await asked()
    for (const query of ['', 'api=live', 'api=history&type=mail', 'api=failures', 'api=metrics'])
      await Promise.all(Array.from({ length: tabs }, () => get(query)))
    return asked()
  }
  const one = await costOf(1)
  assert.ok(one.operations > 0)
  assert.deepEqual(await costOf(10), one)
})
