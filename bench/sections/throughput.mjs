/** Emptying a backlog of empty jobs with one worker process, and the processor time that it takes. */
import { peers } from '../peers/all.mjs'
import { play } from '../process.mjs'
import { runReference } from '../reference.mjs'

export const CONCURRENCIES = [1, 16, 100]
const BATCHES = [200, 1_000]

/** A round's figures: jobs a second, and microseconds of processor time a job. */
export function perJob(jobs, { seconds, cpuMs, serverCpuMs }) {
  const micros = (ms) => (ms === null ? null : Math.round((ms * 1e4) / jobs) / 10)
  return { rate: Math.round(jobs / seconds), cpu: micros(cpuMs), serverCpu: micros(serverCpuMs ?? null) }
}

export const inWords = ({ rate, cpu, serverCpu }) =>
  `${rate} jobs/s, ${cpu} µs a job${serverCpu === null ? '' : `, server ${serverCpu} µs`}`

/** durabl as durable as Redis usually is, and BullMQ as durable as durabl. */
export const QUICK = {
  variant: { quick: true },
  mark: '-quick',
  suffix: ', acknowledged before it is on disk',
}
export const DURABLE = {
  server: peers.bullmq.durableServer,
  mark: '-durable',
  suffix: ', acknowledged once it is on disk',
}

function contestant({ servers, sized }, peer, concurrency, other = {}) {
  const { title, sizes } = peers[peer]
  const { variant, mark = '', suffix = '', server = peers[peer].server } = other
  const jobs = sized(sizes[concurrency])
  const run = () =>
    servers.withPlace(server, async (place) => {
      await play('fill', { peer, place, jobs, delay: 0 })
      return perJob(jobs, await play('drain', { peer, variant, place, jobs, concurrency }))
    })
  return {
    id: `${peer}${mark}`,
    name: `${title}${suffix}`,
    title: `${title}${suffix}, concurrency ${concurrency}`,
    concurrency,
    jobs,
    run,
    tell: inWords,
  }
}

function reference({ servers, sized, reference: path }, what, width, known) {
  const jobs = sized(peers.durabl.sizes[16])
  const run = () =>
    servers.withPlace('mongodb', async (place) => {
      await play('fill', { peer: 'durabl', place, jobs, delay: 0 })
      return perJob(jobs, await runReference(path, what, place, jobs, width))
    })
  return { ...known, jobs, run, tell: inWords }
}

/** All contestants; those of one concurrency stand together. */
export function contestants(context) {
  const list = context.concurrencies.flatMap((concurrency) => {
    const rows = context.peers.map((peer) => contestant(context, peer, concurrency))
    if (context.peers.includes('bullmq')) rows.push(contestant(context, 'bullmq', concurrency, DURABLE))
    if (!context.peers.includes('durabl')) return rows
    const push = { variant: { push: true }, mark: '-push', suffix: ' with change streams' }
    const tuned = { server: peers.durabl.tunedServer, mark: '-tuned', suffix: ', tuned server' }
    for (const other of [push, tuned, QUICK]) rows.push(contestant(context, 'durabl', concurrency, other))
    if (context.reference) {
      const known = { id: 'engine', name: 'durabl’s engine, no JavaScript', concurrency }
      const title = `${known.name}, concurrency ${concurrency}`
      rows.push(reference(context, 'engine', concurrency, { ...known, title }))
    }
    return rows
  })
  if (!context.reference) return list
  const bare = BATCHES.map((batch) => {
    const name = `MongoDB itself, batches of ${batch}`
    return reference(context, 'mongodb', batch, { id: `mongodb-${batch}`, name, title: name, batch })
  })
  return [...list, ...bare]
}
