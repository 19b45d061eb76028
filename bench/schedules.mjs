/**
 * Measures what schedules cost and how late they are, on one worker: how long it takes until all that are due at once have made their jobs
 * and moved on, and for how long that holds up the worker's event loop; how late the occurrences of an idle worker start; and the commands
 * of an idle worker beside none, some and many schedules, by the server's own counters.
 *
 *     node bench/schedules.mjs --due 10000 --rounds 3
 *     node bench/schedules.mjs --help
 */
import { hostname } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { findMongod } from '../scripts/mongod/find.mjs'
import { startReplicaSet } from '../scripts/mongod/replica-set.mjs'
import { MongoClient } from './mongodb.mjs'
import { quantile } from './statistics.mjs'

const OPTIONS = {
  due: { type: 'string', default: '10000' },
  rounds: { type: 'string', default: '3' },
  occurrences: { type: 'string', default: '30' },
  seconds: { type: 'string', default: '60' },
  uri: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
}

const HELP = `node bench/schedules.mjs [options]

  --due N          schedules that are due at once; 10,000 by default
  --rounds N       times that they are; 3 by default
  --occurrences N  of one schedule, a second apart, on an idle worker; 30 by default
  --seconds N      for which the commands of an idle worker are counted; 60 by default
  --uri URI        a replica set; by default one of one node is started
  --json           the figures as JSON`

const DATABASE = 'durabl_schedules'
const JOBS = 'jobs'
const JOB = { type: 't', data: { n: 1 } }
const DAY_MS = 86_400_000
/** Until the worker has looked, and knows when it has to look again. */
const SETTLE_MS = 5_000
const SOME = 100

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

function specs(count) {
  const spec = { everyMs: 3_600_000, startAt: new Date(Date.now() + DAY_MS), overlap: 'allow' }
  return Array.from({ length: count }, (_, n) => ({ id: `s-${n}`, spec, job: JOB }))
}

async function until(holds, everyMs) {
  while (!(await holds())) await pause(everyMs)
}

/** How long it takes until all are made, and until all have moved on, in milliseconds, and the longest turn of the event loop meanwhile. */
async function fireAtOnce({ jobs, side }, count) {
  const due = new Date(Date.now() + 2000)
  await side.updateMany({ kind: 'schedule' }, { $set: { nextRunAt: due } })
  await pause(due.getTime() - 200 - Date.now())
  const turns = monitorEventLoopDelay({ resolution: 1 })
  turns.enable()
  const is = (collection, filter) => async () => (await collection.countDocuments(filter)) === count
  await until(is(jobs, { 'schedule.occurrenceAt': due }), 20)
  const madeMs = Date.now() - due.getTime()
  await until(is(side, { kind: 'schedule', nextRunAt: { $gt: due } }), 20)
  const movedMs = Date.now() - due.getTime()
  turns.disable()
  await jobs.deleteMany({})
  return { madeMs, movedMs, longestTurnMs: turns.max / 1e6 }
}

/** How late each occurrence of one schedule starts. */
async function lateness(queue, count) {
  const late = []
  queue.process('late', (job) => void late.push(Date.now() - job.schedule.occurrenceAt.getTime()))
  await queue.schedule('each second', { cron: '* * * * * *' }, { type: 'late', data: {} })
  await until(() => late.length > count, 200)
  await queue.unschedule('each second')
  // The worker has just begun when the first one comes.
  return late.slice(1)
}

/** Commands of all kinds that a worker sends, but for those of the server's own members. */
async function commandsOf(admin) {
  const { metrics, opcounters } = await admin.serverStatus()
  const of = (name) => Number(metrics.commands[name]?.total ?? 0)
  const names = ['find', 'aggregate', 'getMore', 'insert', 'update', 'findAndModify']
  return { ...Object.fromEntries(names.map((name) => [name, of(name)])), all: opcounters.command }
}

async function idleCommands(admin, seconds) {
  await pause(SETTLE_MS)
  const first = await commandsOf(admin)
  await pause(seconds * 1000)
  const last = await commandsOf(admin)
  const perMinute = (name) => Math.round(((last[name] - first[name]) * 60) / seconds)
  return Object.fromEntries(Object.keys(first).map((name) => [name, perMinute(name)]))
}

export async function measure({ due, rounds, occurrences, seconds, uri }, tell) {
  const { JobQueue, MongoJobQueue } = await import('../index.mjs')
  const set = uri === undefined ? await startReplicaSet(await findMongod(() => {})) : null
  const client = await new MongoClient(uri ?? set.url).connect()
  const db = client.db(DATABASE)
  const logger = { debug() {}, info() {}, warn: tell, error: tell }
  const backend = new MongoJobQueue({ db, collectionName: JOBS })
  const queue = new JobQueue(backend, logger)
  try {
    await db.dropDatabase()
    await backend.startup()
    const collections = { jobs: db.collection(JOBS), side: db.collection(`${JOBS}.durabl`) }
    queue.process('nothing', () => {})
    const idlePerMinute = {}
    for (const count of [0, SOME, due]) {
      await queue.applySchedules('bench', specs(count))
      tell(`an idle worker beside ${count} schedules`)
      idlePerMinute[count] = await idleCommands(db.admin(), seconds)
    }
    const fired = []
    for (let round = 0; round < rounds; round += 1) {
      fired.push(await fireAtOnce(collections, due))
      tell(`${due} at once:`, fired.at(-1))
    }
    await queue.applySchedules('bench', [])
    tell('an idle worker with one schedule')
    const late = await lateness(queue, occurrences)
    const lateMs = { median: quantile(late, 0.5), p95: quantile(late, 0.95), most: Math.max(...late) }
    return { machine: hostname(), due, fired, lateMs, idlePerMinute }
  } finally {
    await queue.shutdown(1000)
    await db.dropDatabase().catch(() => {})
    await client.close()
    await set?.stop()
  }
}

function print({ due, fired, lateMs, idlePerMinute }) {
  console.log(`\n${due} schedules due at once, on one worker\n`)
  console.log(
    '| All made, ms | All moved on, ms | Longest turn of the event loop, ms |\n| ---: | ---: | ---: |',
  )
  for (const { madeMs, movedMs, longestTurnMs } of fired) {
    console.log(`| ${madeMs} | ${movedMs} | ${longestTurnMs.toFixed(1)} |`)
  }
  const { median, p95, most } = lateMs
  console.log(`\nlateness on an idle worker: median ${median} ms, p95 ${p95} ms, at most ${most} ms\n`)
  for (const [count, commands] of Object.entries(idlePerMinute)) {
    console.log(`an idle worker beside ${count} schedules, commands a minute:`, commands)
  }
}

function wholeNumber(values, name) {
  const value = Number(values[name])
  if (Number.isInteger(value) && value > 0) return value
  throw new Error(`--${name} takes a whole number above 0, not ${values[name]}`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({ options: OPTIONS })
  if (values.help) console.log(HELP)
  else {
    const numbers = ['due', 'rounds', 'occurrences', 'seconds'].map((name) => [
      name,
      wholeNumber(values, name),
    ])
    const tell = (...words) => console.error('·', ...words)
    const result = await measure({ ...Object.fromEntries(numbers), uri: values.uri }, tell)
    if (values.json) console.log(JSON.stringify(result, null, 2))
    else print(result)
  }
}
