/**
 * The price of steps, for jobs of ten empty steps, sixteen at a time. durabl stands beside one read and one write per step through the bare driver, as
 * the TypeScript package does it, and beside DBOS on PostgreSQL. It also counts the commands of a step, and compares a claim of a job with a
 * journal of 7 MB with one without. All take turns on servers that are started for this.
 *
 *     node bench/ablations/orchestration.mjs [JOBS] [ROUNDS] [PART OF THE NAMES]
 */
import { join } from 'node:path'
import { root } from '../../scripts/process.mjs'
import { ensureInstalled } from '../../scripts/setup/install.mjs'
import { MongoClient } from '../mongodb.mjs'
import { Servers } from '../servers/all.mjs'
import { median } from '../statistics.mjs'

await ensureInstalled({ directory: 'bench', what: 'DBOS' })
const { JobQueue, MongoJobQueue, Orchestrator } = await import(join(root, 'index.mjs'))

const JOBS = Number(process.argv[2] ?? 400)
const ROUNDS = Number(process.argv[3] ?? 3)
const PART = process.argv[4] ?? ''
const STEPS = 10
const CONCURRENCY = 16
const CLAIMS = 60

const silent = { debug() {}, info() {}, warn() {}, error() {} }

async function timed(work) {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}

/** Updates of the jobs that the server has had, each statement of a command as one. */
const updatesOf = async (db) => {
  const { totals } = await db.client.db('admin').command({ top: 1 })
  return totals[`${db.databaseName}.jobs`]?.update.count ?? 0
}

/** Update commands that the server has had, from anybody. */
const commandsOf = async (db) =>
  Number((await db.client.db('admin').command({ serverStatus: 1 })).metrics.commands.update.total)

const bodies = {
  sequential: async (job, octx) => {
    for (let n = 0; n < STEPS; n += 1) await octx.step('s', () => n)
  },
  parallel: async (job, octx) => {
    await Promise.all(Array.from({ length: STEPS }, (_, n) => octx.step('s', () => n)))
  },
}

async function durabl({ url, database }, body) {
  const client = await MongoClient.connect(url)
  const db = client.db(database)
  const queue = new JobQueue(new MongoJobQueue({ db, logger: silent }), silent)
  await queue.startup()
  await queue.enqueueMany(Array.from({ length: JOBS }, (_, n) => ({ type: 't', data: n })))
  let left = JOBS
  const before = { updates: await updatesOf(db), commands: await commandsOf(db) }
  const seconds = await timed(
    () =>
      new Promise((resolve) => {
        new Orchestrator(queue, silent).define(
          't',
          async (job, octx) => {
            await bodies[body](job, octx)
            if ((left -= 1) === 0) resolve()
          },
          { concurrency: CONCURRENCY },
        )
      }),
  )
  const updates = (await updatesOf(db)) - before.updates
  const commands = (await commandsOf(db)) - before.commands
  await queue.shutdown()
  await client.close()
  return { stepsPerSecond: (JOBS * STEPS) / seconds, updates: updates / JOBS, commands: commands / JOBS }
}

/** One read of the job and one fenced write, for each step: steps alone, without claims and completions. */
async function readAndWrite({ url, database }) {
  const client = await MongoClient.connect(url)
  const jobs = client.db(database).collection('jobs', { writeConcern: { w: 'majority', journal: true } })
  await jobs.insertMany(
    Array.from({ length: JOBS }, (_, n) => ({
      _id: `job-${n}`,
      status: 'active',
      claimToken: 't',
      steps: [],
    })),
  )
  let next = 0
  const worker = async () => {
    for (let n = next++; n < JOBS; n = next++) {
      const fence = { _id: `job-${n}`, claimToken: 't', status: 'active' }
      for (let seq = 0; seq < STEPS; seq += 1) {
        await jobs.findOne(fence)
        const record = { seq, name: 's', result: seq, ts: new Date() }
        await jobs.updateOne(fence, { $push: { steps: record }, $set: { claimedAt: new Date() } })
      }
    }
  }
  const seconds = await timed(() => Promise.all(Array.from({ length: CONCURRENCY }, worker)))
  await client.close()
  return { stepsPerSecond: (JOBS * STEPS) / seconds }
}

