/** One process that adds jobs, many calls under way, and runs them: until the last has ended. */
import { setTimeout as sleep } from 'node:timers/promises'
import { meter } from './clock.mjs'
import { inFlight } from './in-flight.mjs'

const LOOK_EVERY_MS = 2

/** @param types how many types the jobs are of; one without it */
export default async function both({ open, place, parent, jobs, concurrency, width, types }) {
  const queue = await open()
  await queue.setUp()
  let handled = 0
  let allHandled
  const last = new Promise((resolve) => (allHandled = resolve))
  const handle = () => {
    handled += 1
    if (handled === jobs) allHandled()
  }
  const prepared = types
    ? await queue.prepareTypes(types, handle, concurrency)
    : await queue.prepare(handle, concurrency)
  await parent.ready()
  const read = meter(place.pid)
  await prepared()
  await inFlight(jobs, width, (n) => (types ? queue.addOf(n % types, { n }) : queue.add({ n })))
  await last
  while (!types && !(await queue.isEmpty())) await sleep(LOOK_EVERY_MS)
  return { ...read(), rssMB: process.memoryUsage().rss / 1e6 }
}
