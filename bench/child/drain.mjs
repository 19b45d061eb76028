/** Empties a backlog: from the start of the worker until the store says that every job has ended. */
import { setTimeout as sleep } from 'node:timers/promises'
import { meter } from './clock.mjs'

const LOOK_EVERY_MS = 2

export default async function drain({ open, place, parent, jobs, concurrency }) {
  const queue = await open()
  await queue.setUp()
  let handled = 0
  let allHandled
  const last = new Promise((resolve) => (allHandled = resolve))
  const start = await queue.prepare(() => {
    handled += 1
    if (handled === jobs) allHandled()
  }, concurrency)
  await parent.ready()
  const read = meter(place.pid)
  await start()
  await last
  // The last handler has begun; what counts is that everything is recorded as done.
  while (!(await queue.isEmpty())) await sleep(LOOK_EVERY_MS)
  return { ...read(), handled }
}
