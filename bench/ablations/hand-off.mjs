/**
 * The hand-off: milliseconds from the call of `enqueue` to the start of the handler in the same process, with and without it. One durable
 * insert by the driver stands beside. The rounds take turns. The bound: with the hand-off, at most 1.2 durable inserts.
 *
 *     node bench/ablations/hand-off.mjs [JOBS] [ROUNDS]
 */
import { join } from 'node:path'
import { root } from '../../scripts/process.mjs'
import { MongoClient } from '../mongodb.mjs'
import { Servers } from '../servers/all.mjs'
import { pause } from '../standalone.mjs'
import { median } from '../statistics.mjs'

const { JobQueue, MongoJobQueue } = await import(join(root, 'index.mjs'))

const [jobs = 300, rounds = 7] = process.argv.slice(2).map(Number)
const BOUND = 1.2

const logger = { debug() {}, info() {}, warn: console.warn, error: console.error }

/** Until a processor has found that nothing is due. */
const QUIET_MS = 5

/** A queue with an idle processor; the time that one job takes to its handler. */
async function started(db, handOff) {
  const backend = new MongoJobQueue({ db, collectionName: handOff ? 'with' : 'without', handOff, logger })
  await backend.startup()
  const queue = new JobQueue(backend, logger)
  let begun = () => {}
  queue.process('work', () => begun())
  return {
    async time() {
      const start = performance.now()
      const handled = new Promise((resolve) => (begun = () => resolve(performance.now() - start)))
      await queue.enqueue('work', { n: 1 })
      return handled
    },
    async end() {
      await queue.shutdown()
      await backend.shutdown()
    },
  }
}

/** Medians of the rounds, by way. */
async function measured({ url, database }) {
  const client = await MongoClient.connect(url)
  const db = client.db(database)
  const inserts = db.collection('inserts', { writeConcern: { w: 'majority', journal: true } })
  const queues = { 'handed off': await started(db, true), 'claimed as usual': await started(db, false) }
  const ways = {
    'durable insert': async () => {
      const start = performance.now()
      await inserts.insertOne({ type: 'work', data: { n: 1 }, status: 'pending', createdAt: new Date() })
      return performance.now() - start
    },
    ...Object.fromEntries(Object.entries(queues).map(([name, { time }]) => [name, time])),
  }
  const medians = Object.fromEntries(Object.keys(ways).map((name) => [name, []]))
  // The first round warms the compiler up.
  for (let round = -1; round < rounds; round += 1) {
    for (const [name, time] of Object.entries(ways)) {
      const times = []
      for (let n = 0; n < jobs; n += 1) {
        await pause(QUIET_MS)
        times.push(await time())
      }
      if (round >= 0) medians[name].push(median(times))
    }
  }
  for (const { end } of Object.values(queues)) await end()
  await client.close()
  return Object.fromEntries(Object.entries(medians).map(([name, found]) => [name, median(found)]))
}

const servers = new Servers()
try {
  const found = await servers.withPlace('mongodb', measured)
  const insert = found['durable insert']
  for (const [name, ms] of Object.entries(found))
    console.log(`${name.padEnd(17)} ${ms.toFixed(2)} ms, ${(ms / insert).toFixed(2)} durable inserts`)
  if (found['handed off'] > BOUND * insert) process.exitCode = 1
} finally {
  await servers.stop()
}
