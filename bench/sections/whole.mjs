/**
 * Shows whether a large backlog goes as quickly as a small one: all of it, until the store says that every job has ended. The same is measured
 * for a tuned server and for the bare loop. Where these lose as well, the server is the cause.
 */
import { peers } from '../peers/all.mjs'
import { play } from '../process.mjs'
import { runReference } from '../reference.mjs'
import { settle } from '../settle.mjs'
import { inWords as spentInWords, perJob } from './throughput.mjs'

const peer = 'durabl'
export const involves = [peer]

export const CONCURRENCY = 100
export const BATCH = 1_000
const MANY = 1_000_000
const FEW = 10_000
/** They take less than a second: a checkpoint of the server that falls into one of them must not decide. */
const TIMES_FEW = 3
const LONG_MS = 900_000
const SAMPLE_EVERY_MS = 1_000

/** The rates of the first and of the last tenth, from the seconds after which each of the tenths had started. */
export function tenths(jobs, marks) {
  const rate = (from, to) => Math.round(jobs / marks.length / (to - from))
  return { firstTenth: rate(0, marks[0]), lastTenth: rate(marks.at(-2), marks.at(-1)) }
}

/** Makes a backlog and empties it. */
function once({ servers }, { server, drain }, jobs) {
  return servers.withPlace(server, async (place) => {
    await play('fill', { peer, place, jobs, delay: 0 }, LONG_MS)
    await settle(place)
    return drain(place, jobs)
  })
}

/** The middle one, by its rate, of several runs on a small backlog. */
async function few(context, how, jobs) {
  const measured = []
  for (let time = 0; time < TIMES_FEW; time += 1) measured.push(perJob(jobs, await once(context, how, jobs)))
  return measured.sort((a, b) => a.rate - b.rate)[Math.floor(TIMES_FEW / 2)]
}

async function many(context, how, jobs) {
  const { marks, samples, ...spent } = await once(context, how, jobs)
  return { ...perJob(jobs, spent), ...tenths(jobs, marks), samples }
}

function ways({ reference }) {
  const byDurabl = (sampleEveryMs) => (place, jobs) =>
    play('drain', { peer, place, jobs, concurrency: CONCURRENCY, sampleEveryMs }, LONG_MS)
  const { server, tunedServer } = peers[peer]
  const list = [
    { id: 'durabl', name: 'durabl', server, drain: byDurabl(SAMPLE_EVERY_MS) },
    { id: 'durabl-tuned', name: 'durabl, tuned server', server: tunedServer, drain: byDurabl() },
  ]
  if (!reference) return list
  const byLoop = (place, jobs) => runReference(reference, 'mongodb', place, jobs, BATCH)
  return [...list, { id: 'mongodb', name: `MongoDB itself, batches of ${BATCH}`, server, drain: byLoop }]
}

const inWords = ({ firstTenth, lastTenth, ...spent }) =>
  spentInWords(spent) + (firstTenth ? `, first tenth ${firstTenth} jobs/s, last ${lastTenth}` : '')

export function contestants(context) {
  const sizes = [
    { size: 'few', jobs: context.sized(FEW), measure: few },
    { size: 'many', jobs: context.sized(MANY), measure: many },
  ]
  return sizes.flatMap(({ size, jobs, measure }) =>
    ways(context).map((how) => {
      const { id, name } = how
      const title = `${name}, ${jobs.toLocaleString('en-US')} jobs`
      return { id, name, title, size, jobs, run: () => measure(context, how, jobs), tell: inWords }
    }),
  )
}
