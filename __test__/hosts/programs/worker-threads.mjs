/**
 * Loads the package in one worker thread after another, in two rows side by side; each ends in the middle of something. Afterwards this
 * thread, which has not touched the engine before, works off what is left.
 *
 *     node worker-threads.mjs DATABASE THREADS
 */
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { JobQueue, MongoJobQueue } from 'durabl'

const JOBS = 50
const ROWS = 2
const ON_PURPOSE = 'on purpose'
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

const openBackend = (database) =>
  new MongoJobQueue({ uri: process.env.DURABL_TEST_URL, database, useChangeStreams: true, logger: quiet })

/** Starts calls whose answers nobody will be there to hear. */
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

/** What a thread does, and what is done to it when it has told so. Those without jobs come more often, as they are quicker. */
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

  let next = 0
  const row = async () => {
    while (next < Number(threads)) await oneThread(database, next++)
  }
  await Promise.all(Array.from({ length: ROWS }, row))

  const { pending, active } = await queue.getStats()
  await workOff(queue, pending + active)
  await queue.shutdown()
  console.log(`${next} threads`)
}

await (isMainThread
  ? inMain(process.argv.slice(2))
  : STORIES[workerData.story].thread(openBackend(workerData.database)))
