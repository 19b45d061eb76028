/**
 * Compares this checkout with another, both built: the price of a change, or the worth of a part. Each round measures both on one server, in
 * turn, and the ratio is that of the pairs.
 *
 *     node bench/against.mjs ../other                  a backlog, emptied by one worker
 *     node bench/against.mjs ../other --workers 4      by four processes
 *     node bench/against.mjs ../other --enqueue        single calls, 64 under way
 *     node bench/against.mjs . --without handOff       this one with and without an option of the backend
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { main } from '../scripts/terminal.mjs'
import { root } from '../scripts/process.mjs'
import { play } from './process.mjs'
import { inRounds } from './rounds.mjs'
import { IN_FLIGHT } from './sections/enqueue.mjs'
import { shared } from './sections/scale.mjs'
import { inWords, perJob } from './sections/throughput.mjs'
import { Servers } from './servers/all.mjs'
import { wholeNumber } from './standalone.mjs'
import { median, ratio } from './statistics.mjs'

const peer = 'durabl'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    workers: { type: 'string', default: '1' },
    concurrency: { type: 'string', default: '16' },
    jobs: { type: 'string', default: '40000' },
    rounds: { type: 'string', default: '9' },
    enqueue: { type: 'boolean', default: false },
    without: { type: 'string' },
  },
})
const [workers, concurrency, jobs, rounds] = ['workers', 'concurrency', 'jobs', 'rounds'].map((name) =>
  wholeNumber(values, name),
)
const other = resolve(positionals[0] ?? '.')
const SIDES = {
  here: { home: root },
  there: { home: other, settings: values.without ? { [values.without]: false } : {} },
}

async function emptied(place, variant) {
  await play('fill', { peer, place, jobs, delay: 0 })
  const { shares, ...spent } = await shared(place, workers, { variant, concurrency })
  return { ...perJob(jobs, spent), shares: shares.map(({ handled }) => handled) }
}

const enqueued = async (place, variant) =>
  perJob(jobs, await play('enqueue', { peer, variant, place, jobs, width: IN_FLIGHT, bulk: null }))

const FIGURES = { rate: 'jobs/s', cpu: 'µs of processor time a job', serverCpu: 'µs of the server a job' }

await main(async () => {
  const servers = new Servers()
  const measure = values.enqueue ? enqueued : emptied
  const contestants = Object.entries(SIDES).map(([id, variant]) => ({
    id,
    title: `${id}: ${variant.home}`,
    run: () => servers.withPlace('mongodb', (place) => measure(place, variant)),
    tell: inWords,
  }))
  try {
    const [here, there] = await inRounds(contestants, rounds)
    for (const [figure, unit] of Object.entries(FIGURES)) {
      const [of, to] = [here, there].map((side) => side.rounds.map((round) => round[figure]))
      const compared = ratio(of, to)
      const spread = `${compared.min.toFixed(2)} – ${compared.max.toFixed(2)}`
      console.log(
        `${unit}: ${median(of)} here, ${median(to)} there: ${compared.median.toFixed(3)} (${spread})`,
      )
    }
  } finally {
    await servers.stop()
  }
})
