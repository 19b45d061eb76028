/**
 * Loads the package in one worker thread after another, in two rows side by side; each ends in the middle of something. Afterwards this
 * thread works off what is left. Tells how many threads there were, and what the process held after the first few and after all.
 *
 *     node worker-threads.mjs DATABASE THREADS
 */
import { readdir } from 'node:fs/promises'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'
import { letPass } from '../../../support/time.mjs'

const JOBS = 50
const ROWS = 2
/** So many threads have done everything at least once. */
const FIRST = 20
/** For what ends by itself a while after its thread: connections that close, system threads that wait for more to do. */
const SETTLES_WITHIN_MS = 30_000
const ON_PURPOSE = 'on purpose'
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

const url = process.env.DURABL_TEST_URL

/**
 * Every engine in the process shares this pool, which fills up by itself; beside it, two connections watch the server. Change streams and
 * renewals have connections beyond the pool's size, as many as there were at once; they end when they have been idle.
 */
const POOL = 8
const WHEN_FULL = POOL + 2
const IDLE_MS = 2_000

/** Every connection of the engine tells the server this name. */
const uriFor = (database) =>
  `${url}${url.includes('?') ? '&' : '?'}appName=${database}&minPoolSize=${POOL}&maxPoolSize=${POOL}&maxIdleTimeMS=${IDLE_MS}`

const openBackend = (database) =>
  new MongoJobQueue({ uri: uriFor(database), database, useChangeStreams: true, logger: quiet })

/** Starts calls whose answers come after the end of the thread. */
function call(backend) {
  for (let n = 0; n < 5; n += 1) void backend.hasOutstanding('work', `key-${n}`)
  void backend.startup()
}

/** Runs jobs; `then` as soon as there is one, which does not end by itself. */
function runJob(backend, then) {
  const queue = new JobQueue(backend, quiet)
  let proceed
  const end = new Promise((resolve) => (proceed = resolve))
  queue.process('work', () => (then({ queue, proceed }), end))
}

const told = () => parentPort.postMessage('now')
const failing = () => setImmediate(() => Promise.reject(new Error(ON_PURPOSE)))
const terminated = (worker) => worker.terminate()

/** The work of a thread, and how it is ended after it has told so. Threads without jobs come more often, as they are quicker. */
const STORIES = [
  { thread: (backend) => (call(backend), told()), main: terminated },
  { thread: (backend) => runJob(backend, told), main: terminated },
  { thread: (backend) => (call(backend), told(), process.exit(0)) },
  { thread: (backend) => runJob(backend, () => (told(), process.exit(0))) },
  { thread: (backend) => (call(backend), told(), failing()) },
  { thread: (backend) => runJob(backend, () => (told(), failing())) },
  // Its promises keep it alive until they are settled; then it ends without a word to the engine.
  { thread: (backend) => (call(backend), told()) },
  {
    thread: (backend) => runJob(backend, ({ queue, proceed }) => (told(), proceed(), void queue.shutdown())),
  },
  ...Array.from({ length: 8 }, () => ({ thread: (backend) => (call(backend), told()), main: terminated })),
]

async function oneThread(database, n) {
  const story = n % STORIES.length
  const worker = new Worker(new URL(import.meta.url), { workerData: { database, story } })
  worker.on('error', (error) => {
    if (error.message !== ON_PURPOSE) throw error
  })
  const ended = new Promise((resolve) => worker.once('exit', resolve))
  await new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('exit', () => reject(new Error(`thread ${n} ended before it came to its point`)))
  })
  await STORIES[story].main?.(worker)
  await ended
}

/** The resources that the process holds; only Linux tells of the system's threads and files. */
async function held(admin, appName) {
  const pipeline = [{ $currentOp: { allUsers: true, idleConnections: true } }, { $match: { appName } }]
  const operations = await admin.aggregate(pipeline).toArray()
  const entriesOf = async (path) => (process.platform === 'linux' ? (await readdir(path)).length : 0)
  return {
    connections: new Set(operations.map(({ connectionId }) => connectionId)).size,
    threads: await entriesOf('/proc/self/task'),
    files: await entriesOf('/proc/self/fd'),
  }
}

/** The resources that it holds once they fit, or when its time is up. */
async function heldOnce(fits, ...where) {
  const deadline = Date.now() + SETTLES_WITHIN_MS
  for (let before = null; ; await letPass(200, 'it settles')) {
    const now = await held(...where)
    if (fits(now, before) || Date.now() > deadline) return now
    before = now
  }
}

/** Neither fewer connections than the pool keeps nor those that change streams left idle. */
const isFull = (now, before) =>
  now.connections === WHEN_FULL && JSON.stringify(now) === JSON.stringify(before)
const isNoMoreThan = (limit) => (now) => Object.entries(now).every(([what, count]) => count <= limit[what])

async function workOff(queue, count) {
  let left = count
  await new Promise((resolve) => {
    queue.process('work', () => void (--left === 0 && resolve()), { concurrency: 10 })
  })
}

async function inMain([database, threads]) {
  const backend = openBackend(database)
  await backend.startup()
  const queue = new JobQueue(backend, quiet)
  for (let n = 0; n < JOBS; n += 1) await queue.enqueue('work', { n }, { maxAttempts: 1000 })

  const client = await MongoClient.connect(url, { maxPoolSize: 1, serverMonitoringMode: 'poll' })
  const where = [client.db('admin'), database]
  let next = 0
  const row = async (end) => {
    while (next < end) await oneThread(database, next++)
  }
  const rows = (end) => Promise.all(Array.from({ length: ROWS }, () => row(end)))
  await rows(FIRST)
  const early = await heldOnce(isFull, ...where)
  await rows(Number(threads))
  const late = await heldOnce(isNoMoreThan(early), ...where)
  await client.close()

  const { pending, active } = await queue.getStats()
  await workOff(queue, pending + active)
  await queue.shutdown()
  console.log(JSON.stringify({ threads: next, early, late }))
}

await (isMainThread
  ? inMain(process.argv.slice(2))
  : STORIES[workerData.story].thread(openBackend(workerData.database)))
