/**
 * A queue under light traffic of several kinds, and its dashboard, until Ctrl-C.
 *
 *     npm run quickstart -- --dashboard                   starts a MongoDB of its own, and opens the page
 *     MONGO_URL=mongodb://… node examples/dashboard.mjs   a replica set of yours; uses and then drops a database of its own
 */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { JobQueue, MongoJobQueue } from 'durabl'
import { createDashboard } from 'durabl/dashboard'
import { MongoClient } from 'mongodb'

if (!process.env.MONGO_URL) {
  console.error(
    'Set MONGO_URL to a replica set, or use `npm run quickstart -- --dashboard`, which starts one.',
  )
  process.exit(1)
}

const client = await MongoClient.connect(process.env.MONGO_URL)
const db = client.db(`durabl_dashboard_${randomUUID().slice(0, 8)}`)
// The jobs that fail are for the page to show.
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const queue = new JobQueue(new MongoJobQueue({ db, useChangeStreams: true }), silent)
await queue.startup()

const end = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => end.abort())

/** Takes about so long, and ends early with the job's signal. */
const work = (ms, ctx) => pause(ms * (0.5 + Math.random()), undefined, { signal: ctx.signal })
const number = (below) => Math.floor(Math.random() * below)
const pick = (list) => list[number(list.length)]

queue.process('welcome-email', (job, ctx) => work(80, ctx), { concurrency: 4 })

queue.process(
  'charge-card',
  async (job, ctx) => {
    await ctx.log(`charging ${job.data.amount} cents`)
    await work(400, ctx)
    if (Math.random() < 0.25) throw new Error(`card declined for customer cus_${job.data.customer}`)
  },
  { concurrency: 3 },
)

queue.process('resize-image', (job, ctx) => work(1200, ctx), { concurrency: 2 })

queue.process('webhook', async (job, ctx) => {
  await work(150, ctx)
  const reason = pick([
    '',
    '',
    '',
    `connect ECONNREFUSED 10.0.0.${number(9)}:443`,
    `timeout after ${number(5000)} ms`,
  ])
  if (reason !== '') throw new Error(reason)
})

queue.process('sync-crm', (job, ctx) => work(900, ctx))
queue.process('report', (job, ctx) => work(3000, ctx))

await queue.schedule('sync-crm', { everyMs: 15_000 }, { type: 'sync-crm', data: { source: 'schedule' } })
await queue.schedule(
  'nightly-report',
  { cron: '30 2 * * *', timezone: 'Europe/Berlin' },
  { type: 'report', data: { kind: 'nightly' } },
)

const KINDS = [
  () =>
    queue.enqueue('welcome-email', { userId: `u_${number(1000)}` }, { dedupeKey: `welcome:${number(1000)}` }),
  () =>
    queue.enqueue(
      'charge-card',
      { customer: number(900), amount: 500 + number(9000), cardToken: 'tok_1' },
      { maxAttempts: 2, backoffDelay: 3000 },
    ),
  () =>
    queue.enqueue('resize-image', { url: `https://example.com/${number(99)}.png`, width: pick([320, 640]) }),
  () => queue.enqueue('webhook', { order: number(5000) }, { maxAttempts: 3, backoffDelay: 2000 }),
  () => queue.enqueue('welcome-email', { userId: `u_${number(1000)}` }, { delay: 60_000 + number(600_000) }),
]

const OPENERS = { darwin: ['open'], win32: ['cmd', '/c', 'start', ''] }

/** Where there is no browser, the address stands in the terminal. */
function openBrowser(address) {
  const [command, ...args] = OPENERS[process.platform] ?? ['xdg-open']
  const browser = spawn(command, [...args, address], { stdio: 'ignore', detached: true })
  browser.on('error', () => {})
  browser.unref()
}

async function traffic() {
  while (!end.signal.aborted) {
    await pick(KINDS)()
    await pause(100 + number(500), undefined, { signal: end.signal }).catch(() => {})
  }
}

// For this machine alone: it has no password.
const dashboard = createDashboard({ queue, authorize: () => ({ status: 'full' }), badge: 'quick start' })
const server = createServer(dashboard.node)
server.on('error', () => server.listen(0, '127.0.0.1'))
server.listen(8421, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${server.address().port}/`
console.log(`\n  The dashboard is at ${url}\n  Ctrl-C ends it.\n`)
if (process.stdout.isTTY) openBrowser(url)

await traffic()
server.close()
server.closeAllConnections()
await queue.shutdown(3000)
await db.dropDatabase()
await client.close()
