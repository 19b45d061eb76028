/** Adding jobs: one by one with 64 calls under way, and by the bulk call where a queue has one. */
import { peers } from '../peers/all.mjs'
import { play } from '../process.mjs'
import { DURABLE, inWords, perJob, QUICK } from './throughput.mjs'

export const IN_FLIGHT = 64
export const BULK = 1_000

function contestant({ servers, sized }, peer, bulk, other = {}) {
  const { title: known, enqueues } = peers[peer]
  const { variant, mark = '', suffix = '', server = peers[peer].server } = other
  const name = known + suffix
  const jobs = sized(enqueues)
  const run = () =>
    servers.withPlace(server, async (place) =>
      perJob(jobs, await play('enqueue', { peer, variant, place, jobs, width: IN_FLIGHT, bulk })),
    )
  const title = `${name}, ${bulk ? `${bulk} a call` : `${IN_FLIGHT} calls in flight`}`
  return { id: peer + mark, name, title, kind: bulk ? 'bulk' : 'single', jobs, run, tell: inWords }
}

export function contestants(context) {
  const singles = context.peers.map((peer) => contestant(context, peer, null))
  const others = { durabl: QUICK, bullmq: DURABLE }
  for (const [peer, other] of Object.entries(others))
    if (context.peers.includes(peer)) singles.push(contestant(context, peer, null, other))
  const able = context.peers.filter((peer) => peers[peer].bulk)
  return [...singles, ...able.map((peer) => contestant(context, peer, BULK))]
}
