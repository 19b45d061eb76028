/** Adds jobs: one by one with many calls under way, or by the bulk call, one after the other. */
import { meter } from './clock.mjs'
import { batches, inFlight } from './in-flight.mjs'

export default async function enqueue({ open, place, parent, jobs, width, bulk }) {
  const queue = await open()
  await queue.setUp()
  await queue.add({ n: -1 })
  await parent.ready()
  const read = meter(place.pid)
  if (bulk) {
    for (const datas of batches(jobs, bulk)) await queue.addMany(datas)
  } else {
    await inFlight(jobs, width, (n) => queue.add({ n }))
  }
  return read()
}
