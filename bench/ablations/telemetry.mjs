/**
 * The price of telemetry: processor time per job for the hooks of a queue around its making and its run. It is measured without an SDK of
 * OpenTelemetry, and with one that drops all spans. The rest of a job is left out: the hooks are called as a queue calls them. The bound
 * without an SDK is 2 µs.
 *
 *     node bench/ablations/telemetry.mjs
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { root } from '../../scripts/process.mjs'
import { median } from '../statistics.mjs'

const require = createRequire(join(root, 'package.json'))
const { BasicTracerProvider } = require('@opentelemetry/sdk-trace-base')
const { openTelemetry } = require(join(root, 'dist/otel/index.js'))
const { SafeTelemetry } = require(join(root, 'dist/run/telemetry.js'))
const { callOf, idsOfOne, followedHandler } = require(join(root, 'dist/queue/following.js'))

const JOBS = 20_000
const ROUNDS = 15
const BOUND_US = 2

const logger = { debug() {}, info() {}, warn: console.warn, error: console.error }
const job = { id: '0192f1a0-0000-7000-8000-000000000001', type: 'work', data: {}, attempt: 1 }
const make = async () => job.id
const handler = async () => {}

async function withoutHooks() {
  await make(null)
  await handler(job)
}

/** The calls of `enqueue`, and of a run. */
function withHooks(telemetry) {
  const safe = new SafeTelemetry(telemetry, logger)
  const followed = followedHandler(handler)
  return async () => {
    await safe.making(callOf('enqueue', [job]), null, make, idsOfOne)
    const run = safe.running(job)
    await followed(job, null, run)
    run.ended({ status: 'completed', durationMs: 1 })
  }
}

/** Microseconds of processor time per job. */
async function cost(work) {
  const before = process.cpuUsage()
  for (let n = 0; n < JOBS; n += 1) await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / JOBS
}

const tracerProvider = new BasicTracerProvider({ spanProcessors: [] })
const ways = {
  none: withoutHooks,
  'no SDK': withHooks(openTelemetry()),
  SDK: withHooks(openTelemetry({ tracerProvider })),
}
const costs = Object.fromEntries(Object.keys(ways).map((name) => [name, []]))
// The first rounds warm the compiler up.
for (let round = -3; round < ROUNDS; round += 1) {
  for (const [name, work] of Object.entries(ways)) {
    const found = await cost(work)
    if (round >= 0) costs[name].push(found)
  }
}
const added = (name) => median(costs[name]) - median(costs.none)
console.log(`µs per job: ${added('no SDK').toFixed(2)} without an SDK, ${added('SDK').toFixed(2)} with one`)
if (added('no SDK') > BOUND_US) process.exitCode = 1
