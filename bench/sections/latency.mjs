/** The time until an idle worker starts a job that another process adds. */
import { peers } from '../peers/all.mjs'
import { play, start } from '../process.mjs'
import { quantile } from '../statistics.mjs'

export const involves = ['durabl', 'bullmq', 'graphile-worker']

const POLL_INTERVAL_MS = 250
const CONCURRENCY = 16

/** Long enough for the worker to fall idle, and at random, so that no timer of anybody's is met each time. */
const PAUSE = [5, 25]
/** A worker that polls must have slowed down again. */
const LONG_PAUSE = [POLL_INTERVAL_MS, 3 * POLL_INTERVAL_MS]

const rounded = (ms) => Math.round(ms * 100) / 100

/** Milliseconds between two moments of each job. */
function between(calls, starts, from) {
  const startOf = new Map(starts)
  return calls.map((call) => rounded(startOf.get(call.n) - from(call)))
}

export const inWords = ({ samples }) =>
  [0.5, 0.95, 0.99].map((share) => `${quantile(samples, share).toFixed(2)} ms`).join(', ') +
  ' (median, p95, p99)'

/** One process that works, another that adds. */
export async function acrossProcesses({ servers }, peer, variant, options) {
  return servers.withPlace(peers[peer].server, async (place) => {
    const request = { peer, variant, place, concurrency: CONCURRENCY, ...options }
    const worker = start('consume', request)
    await worker.ready
    worker.go()
    const { calls } = await play('produce', request)
    const { starts } = await worker.result
    return { calls, starts }
  })
}

function pickUp(context, known, peer, variant, options) {
  const run = async () => {
    const { calls, starts } = await acrossProcesses(context, peer, variant, options)
    return { samples: between(calls, starts, (call) => call.called) }
  }
  return { ...known, title: known.name, jobs: options.jobs, run, tell: inWords }
}

function local({ servers }, jobs) {
  const name = 'durabl, in the process that adds'
  const run = () =>
    servers.withPlace('mongodb', async (place) => {
      const request = { peer: 'durabl', place, concurrency: CONCURRENCY, jobs, pause: PAUSE }
      const { calls, starts } = await play('local', request)
      return {
        samples: between(calls, starts, (call) => call.called),
        afterAcknowledgement: between(calls, starts, (call) => call.acknowledged),
      }
    })
  return { id: 'durabl-local', name, title: name, jobs, run, tell: inWords }
}

function bare({ servers }, jobs) {
  const name = 'one insert and one claim, bare driver'
  const run = () =>
    servers.withPlace('mongodb', async (place) => {
      const { inserts, claims, realClaims } = await play('driver', {
        peer: 'durabl',
        place,
        jobs,
        pause: PAUSE,
      })
      return {
        samples: inserts.map((insert, n) => rounded(insert + claims[n])),
        inserts: inserts.map(rounded),
        claims: claims.map(rounded),
        realClaims: realClaims.map(rounded),
      }
    })
  return { id: 'driver', name, title: name, jobs, run, tell: inWords }
}

export function contestants(context) {
  const jobs = context.sized(200)
  const quick = { jobs, pause: PAUSE }
  const slow = { jobs: context.sized(40), pause: LONG_PAUSE }
  const polling = `durabl, polling every ${POLL_INTERVAL_MS} ms`
  const rows = {
    durabl: () => [
      bare(context, jobs),
      pickUp(context, { id: 'durabl-push', name: 'durabl, change streams' }, 'durabl', { push: true }, quick),
      local(context, jobs),
      pickUp(
        context,
        { id: 'durabl-poll', name: polling },
        'durabl',
        { pollInterval: POLL_INTERVAL_MS },
        slow,
      ),
    ],
    bullmq: () => [pickUp(context, { id: 'bullmq', name: 'BullMQ' }, 'bullmq', {}, quick)],
    'graphile-worker': () => [
      pickUp(
        context,
        { id: 'graphile-worker', name: 'Graphile Worker' },
        'graphile-worker',
        { lively: true },
        quick,
      ),
    ],
  }
  return context.peers.flatMap((peer) => rows[peer]?.() ?? [])
}
