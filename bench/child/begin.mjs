/** The first jobs of a backlog: from the start of the worker until the last of them starts. The rest is given back. */
import { meter } from './clock.mjs'

export default async function begin({ open, place, parent, jobs, concurrency }) {
  const queue = await open()
  await queue.setUp()
  let handled = 0
  let enough
  const all = new Promise((resolve) => (enough = resolve))
  const start = await queue.prepare(() => {
    handled += 1
    if (handled === jobs) enough()
  }, concurrency)
  await parent.ready()
  const read = meter(place.pid)
  await start()
  await all
  const measured = read()
  await queue.close()
  return measured
}
