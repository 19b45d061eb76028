/** A worker that notes when each job starts, until all of them have. */
import { now } from './clock.mjs'

export default async function consume({ open, parent, jobs, concurrency }) {
  const queue = await open()
  await queue.setUp()
  const starts = new Map()
  let enough
  const all = new Promise((resolve) => (enough = resolve))
  const start = await queue.prepare(({ n }) => {
    const at = now()
    // The job below zero only warms up.
    if (n >= 0 && !starts.has(n)) starts.set(n, at)
    if (starts.size === jobs) enough()
  }, concurrency)
  await start()
  await parent.ready()
  await all
  return { starts: [...starts] }
}
