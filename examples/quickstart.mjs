/**
 * The quick start: a few jobs of each kind, and the story of each as it happens.
 *
 *     npm run quickstart                                  starts a MongoDB of its own
 *     MONGO_URL=mongodb://… node examples/quickstart.mjs  a replica set of yours; uses and then drops a database of its own
 */
import { randomUUID } from 'node:crypto'
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'
import { dedupe, delay, priority, retry, singleFlight } from './quickstart/chapters.mjs'
import { Narrator } from './quickstart/narrator.mjs'

const DEADLINE_MS = 60_000

if (!process.env.MONGO_URL) {
  console.error('Set MONGO_URL to a replica set, or use `npm run quickstart`, which starts one.')
  process.exit(1)
}

const client = await MongoClient.connect(process.env.MONGO_URL)
const db = client.db(`durabl_quickstart_${randomUUID().slice(0, 8)}`)
const narrator = new Narrator()

// The narrator tells of jobs that fail, so the queue need not log them; the backend still tells of a lost connection.
const silent = { debug() {}, info() {}, warn() {}, error() {} }

const backend = new MongoJobQueue({ db, useChangeStreams: true })
const queue = new JobQueue(backend, silent, { onJobEvent: narrator.listener })

/** Resolves, with the exit code, when somebody wants the story to stop before its end. */
const interrupted = new Promise((resolve) => {
  process.once('SIGINT', () => resolve(130))
  process.once('SIGTERM', () => resolve(143))
  setTimeout(() => resolve(1), DEADLINE_MS).unref()
  // The reader of the output has gone, as after `| head`.
  process.stdout.on('error', () => resolve(1))
})

async function story() {
  await queue.startup()
  const { version } = await db.command({ buildInfo: 1 })
  narrator.begin(`durabl on MongoDB ${version}, with change streams, in the database ${db.databaseName}`)
  for (const chapter of [dedupe, priority, delay, retry, singleFlight]) {
    await chapter({ queue, backend, narrator })
  }
  narrator.chapter('In the end')
  const { pending, active, completed, failed } = await queue.getStats()
  console.log(`  ${completed} completed, ${failed} failed, ${active} active, ${pending} pending`)
  return 0
}

try {
  process.exitCode = await Promise.race([story(), interrupted])
  if (process.exitCode !== 0) console.log('\n  stopping early')
} finally {
  await queue.shutdown(2000)
  await db.dropDatabase()
  await client.close()
}
