/**
 * Measures the price of schedules and their lateness, on one worker:
 *
 * - the time until all that are due at once have made their jobs and moved on
 * - the longest turn of the worker's event loop meanwhile
 * - the lateness of the occurrences of an idle worker
 * - the commands of an idle worker beside none, some and many schedules, by the server's own counters
 *
 *     node bench/schedules.mjs --due 10000 --rounds 3
 *     node bench/schedules.mjs --help
 */
import { hostname } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { idleCommands, pause, runStandalone, withDatabase } from './standalone.mjs'
import { quantile } from './statistics.mjs'

const NUMBERS = { due: 10_000, rounds: 3, occurrences: 30, seconds: 60 }

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
const SOME = 100

function specs(count) {
  const spec = { everyMs: 3_600_000, startAt: new Date(Date.now() + DAY_MS), overlap: 'allow' }
  return Array.from({ length: count }, (_, n) => ({ id: `s-${n}`, spec, job: JOB }))
}

async function until(holds, everyMs) {
  while (!(await holds())) await pause(everyMs)
}

/** The time until all jobs are made, and until all schedules have moved on, in milliseconds; and the longest turn of the event loop meanwhile. */
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

/** The lateness of each occurrence of one schedule. */
async function lateness(queue, count) {
  const late = []
  queue.process('late', (job) => void late.push(Date.now() - job.schedule.occurrenceAt.getTime()))
  await queue.schedule('each second', { cron: '* * * * * *' }, { type: 'late', data: {} })
  await until(() => late.length > count, 200)
  await queue.unschedule('each second')
  // The worker has just begun when the first one comes.
  return late.slice(1)
}

const measure = ({ uri, ...numbers }, tell) =>
  withDatabase(uri, DATABASE, (db) => measureIn(db, numbers, tell))

async function measureIn(db, { due, rounds, occurrences, seconds }, tell) {
  const { JobQueue, MongoJobQueue } = await import('../index.mjs')
  const logger = { debug() {}, info() {}, warn: tell, error: tell }
  const backend = new MongoJobQueue({ db, collectionName: JOBS })
  const queue = new JobQueue(backend, logger)
  try {
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

await runStandalone(import.meta.url, { help: HELP, numbers: NUMBERS, measure, print })
