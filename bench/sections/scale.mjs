/** durabl where there is a lot: the first jobs of large backlogs, and several workers. All of such a backlog is `whole.mjs`. */
import { inRounds } from '../rounds.mjs'
import { play, start } from '../process.mjs'
import { say } from '../../scripts/terminal.mjs'
import { claimAttempts, profiled } from './claim-attempts.mjs'
import { inWords, perJob } from './throughput.mjs'

const peer = 'durabl'
export const involves = [peer]

const MILLION = 1_000_000
/** The number of jobs over which the rate is measured, whatever lies behind. */
const FIRST = 10_000
/** They take less than a second: a checkpoint of the server that falls into one of them must not decide. */
const TIMES_FIRST = 3
/** Enough that what four processes need to get going is a small part of it. */
const SHARED = 200_000
const CONCURRENCY = 100
const SHARED_CONCURRENCY = 16
const LONG_MS = 900_000
const FAR_OFF_MS = 30 * 24 * 3_600_000

const fill = (place, jobs, delay = 0) => play('fill', { peer, place, jobs, delay }, LONG_MS)

/** The first jobs of a backlog. */
async function first(place, jobs) {
  return perJob(jobs, await play('begin', { peer, place, jobs, concurrency: CONCURRENCY }))
}

/** So many workers on one backlog, until it is empty. */
export async function shared(place, workers, { variant, concurrency = SHARED_CONCURRENCY } = {}) {
  const request = { peer, variant, place, concurrency }
  const started = Array.from({ length: workers }, () => start('share', request, LONG_MS))
  const watcher = start('watch', { peer, place }, LONG_MS)
  await Promise.all([...started, watcher].map(({ ready }) => ready))
  for (const { go } of [...started, watcher]) go()
  const { seconds, serverCpuMs } = await watcher.result
  for (const { stop } of started) stop()
  const shares = await Promise.all(started.map(({ result }) => result))
  const cpuMs = shares.reduce((sum, share) => sum + share.cpuMs, 0)
  return { seconds, cpuMs, serverCpuMs, shares }
}

/** The same jobs with nothing behind them, with many, and with many more that wait for later. */
function backlogs(servers, jobs, many, { large, future }) {
  const alone = () =>
    servers.withPlace('mongodb', async (place) => {
      await fill(place, jobs)
      return first(place, jobs)
    })
  const contestant = (id, name, run) => ({ id, name, title: name, jobs, run, tell: inWords })
  const behind = `a backlog of ${many.toLocaleString('en-US')}`
  return [
    contestant('alone', `a backlog of ${jobs.toLocaleString('en-US')}`, alone),
    contestant('large', behind, () => first(large, jobs)),
    contestant('future', `${behind}, as many beside it for later`, () => first(future, jobs)),
  ]
}

function workers(servers, jobs) {
  return [1, 4].map((count) => {
    const name = `${count} worker process${count > 1 ? 'es' : ''}`
    const run = () =>
      servers.withPlace('mongodb', async (place) => {
        await fill(place, jobs)
        const { shares, ...spent } = await shared(place, count)
        return { ...perJob(jobs, spent), shares: shares.map(({ handled }) => handled) }
      })
    const tell = (measured) => `${inWords(measured)}, shares ${measured.shares.join(', ')}`
    return { id: `workers-${count}`, name, title: name, jobs, run, tell }
  })
}

function attempts(servers, jobs) {
  return servers.withPlace('mongodb', async (place) => {
    await fill(place, jobs)
    const entries = await profiled(place, () => shared(place, 4))
    const counted = claimAttempts(entries)
    say(`${counted.tried} claim attempts for ${jobs} jobs by 4 workers, in ${counted.commands} commands`)
    return { jobs, ...counted }
  })
}

/** All of it; takes some minutes. */
export async function measure({ servers, sized, runs }) {
  const [many, few, some] = [MILLION, FIRST, SHARED].map(sized)
  return servers.withPlace('mongodb', (large) =>
    servers.withPlace('mongodb', async (future) => {
      say(`making three times ${many} jobs`)
      await fill(large, many)
      await fill(future, many, FAR_OFF_MS)
      await fill(future, many)
      const rates = await inRounds(backlogs(servers, few, many, { large, future }), TIMES_FIRST * runs)
      const together = await inRounds(workers(servers, some), runs)
      return { rates, workers: together, attempts: await attempts(servers, some) }
    }),
  )
}
