/** Orchestrations while workers are killed and frozen, primaries step down and replies are lost. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { app } from '../../support/app.mjs'
import { Cluster } from '../../support/cluster.mjs'
import { testUrl } from '../../support/mongo.mjs'
import { startProxy } from '../../support/proxies/proxy.mjs'
import { letPass } from '../../support/time.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { heardOut, startWorker } from '../../support/workers/workers.mjs'
import { check } from './support/laws.mjs'

const JOBS = 24
/** The servers end a transaction within three seconds, which takes a lease of four and a half. */
const LIMIT = { setParameter: 1, transactionLifetimeLimitSeconds: 2 }
const LEASE_MS = 5000
const SETTINGS = { electionTimeoutMillis: 1500, heartbeatIntervalMillis: 300, heartbeatTimeoutSecs: 2 }

let cluster
before(async () => {
  cluster = await Cluster.start(SETTINGS, { testCommands: true })
  for (const node of cluster.nodes) await node.admin.command(LIMIT)
})
after(() => cluster.stop())

/** Runs orchestrations on workers that something happens to, and looks at what came of them. */
async function run(t, { url, workerUrl = url, leaseMs = LEASE_MS, length = 0 }, fault) {
  const env = await app(t, { url })
  const config = {
    ...{ url: workerUrl, database: env.db.databaseName, queue: { visibilityTimeoutMs: leaseMs } },
    orchestrations: {
      trial: {
        ...{ ms: 30, napMs: 1500, length },
        config: { concurrency: 4, pollInterval: 200, ...(length > 0 && { journal: 'spill' }) },
      },
    },
  }
  const workers = []
  const start = async () => {
    const worker = await startWorker(t, config)
    workers.push(worker)
    return worker
  }
  await Promise.all([start(), start(), start()])
  for (let n = 0; n < JOBS; n += 1)
    await env.queue.enqueue('trial', {}, { maxAttempts: 1000, backoffDelay: 10, backoffMaxDelay: 10 })
  let isOver = false
  const going = (async () => {
    while (!isOver) await fault({ workers, start })
  })()
  const ended = { type: 'trial', status: { $in: ['completed', 'failed'] } }
  await pollUntil(
    'all have ended',
    async () => (await env.jobs.countDocuments(ended).catch(() => 0)) === JOBS,
    {
      patienceMs: 240_000,
    },
  ).finally(() => (isOver = true))
  await going
  await heardOut(workers.filter(({ endedAt }) => endedAt === undefined))
  const story = {
    lines: workers.flatMap(({ events }) => events).sort((one, other) => one.at - other.at),
    jobs: await env.jobs.find({ type: 'trial' }).toArray(),
    length,
    values: await env.db.collection(`${env.jobs.collectionName}_steps`).find().toArray(),
    ledger: await env.db.collection('ledger').find().toArray(),
  }
  assert.deepEqual(check(story), [])
  assert.equal(story.ledger.length, 2 * JOBS)
  const began = story.lines.filter(({ kind }) => kind === 'body-began').length
  t.diagnostic(`${began} runs of ${JOBS} jobs`)
  return { ...story, began }
}

/**
 * Loses so many of the replies to writes. By chance and not by time: the last job writes by itself, as often as its tries do. If every one of
 * these were hit, the job would never end.
 */
const SHARE_LOST = 0.3
const SOON = 'something is under way'

/** Results that stand beside their job. */
const LARGE = 20_000

test('while workers are killed', async (t) => {
  const { began, values } = await run(t, { url: cluster.url, length: LARGE }, async ({ workers, start }) => {
    await letPass(400, SOON)
    const victim = workers.find(({ endedAt }) => endedAt === undefined)
    await Promise.all([victim.kill(), start()])
  })
  // Each runs twice as it sleeps once.
  assert.ok(began > 2 * JOBS, 'no kill has mattered')
  assert.ok(values.length >= 3 * JOBS, `${values.length} values`)
})

test('while workers are frozen for longer than their leases', async (t) => {
  const { began } = await run(t, { url: cluster.url }, async ({ workers }) => {
    await letPass(200, SOON)
    workers[0].signal('SIGSTOP')
    await letPass(LEASE_MS + 1500, 'its leases expire')
    workers[0].signal('SIGCONT')
  })
  assert.ok(began > 2 * JOBS, 'no freeze has mattered')
})

test('while primaries step down', async (t) => {
  let stepDowns = 0
  await run(t, { url: cluster.url }, async () => {
    await letPass(300, SOON)
    const { node } = await cluster.primary()
    await node.admin.command({ replSetStepDown: 5, secondaryCatchUpPeriodSecs: 2 }).catch(() => {})
    stepDowns += 1
    await letPass(2500, 'the others elect')
  })
  assert.ok(stepDowns > 0)
  await cluster.whole()
})

test('while replies are lost', async (t) => {
  const proxy = await startProxy(t)
  let lost = 0
  const isLost = ({ update, commitTransaction, insert }) =>
    (update !== undefined || commitTransaction !== undefined || insert?.endsWith('_steps')) &&
    Math.random() < SHARE_LOST
  void proxy.loseReplies(isLost, { times: Infinity, first: async () => void (lost += 1) })
  await run(t, { url: testUrl(), workerUrl: proxy.url(), leaseMs: 300_000, length: LARGE }, () =>
    letPass(100, SOON),
  )
  t.diagnostic(`${lost} replies lost`)
  assert.ok(lost > 5, `${lost} replies were lost`)
})
