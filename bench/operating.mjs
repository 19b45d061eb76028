/**
 * Measures the price of looking at jobs and changing them beside a large collection. By its profiler, the server counts the keys and documents
 * that it examines for each call. Also measured: the effect of retention on claims, the share of time that counting takes, and the commands of
 * an idle worker.
 *     node bench/operating.mjs --pending 1000000 --ended 5000000
 *     node bench/operating.mjs --help
 */
import { hostname } from 'node:os'
import { idleCommands, pause, runStandalone, withDatabase } from './standalone.mjs'
import { quantile } from './statistics.mjs'

const NUMBERS = { pending: 100_000, ended: 500_000, types: 20, seconds: 20 }

const HELP = `node bench/operating.mjs [options]

  --pending N   jobs that wait; 100,000 by default
  --ended N     jobs that have ended, a tenth of them as failures; 500,000 by default
  --types N     kinds of work; 20 by default
  --seconds N   of each measurement under load; 20 by default
  --uri URI     a replica set; by default one of one node is started
  --json        the figures as JSON`

const DATABASE = 'durabl_operating'
const JOBS = 'jobs'
const BATCH = 10_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Longer than any of its calls: what is written down later is another's. */
const SETTLE_MS = 200
const IDLE_S = 60

/** A job as an enqueue makes it, in its state. */
function job(id, type, fields, now) {
  const created = new Date(now - 2 * DAY_MS)
  return {
    _id: id,
    type,
    data: { userId: `u${id.length}`, n: 1 },
    status: 'pending',
    priority: 0,
    attempt: 0,
    maxAttempts: 3,
    runAt: created,
    createdAt: created,
    logs: [],
    ...fields,
  }
}

/** Every state that jobs end in, in the shares of a healthy queue: a tenth has failed, and of those a fifth was cancelled. */
function ended(number, now) {
  const at = new Date(now - DAY_MS - (number % DAY_MS))
  if (number % 10 > 0) return { status: 'completed', completedAt: at, attempt: 1, claimToken: `w.${number}` }
  const ending = number % 50 === 0 ? 'cancelled' : 'exhausted'
  return { status: 'failed', failedAt: at, attempt: 3, ending, failReason: 'so' }
}

async function fill(collection, { pending, ended: endedJobs, types }, tell) {
  const now = Date.now()
  const type = (number) => `type-${number % types}`
  const insert = async (name, count, fields) => {
    for (let start = 0; start < count; start += BATCH) {
      const size = Math.min(BATCH, count - start)
      const batch = Array.from({ length: size }, (_, offset) => {
        const number = start + offset
        return job(`${name}-${number}`, type(number), fields(number), now)
      })
      await collection.insertMany(batch, { ordered: false, writeConcern: { w: 1, j: false } })
    }
    tell(`${count} jobs: ${name}`)
  }
  // A tenth is due later.
  await insert('pending', pending, (number) => ({
    runAt: new Date(now + (number % 10 === 0 ? HOUR_MS : -DAY_MS) + (number % HOUR_MS)),
  }))
  await insert('ended', endedJobs, (number) => ended(number, now))
}

/** The keys and documents that the server examined for one call: by its profiler, on the jobs and beside them. */
async function examined(db, call) {
  await db.command({ profile: 0 })
  await db
    .collection('system.profile')
    .drop()
    .catch(() => {})
  await db.command({
    profile: 2,
    filter: { ns: { $in: [`${DATABASE}.${JOBS}`, `${DATABASE}.${JOBS}.durabl`] } },
  })
  const began = performance.now()
  await call()
  const tookMs = performance.now() - began
  await pause(SETTLE_MS)
  await db.command({ profile: 0 })
  const operations = await db.collection('system.profile').find().toArray()
  const sum = (field) => operations.reduce((total, operation) => total + (operation[field] ?? 0), 0)
  const scans = operations.filter(({ planSummary = '' }) => planSummary.includes('COLLSCAN'))
  return {
    keys: sum('keysExamined'),
    documents: sum('docsExamined'),
    commands: operations.length,
    scans: scans.length,
    tookMs: Math.round(tookMs * 10) / 10,
  }
}

/** Each call that has to be cheap whatever the backlog is, and those that may cost more, by their bounds. */
function calls(queue, state) {
  const page = (options) => queue.listJobs({ limit: 50, ...options })
  const second = async (options) => page({ ...options, after: (await page(options)).next })
  return [
    ['getJob', 2_000, () => queue.getJob('ended-1')],
    ['listJobs pending, one type', 2_000, () => page({ status: 'pending', type: 'type-1' })],
    ['listJobs completed, one type', 2_000, () => page({ status: 'completed', type: 'type-1' })],
    ['listJobs completed, two pages', 2_000, () => second({ status: 'completed', type: 'type-1' })],
    ['listJobs failed, all types', 2_000, () => page({ status: 'failed' })],
    [
      'listJobs where, no match',
      20_100,
      () => page({ status: 'completed', type: 'type-1', where: { 'data.userId': 'nobody' } }),
    ],
    ['waitFor an ended job', 2_000, () => queue.waitFor('ended-1', { timeoutMs: 1_000 })],
    ['enqueue', 2_000, () => queue.enqueue('type-1', { n: 1 })],
    ['cancel a pending job', 2_000, () => queue.cancel('pending-11')],
    ['retry a failed job', 2_000, () => queue.retry('ended-10')],
    ['promote', 2_000, () => queue.promote('pending-20')],
    ['reschedule', 2_000, () => queue.reschedule('pending-21', { delay: 1_000 })],
    ['remove', 2_000, () => queue.remove('ended-3')],
    [
      'retryMany, preview of 1,000',
      Infinity,
      () => queue.retryMany({ status: 'failed', type: 'type-0' }, { mode: 'preview' }),
    ],
    [
      'pause and resume',
      2_000,
      async () => {
        await queue.pause('type-2')
        await queue.resume('type-2')
      },
    ],
    ['counts, made anew', Infinity, async () => void (state.counts = await queue.counts())],
    ['counts, read', 2_000, () => queue.counts()],
    ['getStats (exact)', Infinity, () => queue.getStats()],
    ['history of an hour', 2_000, () => queue.history({ fromMs: Date.now() - HOUR_MS, toMs: Date.now() })],
  ]
}

