/**
 * A stream of calls that make jobs, drawn from a seed, made in a worker process. Each is told when it is made and when it is answered,
 * and each job carries the name of the call that made it: so whoever reads the story can tell which call made what.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { drawing } from '../../support/random.mjs'

const KEYS = 4
/** Calls under way at once, at most: an outage must not pile up more than a process can hold. */
const MOST_OPEN = 250
const MANY = 6
const ORDERED_MS = 25

/** What is called, and how often. */
const BAG = Object.entries({ plain: 5, flight: 4, once: 3, handle: 2, many: 1, later: 1 }).flatMap(
  ([kind, weight]) => Array(weight).fill(kind),
)

const RETRIES = { backoffDelay: 100, backoffMaxDelay: 400 }

function payload({ between, chance }, call, { workMs, blobBytes }) {
  const data = { call, ms: between(0, workMs) }
  if (chance(0.12)) data.wrongFor = between(1, 3)
  if (data.wrongFor && chance(0.2)) data.isFatal = true
  if (blobBytes) data.blob = 'x'.repeat(between(1, blobBytes))
  return data
}

/** One call, as plain data: what it is to the library, and the jobs it would make. */
function drawCall(draw, name, orders) {
  const kind = draw.one(BAG)
  const key = (prefix) => `${prefix}-${draw.between(0, KEYS - 1)}`
  const options = { ...RETRIES, priority: draw.between(-2, 2), maxAttempts: draw.between(2, 5) }
  if (kind === 'flight' || kind === 'handle')
    Object.assign(options, { dedupeKey: key('flight'), dedupeScope: 'pending' })
  if (options.dedupeKey && draw.chance(0.3)) options.coalesce = 'latest'
  if (kind === 'once') Object.assign(options, { dedupeKey: key('once'), dedupeScope: 'pending+active' })
  if (kind === 'later') options.delay = draw.between(50, 600)
  const type = kind === 'handle' ? 'flight' : kind === 'once' || kind === 'flight' ? kind : 'plain'
  const count = kind === 'many' ? MANY : 1
  const calls = Array.from({ length: count }, (_, n) => {
    const call = count === 1 ? name : `${name}.${n}`
    return { call, type, options, data: payload(draw, call, orders) }
  })
  return { method: { handle: 'claimOrEnqueue', many: 'enqueueMany' }[kind] ?? 'enqueue', calls }
}

/** Many jobs at once that lie about for a while, so that it can be seen in which order they are claimed. */
function drawBacklog(draw, name, size) {
  const calls = Array.from({ length: size }, (_, n) => {
    const call = `${name}.${n}`
    return {
      call,
      type: 'ordered',
      options: { priority: draw.between(-5, 5) },
      data: { call, ms: ORDERED_MS },
    }
  })
  return { method: 'enqueueMany', calls }
}

/** Makes the call; the ids of the jobs that it made, null for a key that was held. */
async function make({ method, calls }, { queue, run }) {
  if (method === 'enqueueMany') {
    const results = await queue.enqueueMany(calls.map(({ type, data, options }) => ({ type, data, options })))
    return { ids: results.map(({ id = null }) => id) }
  }
  const [{ type, data, options }] = calls
  const made = await queue[method](type, data, options)
  if (method === 'enqueue' || made === null) return { ids: [made] }
  // What becomes of the run is told by itself; an error of the handler comes out here as well.
  return { ids: [made.id], after: queue.runClaimed(made, run).catch(() => {}) }
}

/**
 * @param orders.seed of the calls, and `orders.name`, which their names begin with
 * @param orders.ms for how long, a call every `orders.everyMs` on average
 * @param orders.workMs the longest that a job's handler takes
 * @param orders.mostOpen calls under way at once, at most
 * @param orders.backlog how many jobs lie about from the start; none by default
 * @param orders.blobBytes the largest payload; nothing beside the story by default
 * @returns how many calls were made
 */
export async function produce(orders, { queue, tell, run }) {
  const draw = drawing(orders.seed)
  const open = new Set()
  const end = performance.now() + orders.ms
  let count = 0

  async function one(call) {
    for (const { call: name, type, options } of call.calls) {
      const { dedupeKey: key = null, dedupeScope: scope = null, coalesce = null } = options
      tell('called', { call: name, method: call.method, type, key, scope, coalesce })
    }
    try {
      const { ids, after } = await make(call, { queue, run })
      for (const [n, id] of ids.entries()) tell('answered', { call: call.calls[n].call, id })
      await after
    } catch (error) {
      for (const [n, { call: name }] of call.calls.entries()) {
        // Of a call for many some may have been made.
        const { status, id, error: its = error } = error.results?.[n] ?? { status: 'failed' }
        if (status === 'failed')
          tell('rejected', { call: name, code: its.code ?? null, message: its.message })
        else tell('answered', { call: name, id: id ?? null })
      }
    }
  }

  function begin(drawn) {
    const call = one(drawn)
    open.add(call)
    void call.finally(() => open.delete(call))
  }

  if (orders.backlog) begin(drawBacklog(draw, `${orders.name}-0`, orders.backlog))
  while (performance.now() < end) {
    count += 1
    begin(drawCall(draw, `${orders.name}-${count}`, orders))
    await sleep(draw.random() * 2 * orders.everyMs)
    if (open.size >= (orders.mostOpen ?? MOST_OPEN)) await Promise.race(open)
  }
  await Promise.all(open)
  return count
}
