/**
 * A worker in a process of its own. Its orders come as JSON in its first argument, and its events go to standard output, one a line. Times are
 * those of the machine's monotonic clock, so that several processes can be compared.
 *
 * Lines on standard input are calls: `{ id, on, method, args }`, answered by an event `reply`.
 */
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { FatalJobError, JobQueue, MongoJobQueue, Orchestrator } from 'durabl'
import { MongoClient } from 'mongodb'
import { produce } from './producer.mjs'
import { HANDLERS } from './handlers.mjs'
import { ORCHESTRATIONS } from './orchestrations.mjs'
import { tellHeap } from './heap.mjs'
import { race } from './race.mjs'
import { watchStalls } from '../stalls.mjs'

const config = JSON.parse(process.argv[2])

const now = () => Number(process.hrtime.bigint() / 1000n) / 1000

/** Blocks the thread while it waits: code that tells an event must not go on before the event is told. */
const rest = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

/** Written at once and whole, also right before the event loop blocks or the process is killed. */
function tell(kind, fields = {}) {
  let left = Buffer.from(`${JSON.stringify({ kind, at: now(), ...fields })}\n`)
  while (left.length > 0) {
    try {
      left = left.subarray(writeSync(1, left))
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
      rest(1)
    }
  }
}

tell.now = now
if (config.tellsHeap) tellHeap(tell)

const logger = {
  debug() {},
  info() {},
  warn: (fields, message) => tell('warning', { message: message ?? fields }),
  error: (fields, message) =>
    tell('error', { message: message ?? fields, reason: String(fields?.err ?? '') }),
}

/** By the app's own client, or by a connection of its own: then nothing but durabl holds the process. */
async function connect() {
  const { url, database, collectionName = 'jobs', backend = {}, ownConnection } = config
  if (ownConnection)
    return { backend: new MongoJobQueue({ uri: url, database, collectionName, logger, ...backend }) }
  const client = await MongoClient.connect(url)
  const db = client.db(database)
  return { client, backend: new MongoJobQueue({ db, collectionName, logger, ...backend }) }
}

function handlerOf({ handler, ...args }) {
  return async (job, ctx) => {
    const { id, attempt, dedupeKey = null, claimToken: token } = job
    const run = { job: id, attempt, token, key: dedupeKey }
    tell('started', { ...run, call: job.data?.call })
    let outcome = 'returned'
    ctx.signal.addEventListener('abort', () => tell('aborted', { ...run, code: ctx.signal.reason.code }))
    try {
      return await HANDLERS[handler](args, { job, ctx, tell, queue, db: client?.db(config.database) })
    } catch (error) {
      outcome = error instanceof FatalJobError ? 'fatal' : 'threw'
      throw error
    } finally {
      tell('ended', { ...run, outcome })
    }
  }
}

const { client, backend } = await connect()
const queue = new JobQueue(backend, logger, {
  ...config.queue,
  onJobEvent: ({ kind, ...event }) => tell(`event:${kind}`, event),
  ...(config.orchestrations && {
    onJobChange: ({ kind, ...change }) => tell(kind, { ...change, wall: Date.now() }),
  }),
})
if (config.signals) queue.installSignalHandlers(config.signals)
if (config.startup !== false) await queue.startup()
for (const [type, processor] of Object.entries(config.processors ?? {})) {
  queue.process(type, handlerOf(processor), processor.config)
}

for (const [type, { config: settings, body: name = 'trial', ...options }] of Object.entries(
  config.orchestrations ?? {},
)) {
  const body = ORCHESTRATIONS[name](options, { tell, db: client.db(config.database) })
  new Orchestrator(queue, logger).define(type, body, settings)
}

async function claimAndRun(type, handler) {
  await queue.runClaimed(await queue.claimOrEnqueue(type, {}), handlerOf({ handler }))
}

/** The objects that a call may be made on: the queue, its backend, or this process as a whole. */
const targets = {
  queue,
  backend,
  worker: {
    now: () => Date.now(),
    /** Ends everything, in the order that an app would. */
    async end(timeoutMs) {
      const stalls = watchStalls()
      const start = performance.now()
      await queue.shutdown(timeoutMs)
      tell('down', { ms: performance.now() - start, stalls: stalls() })
      await client?.close()
    },
    /** Leaves a call to itself. */
    begin(method, ...args) {
      const own = { claimAndRun, produce: targets.worker.produce }
      const call = own[method]?.(...args) ?? queue[method](...args)
      call.then(
        () => tell('call-ended', { method }),
        (error) => tell('call-failed', { method, code: error.code, message: error.message }),
      )
    },
    /** A stream of calls, each told when it is made and when it is answered. */
    produce: (orders) => produce(orders, { queue, tell, run: handlerOf({ handler: 'scripted' }) }),
    /** Many calls at once; how many of them came to what. */
    race: (calls) => race(calls, { queue, tell }),
  },
}

createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, on, method, args } = JSON.parse(line)
  try {
    const value = await targets[on][method](...args)
    tell('reply', { id, value: value ?? null })
  } catch (error) {
    tell('reply', { id, error: error.message, code: error.code ?? null })
  }
})
// Being able to hear is no reason to live, but for one that waits for its orders.
if (config.waitsForOrders) process.once('SIGTERM', () => process.stdin.unref())
else process.stdin.unref()
tell('ready', { pid: process.pid })
