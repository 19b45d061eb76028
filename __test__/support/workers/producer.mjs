/**
 * A stream of calls that make jobs, drawn from a seed, made in a worker process. The process tells of each call when it is made and when it is
 * answered, and each job carries the name of its call. So a reader of the story can tell which call made which job.
 */
import { drawing } from '../random.mjs'
import { letPass } from '../time.mjs'

const KEYS = 4
/** Calls under way at once, at most: an outage must not pile up more than a process can hold. */
const MOST_OPEN = 250
const MANY = 6
const ORDERED_MS = 25

/** The calls and their frequencies. */
const BAG = Object.entries({
  ...{ plain: 5, flight: 4, once: 3, handle: 2, many: 1, later: 1 },
  ...{ keyed: 1, look: 2, again: 2, gone: 1, stop: 3 },
}).flatMap(([kind, weight]) => Array(weight).fill(kind))

/** The options of jobs of each kind. */
const KEYED = {
  flight: { type: 'flight', scope: 'pending' },
  handle: { type: 'flight', scope: 'pending' },
  once: { type: 'once', scope: 'pending+active' },
}
const METHODS = {
  handle: 'claimOrEnqueue',
  many: 'enqueueMany',
  keyed: 'enqueueMany',
  look: 'hasOutstanding',
}

/** Calls on jobs that were made before. */
const STEERING = { again: 'retry', gone: 'remove', stop: 'cancel' }
/** Made by the last so many calls, at most. */
const MOST_REMEMBERED = 200
/** Those may be running still. */
const NEWEST = 8

const RETRIES = { backoffDelay: 100, backoffMaxDelay: 400 }

function payload({ between, chance }, call, { workMs, leastMs = 0, blobBytes }) {
  const data = { call, ms: between(leastMs, workMs) }
  if (chance(0.12)) data.wrongFor = between(1, 3)
  if (data.wrongFor && chance(0.2)) data.isFatal = true
  if (chance(0.5)) data.heeds = true
  if (blobBytes) data.blob = 'x'.repeat(between(1, blobBytes))
  return data
}

/** A job of a kind, as it is handed to the library. */
function drawJob(draw, kind, call, orders) {
  const { type = 'plain', scope } = KEYED[kind] ?? {}
  const options = { ...RETRIES, priority: draw.between(-2, 2), maxAttempts: draw.between(2, 5) }
  if (scope) Object.assign(options, { dedupeKey: drawKey(draw, type), dedupeScope: scope })
  if (scope === 'pending' && draw.chance(0.3)) options.coalesce = 'latest'
  if (kind === 'later') options.delay = draw.between(50, 600)
  return { call, type, options, data: payload(draw, call, orders) }
}

const drawKey = (draw, type) => `${type}-${draw.between(0, KEYS - 1)}`

/** One call, as plain data: what it is to the library, and the jobs it would make. */
function drawCall(draw, name, orders, made) {
  let kind = draw.one(BAG)
  if (kind in STEERING && made.length > 0) {
    const job = draw.one(kind === 'stop' ? made.slice(-NEWEST) : made)
    return { method: STEERING[kind], calls: [{ call: name, type: 'steering', options: {}, job }] }
  }
  if (kind in STEERING) kind = 'plain'
  const method = METHODS[kind] ?? 'enqueue'
  if (kind === 'many' || kind === 'keyed') {
    // Several of a batch may be after one key.
    const of = () => (kind === 'many' ? 'plain' : draw.one(['flight', 'once']))
    const calls = Array.from({ length: MANY }, (_, n) => drawJob(draw, of(), `${name}.${n}`, orders))
    return { method, calls }
  }
  if (kind !== 'look') return { method, calls: [drawJob(draw, kind, name, orders)] }
  const { type, scope } = KEYED[draw.one(['flight', 'once'])]
  return {
    method,
    calls: [{ call: name, type, options: { dedupeKey: drawKey(draw, type), dedupeScope: scope } }],
  }
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

/** The text of an error. */
const told = ({ name, code = null, serverCode = null, message }) => ({ name, code, serverCode, message })

/** The same of those that it is made of. */
const errorsIn = (error) => (error.errors ?? [error]).map(told)

/** Runs a job that was claimed by hand, and tells how that ended, if it does. */
async function runHandle(call, handle, { queue, run, tell }) {
  tell('run-begun', { call, job: handle.id })
  try {
    await queue.runClaimed(handle, run)
    tell('run-over', { call, job: handle.id, errors: [] })
  } catch (error) {
    // An error of the handler comes out here as well.
    tell('run-over', { call, job: handle.id, errors: errorsIn(error) })
  }
}

function remember(made, id) {
  if (id !== null) made.push(id)
  if (made.length > MOST_REMEMBERED) made.shift()
}

/** Makes the call, and tells what it was answered: the ids of the jobs that it made, null for a key that was held. */
async function make({ method, calls }, world) {
  const { queue, tell, made } = world
  const [{ call, type, data, options, job }] = calls
  if (job !== undefined) return tell('steered', { call, status: (await queue[method](job)).status })
  if (method === 'hasOutstanding')
    return tell('looked', { call, isHeld: await queue.hasOutstanding(type, options.dedupeKey) })
  if (method === 'enqueueMany') {
    const jobs = calls.map(({ type, data, options }) => ({ type, data, options }))
    const results = await queue.enqueueMany(jobs)
    for (const [n, { id = null }] of results.entries()) {
      tell('answered', { call: calls[n].call, id })
      remember(made, id)
    }
    return
  }
  const answer = await queue[method](type, data, options)
  const isHandle = method === 'claimOrEnqueue' && answer !== null
  const id = isHandle ? answer.id : answer
  tell('answered', { call, id })
  remember(made, id)
  if (isHandle) await runHandle(call, answer, world)
}

/** The arguments of a call, for comparison with its effect. */
function tellCall(tell, { method, calls }) {
  for (const { call, type, options, data, job } of calls) {
    const { dedupeKey: key = null, dedupeScope: scope = null, coalesce = null, ...others } = options
    const small = { ...data }
    delete small.blob
    tell('called', { call, method, type, key, scope, coalesce, job, asked: { ...others, data: small } })
  }
}

function tellRefusal(tell, { calls }, error) {
  for (const [n, { call }] of calls.entries()) {
    // Of a call for many some may have been made.
    const { status, id, error: its = error } = error.results?.[n] ?? { status: 'failed' }
    if (status === 'failed') tell('rejected', { call, ...told(its) })
    else tell('answered', { call, id: id ?? null })
  }
}

/**
 * @param orders.seed of the calls, and `orders.name`, which their names begin with
 * @param orders.ms for how long, a call every `orders.everyMs` on average
 * @param orders.workMs the longest that a job's handler takes, and `orders.leastMs` the shortest; 0 by default
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
  /** Jobs to be steered. */
  const made = []

  async function one(call) {
    tellCall(tell, call)
    await make(call, { queue, tell, run, made }).catch((error) => tellRefusal(tell, call, error))
  }

  function begin(drawn) {
    const call = one(drawn)
    open.add(call)
    void call.finally(() => open.delete(call))
  }

  if (orders.backlog) begin(drawBacklog(draw, `${orders.name}-0`, orders.backlog))
  while (performance.now() < end) {
    count += 1
    begin(drawCall(draw, `${orders.name}-${count}`, orders, made))
    await letPass(draw.random() * 2 * orders.everyMs, 'the pause between two calls')
    if (open.size >= (orders.mostOpen ?? MOST_OPEN)) await Promise.race(open)
  }
  await Promise.all(open)
  return count
}
