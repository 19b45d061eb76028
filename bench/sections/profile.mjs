/** Where the server's time goes while durabl empties a backlog at its best setting, by the server's own profiler. */
import { play } from '../process.mjs'
import { say } from '../../scripts/terminal.mjs'
import { profiled } from './claim-attempts.mjs'

const peer = 'durabl'
export const involves = [peer]

export const CONCURRENCY = 16
const JOBS = 20_000

/** The steps of a job, and how to tell the commands of each: long ones are cut in the book, and kept as text. */
const STEPS = {
  'finding the next jobs': (op, text) => op === 'query' && /status\W+pending/.test(text),
  'making them active': (op, text) => op === 'update' && /status\W+pending/.test(text),
  'reading what was taken': (op, text) => op === 'query' && /claimToken/.test(text),
  'completing them': (op, text) => op === 'update' && /status\W+active/.test(text),
}

/** @returns for each step the `commands`, and their `ms` by the server's clock, without its waits for the journal */
export function bySteps(entries) {
  const steps = Object.fromEntries(Object.keys(STEPS).map((name) => [name, { commands: 0, ms: 0 }]))
  for (const { op, command, millis } of entries) {
    const text = JSON.stringify(command)
    const name = Object.keys(STEPS).find((step) => STEPS[step](op, text))
    if (!name) continue
    steps[name].commands += 1
    steps[name].ms += millis
  }
  return steps
}

export async function measure({ servers, sized }) {
  const jobs = sized(JOBS)
  return servers.withPlace('mongodb', async (place) => {
    await play('fill', { peer, place, jobs, delay: 0 })
    const drain = () => play('drain', { peer, place, jobs, concurrency: CONCURRENCY })
    const steps = bySteps(await profiled(place, drain, ['query', 'update']))
    for (const [name, { commands, ms }] of Object.entries(steps))
      say(`${name}: ${commands} commands, ${ms} ms`)
    return { jobs, steps }
  })
}