/** Lengths of claims by hand, in milliseconds, for so long. */
async function claims(backend, seconds) {
  const lengths = []
  const until = performance.now() + seconds * 1000
  for (let number = 0; performance.now() < until; number += 1) {
    const began = performance.now()
    const claimed = await backend.claimNext(`type-${number % 10}`)
    lengths.push(performance.now() - began)
    if (claimed !== null) await backend.complete(claimed.id, claimed.claimToken)
  }
  return lengths
}

const measure = ({ uri, ...options }, tell) =>
  withDatabase(uri, DATABASE, (db) => measureIn(db, options, tell))

async function measureIn(db, options, tell) {
  const { JobQueue, MongoJobQueue } = await import('../index.mjs')
  const logger = { debug() {}, info() {}, warn: tell, error: tell }
  const open = (more = {}) => new MongoJobQueue({ db, collectionName: JOBS, ...more })
  const backend = open()
  const queue = new JobQueue(backend, logger)
  try {
    await backend.startup()
    await fill(db.collection(JOBS), options, tell)
    const state = {}
    const rows = []
    for (const [name, most, call] of calls(queue, state)) {
      const cost = await examined(db, call)
      rows.push({ name, most, ...cost, isWithin: cost.keys <= most && cost.scans === 0 })
      tell(`${name}: ${cost.keys} keys, ${cost.documents} documents, ${cost.tookMs} ms`)
    }
    const counts = await db.collection(`${JOBS}.durabl`).findOne({ _id: 'counts' })
    const untilNextMs = Math.max(15_000, 50 * counts.tookMs)
    tell('claims without retention')
    const before = await claims(backend, options.seconds)
    tell('claims beside retention')
    const keeper = open({ retention: { completedMs: HOUR_MS, failedMs: HOUR_MS } })
    const keeping = new JobQueue(keeper, logger)
    keeping.process('nothing', () => {})
    // The first sweep comes within a minute.
    const removable = { status: 'completed', completedAt: { $lt: new Date(Date.now() - HOUR_MS) } }
    const stored = await db.collection(JOBS).countDocuments(removable)
    let left = stored
    for (let waited = 0; left === stored && waited < 90; waited += 1) {
      await pause(1000)
      left = await db.collection(JOBS).countDocuments(removable)
    }
    const during = await claims(backend, options.seconds)
    const removed = stored - (await db.collection(JOBS).countDocuments(removable))
    await keeping.shutdown(1000)
    tell('an idle worker')
    const worker = new JobQueue(open(), logger)
    worker.process('nothing', () => {})
    const idlePerMinute = await idleCommands(db.admin(), IDLE_S)
    await worker.shutdown(1000)
    const p95 = (lengths) => quantile(lengths, 0.95)
    return {
      machine: hostname(),
      options,
      rows,
      counts: { tookMs: counts.tookMs, everyMs: untilNextMs, share: counts.tookMs / untilNextMs },
      retention: { removed, claims: [before.length, during.length], p95Ms: [p95(before), p95(during)] },
      idlePerMinute,
    }
  } finally {
    await queue.shutdown(1000)
  }
}

function print({ options, rows, counts, retention, idlePerMinute }) {
  console.log(`\n${options.pending} pending and ${options.ended} ended jobs of ${options.types} types\n`)
  console.log(
    '| Call | Keys | Documents | Commands | ms | Bound |\n| --- | ---: | ---: | ---: | ---: | --- |',
  )
  for (const { name, keys, documents, commands, tookMs, most, isWithin } of rows) {
    const bound = most === Infinity ? 'none' : isWithin ? `within ${most}` : `ABOVE ${most}`
    console.log(`| ${name} | ${keys} | ${documents} | ${commands} | ${tookMs} | ${bound} |`)
  }
  const percent = (share) => `${(100 * share).toFixed(2)} %`
  console.log(
    `\ncounts: ${counts.tookMs} ms, every ${counts.everyMs} ms: ${percent(counts.share)} of one connection`,
  )
  const [before, during] = retention.p95Ms
  console.log(
    `retention: ${retention.removed} jobs removed; claims' p95 ${before.toFixed(2)} ms without it, ${during.toFixed(2)} ms beside it ` +
      `(${retention.claims.join(' and ')} claims)`,
  )
  console.log('an idle worker, commands a minute:', idlePerMinute)
}

const isGood = ({ rows }) => rows.every(({ isWithin }) => isWithin)

await runStandalone(import.meta.url, { help: HELP, numbers: NUMBERS, measure, print, isGood })
