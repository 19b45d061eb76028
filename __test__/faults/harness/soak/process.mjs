/**
 * The process that is soaked. It makes jobs of every kind and runs as many as it can. Once in a while it reports its work and its resources. Its order comes as JSON in its first argument; its reports go to standard output, a line each. When standard input closes, it makes
 * no more jobs, and ends once those that there are have ended.
 */
import { readdirSync, readlinkSync } from 'node:fs'
import { JobQueue, MongoJobQueue } from 'durabl'
import { nativeAddon } from '../../../../dist/mongo/native/loader.js'
import { letPass } from '../../../support/time.mjs'
import { pollUntil } from '../../../support/wait.mjs'

const { url, database, sampleMs } = JSON.parse(process.argv[2])

/** The largest number of open jobs: enough to keep the slots busy, and no more, as a pile of them would be memory in use. */
const MOST_OPEN = 3000
const MANY = 200
/** Ended jobs are removed, or the collection would be what grows. */
const CLEAN_EVERY_MS = 2000
const KEPT_MS = 1000

const did = {
  acknowledged: 0,
  completed: 0,
  failed: 0,
  superseded: 0,
  retried: 0,
  held: 0,
  lost: 0,
  refused: 0,
  /** Jobs of calls that were refused, which may have been made all the same. */
  unsure: 0,
  removed: 0,
}
const open = () => did.acknowledged - did.completed - did.failed - did.superseded

const silent = { debug() {}, info() {}, warn() {}, error() {} }

function heard({ kind, terminal }) {
  if (kind === 'completed' || kind === 'superseded') did[kind] += 1
  if (kind === 'fail-fatal' || (kind === 'failed' && terminal)) did.failed += 1
  if (kind === 'failed' && !terminal) did.retried += 1
  if (kind === 'lease-lost') did.lost += 1
}

const backend = new MongoJobQueue({ uri: url, database, useChangeStreams: true, logger: silent })
const queue = new JobQueue(backend, silent, { onJobEvent: heard })
await queue.startup()

/** One in a hundred goes wrong at first, one in a thousand takes its time. */
async function work({ data, attempt }, ctx) {
  if (data.n % 1000 === 0) await letPass(20, 'work')
  if (data.n % 50 === 0) ctx?.log(`attempt ${attempt}`)
  if (data.n % 100 === 0 && attempt === 1) throw new Error('at first it goes wrong')
}
queue.process('plain', work, { concurrency: 64 })
queue.process('keyed', work, { concurrency: 8 })

const RETRIES = { backoffDelay: 20, backoffMaxDelay: 100 }
let n = 0
const data = () => ({ n: (n += 1), text: 'x'.repeat(n % 300) })

/** Counts what a call for one job was answered; what it made. */
async function lone(call) {
  try {
    const made = await call
    if (made === null) did.held += 1
    else did.acknowledged += 1
    return made
  } catch {
    did.refused += 1
    did.unsure += 1
    return null
  }
}

const CALLS = [
  async () => {
    const jobs = Array.from({ length: MANY }, () => ({ type: 'plain', data: data(), options: RETRIES }))
    const made = await queue.enqueueMany(jobs).catch(({ results }) => results ?? [])
    const acknowledged = made.filter(({ status }) => status !== 'failed').length
    did.acknowledged += acknowledged
    did.unsure += MANY - acknowledged
    if (acknowledged < MANY) did.refused += 1
  },
  async () => {
    const one = async () => {
      const key = { dedupeKey: `key ${n % 20}`, dedupeScope: 'pending' }
      await lone(queue.enqueue('keyed', data(), { ...RETRIES, ...key }))
    }
    await Promise.all(Array.from({ length: 40 }, one))
  },
  async () => {
    const call = queue.claimOrEnqueue('keyed', data(), { ...RETRIES, dedupeKey: `handle ${n % 5}` })
    const handle = await lone(call)
    if (handle) await queue.runClaimed(handle, work).catch(() => {})
  },
  async () => {
    await lone(queue.enqueue('plain', data(), { ...RETRIES, delay: 50 }))
  },
]

let isOver = false
async function produce(first) {
  for (let call = first; !isOver; call += 1) {
    while (open() > MOST_OPEN && !isOver) await letPass(2, 'jobs end')
    await CALLS[call % CALLS.length]()
  }
}

async function clean() {
  while (!isOver) {
    await letPass(CLEAN_EVERY_MS, 'the pause between two cleanings')
    const removed = await backend.cleanupOldJobs(KEPT_MS).catch(() => 0)
    did.removed += removed
  }
}

/** The resources that this process holds. Garbage is collected first, so what is left is in use. */
function held() {
  globalThis.gc()
  const files = readdirSync('/proc/self/fd')
  const isSocket = (file) => {
    try {
      return readlinkSync(`/proc/self/fd/${file}`).startsWith('socket:')
    } catch {
      return false
    }
  }
  // Timers are the load's own waits, as many as it happens to have.
  const handles = process.getActiveResourcesInfo().filter((name) => !['Timeout', 'Immediate'].includes(name))
  return {
    ...{ rss: process.memoryUsage.rss(), heap: process.memoryUsage().heapUsed },
    ...{ files: files.length, sockets: files.filter(isSocket).length },
    ...{ threads: readdirSync('/proc/self/task').length, tasks: nativeAddon().aliveTasks() },
    handles: handles.length,
  }
}

const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)
const sampling = setInterval(() => tell({ at: performance.now(), ...held(), ...did }), sampleMs)

process.stdin.resume().on('end', () => (isOver = true))
await Promise.all([produce(0), produce(1), produce(2), produce(3), clean()])
await pollUntil('all jobs have ended', () => open() === 0, { everyMs: 50, patienceMs: 30_000 }).catch(
  () => {},
)
clearInterval(sampling)
const { pending, active } = await queue.getStats()
await queue.shutdown(5000)
tell({ end: true, pending, active, ...did })