/**
 * Workflows as DBOS runs them by default, each step a checkpoint. They are started by calls, sixteen at a time: its queues look for work once a
 * second. The time has their beginnings and ends in it, as that of durabl has.
 */
async function dbos({ url }) {
  const { DBOS } = await import('@dbos-inc/dbos-sdk')
  const logger = { ...silent, log() {} }
  DBOS.setConfig({ name: 'bench', systemDatabaseUrl: url, systemDatabasePoolSize: CONCURRENCY + 4, logger })
  const run = DBOS.registerWorkflow(
    async () => {
      for (let n = 0; n < STEPS; n += 1) await DBOS.runStep(async () => n, { name: 's' })
    },
    { name: 'empty' },
  )
  await DBOS.launch()
  let left = JOBS
  const worker = async () => {
    while ((left -= 1) >= 0) await run()
  }
  const seconds = await timed(() => Promise.all(Array.from({ length: CONCURRENCY }, worker)))
  await DBOS.shutdown({ deregister: true })
  return { stepsPerSecond: (JOBS * STEPS) / seconds }
}

/** Milliseconds of a claim by hand, of a job whose steps have returned so many bytes. */
async function claims({ url, database }, journalBytes, options = {}) {
  const client = await MongoClient.connect(url)
  const db = client.db(database)
  const backend = new MongoJobQueue({ db, logger: silent })
  await backend.startup()
  const { resultBytes = 100_000, spill = false } = options
  const steps = Array.from({ length: journalBytes / resultBytes }, (_, seq) => ({
    ...{ seq, name: 's', result: 'x'.repeat(resultBytes), ts: new Date() },
  }))
  let journal = steps.length > 0 ? { steps, journalBytes } : {}
  if (spill) {
    const id = await backend.enqueue('first', {})
    const { claimToken } = await backend.claimNext('first')
    for (const step of steps) await backend.appendStep(id, claimToken, step, { spill })
    const job = await db.collection('jobs').findOne({ _id: id })
    journal = { steps: job.steps, journalBytes: job.journalBytes }
  }
  const times = []
  for (let n = 0; n < CLAIMS; n += 1) {
    const id = await backend.enqueue('t', {})
    await db.collection('jobs').updateOne({ _id: id }, { $set: journal })
    times.push((await timed(() => backend.claimNext('t'))) * 1000)
    await db.collection('jobs').deleteOne({ _id: id })
  }
  await backend.shutdown()
  await client.close()
  return { claimMs: median(times), kB: (journal.journalBytes ?? 0) / 1000 }
}

const CONTESTANTS = {
  'durabl, sequential steps': { run: (place) => durabl(place, 'sequential') },
  'durabl, parallel steps': { run: (place) => durabl(place, 'parallel') },
  'one read and one write per step': { run: readAndWrite },
  'DBOS on PostgreSQL, sequential steps': { run: dbos, server: 'postgresql' },
  'a claim without a journal': { run: (place) => claims(place, 0) },
  'a claim with a journal of 7 MB': { run: (place) => claims(place, 7_000_000) },
  'a claim with 7 MB, spilled, of 100 kB each': { run: (place) => claims(place, 7_000_000, { spill: true }) },
  'a claim with 7 MB, spilled, of 1 kB each': {
    run: (place) => claims(place, 7_000_000, { spill: true, resultBytes: 1_000 }),
  },
}

const servers = new Servers()
try {
  const contestants = Object.entries(CONTESTANTS).filter(([name]) => name.includes(PART))
  const measured = Object.fromEntries(contestants.map(([name]) => [name, []]))
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, { run, server = 'mongodb' }] of contestants)
      measured[name].push(await servers.withPlace(server, run))
  }
  const rows = {}
  for (const [name, rounds] of Object.entries(measured)) {
    const figures = Object.keys(rounds[0]).map((figure) => [
      figure,
      median(rounds.map((round) => round[figure])),
    ])
    rows[name] = Object.fromEntries(figures.map(([figure, value]) => [figure, Math.round(value * 100) / 100]))
  }
  console.log(
    `medians of ${ROUNDS} rounds; ${JOBS} jobs of ${STEPS} steps, ${CONCURRENCY} at a time; updates and commands per job`,
  )
  console.table(rows)
} finally {
  await servers.stop()
}
