/**
 * Measures the price of looking at jobs and changing them beside a large collection. By its profiler, the server counts the keys and documents
 * that it examines for each call. Also measured: the effect of retention on claims, the share of time that counting takes, and the commands of
 * an idle worker.
 *     node bench/operating.mjs --pending 1000000 --ended 5000000
 *     node bench/operating.mjs --help
 */
import { hostname } from 'node:os'
import { MongoClient } from './mongodb.mjs'
import { idleCommands, pause, runStandalone, withDatabase } from './standalone.mjs'
import { median, quantile, ratio } from './statistics.mjs'

const NUMBERS = { pending: 100_000, ended: 500_000, types: 20, seconds: 5, rounds: 9 }

const HELP = `node bench/operating.mjs [options]

  --pending N   jobs that wait; 100,000 by default
  --ended N     jobs that have ended, a tenth of them as failures; 500,000 by default
  --types N     kinds of work; 20 by default
  --seconds N   of each measurement under load; 5 by default
  --rounds N    claims without retention and beside it, in turn; 9 by default
  --uri URI     a replica set; by default one of one node is started
  --json        the figures as JSON`

const { JobQueue, MongoJobQueue } = await import('../index.mjs')

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

/** Claims without retention and beside it, in turn: the median over the rounds, and the number of jobs that were removed meanwhile. */
async function besideRetention({ db, uri, backend, logger }, { rounds, seconds }, tell) {
  const jobs = db.collection(JOBS)
  const removable = { status: 'completed', completedAt: { $lt: new Date(Date.now() - 2 * HOUR_MS) } }
  const before = []
  const during = []
  let removed = 0
  for (let round = 0; round < rounds; round += 1) {
    before.push(await claims(backend, seconds))
    const stored = await jobs.countDocuments(removable)
    // A client and periods of its own: as a process that has just begun, which sweeps within seconds.
    const client = await MongoClient.connect(uri, { appName: `keeper-${round}` })
    const retention = { completedMs: HOUR_MS + round }
    const keeper = new MongoJobQueue({ db: client.db(DATABASE), collectionName: JOBS, retention })
    const queue = new JobQueue(keeper, logger)
    queue.process('nothing', () => {})
    for (let waited = 0; (await jobs.countDocuments(removable)) === stored; waited += 1) {
      if (waited === 300) throw new Error('no sweep came within 30 s')
      await pause(100)
    }
    during.push(await claims(backend, seconds))
    await queue.shutdown(1000)
    await client.close()
    const gone = stored - (await jobs.countDocuments(removable))
    removed += gone
    const [without, beside] = [before.at(-1), during.at(-1)].map(p95)
    tell(`claims' p95: ${without.toFixed(2)} ms, ${beside.toFixed(2)} ms beside retention (${gone} removed)`)
  }
  return {
    removed,
    p95Ms: [before, during].map((lengths) => median(lengths.map(p95))),
    ratio: ratio(during.map(p95), before.map(p95)),
  }
}

const p95 = (lengths) => quantile(lengths, 0.95)

const measure = ({ uri, ...options }, tell) =>
  withDatabase(uri, DATABASE, (db, at) => measureIn(db, at, options, tell))

async function measureIn(db, uri, options, tell) {
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
    const retention = await besideRetention({ db, uri, backend, logger }, options, tell)
    tell('an idle worker')
    const worker = new JobQueue(open(), logger)
    worker.process('nothing', () => {})
    const idlePerMinute = await idleCommands(db.admin(), IDLE_S)
    await worker.shutdown(1000)
    return {
      machine: hostname(),
      options,
      rows,
      counts: { tookMs: counts.tookMs, everyMs: untilNextMs, share: counts.tookMs / untilNextMs },
      retention,
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
  const [before, beside] = retention.p95Ms.map((ms) => ms.toFixed(2))
  const { median: times, min, max } = retention.ratio
  console.log(
    `retention: ${retention.removed} jobs removed; claims' p95 ${before} ms without it, ${beside} ms beside it: ` +
      `${times.toFixed(3)} times as long (${min.toFixed(2)} – ${max.toFixed(2)})`,
  )
  console.log('an idle worker, commands a minute:', idlePerMinute)
}

const isGood = ({ rows }) => rows.every(({ isWithin }) => isWithin)

await runStandalone(import.meta.url, { help: HELP, numbers: NUMBERS, measure, print, isGood })
