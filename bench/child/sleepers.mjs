/** Handlers alone, without a queue, so many at once: no queue can beat them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { meter } from './clock.mjs'
import { inFlight } from './in-flight.mjs'

export default async function sleepers({ parent, jobs, concurrency, workMs }) {
  await parent.ready()
  const read = meter(null)
  await inFlight(jobs, concurrency, () => sleep(workMs))
  return read()
}
