/** The lateness of a delayed job on an idle worker, against the moment at which it was added plus its delay. */
import { acrossProcesses, inWords } from './latency.mjs'

export { involves } from './latency.mjs'

/** Milliseconds. Odd on purpose: no polling interval divides them. */
const DELAYS = [530, 810, 1070, 1390, 1730]
const PAUSE = [10, 40]

function contestant(context, id, name, peer, variant) {
  const jobs = context.sized(60)
  const run = async () => {
    const { calls, starts } = await acrossProcesses(context, peer, variant, {
      jobs,
      pause: PAUSE,
      delays: DELAYS,
    })
    const startOf = new Map(starts)
    return {
      samples: calls.map(({ n, called, delay }) => Math.round((startOf.get(n) - called - delay) * 100) / 100),
    }
  }
  return { id, name, title: name, jobs, run, tell: inWords }
}

export function contestants(context) {
  const rows = {
    durabl: () => [
      contestant(context, 'durabl', 'durabl', 'durabl', {}),
      contestant(context, 'durabl-push', 'durabl, change streams', 'durabl', { push: true }),
    ],
    bullmq: () => [contestant(context, 'bullmq', 'BullMQ', 'bullmq', {})],
    'graphile-worker': () => [
      contestant(context, 'graphile-worker', 'Graphile Worker', 'graphile-worker', { lively: true }),
    ],
  }
  return context.peers.flatMap((peer) => rows[peer]?.() ?? [])
}
