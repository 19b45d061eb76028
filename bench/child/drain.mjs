/**
 * Empties a backlog: from the start of the worker until the store says that every job has ended. Also when each tenth of it had
 * started, and, if asked for, what the process grew to meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { meter, now } from './clock.mjs'
import { watchMemory } from './memory.mjs'

const LOOK_EVERY_MS = 2
const PARTS = 10

/** @param workMs how long a handler takes; no time without it */
export default async function drain({ open, place, parent, jobs, concurrency, sampleEveryMs, workMs }) {
  const queue = await open()
  await queue.setUp()
  let handled = 0
  const moments = []
  let allHandled
  const last = new Promise((resolve) => (allHandled = resolve))
  const start = await queue.prepare(() => {
    handled += 1
    while (moments.length < PARTS && handled * PARTS >= jobs * (moments.length + 1)) moments.push(now())
    if (handled === jobs) allHandled()
    return workMs && sleep(workMs)
  }, concurrency)
  await parent.ready()
  const read = meter(place.pid)
  const begun = now()
  const samples = sampleEveryMs && watchMemory(sampleEveryMs, () => handled)
  await start()
  await last
  // The last handler has begun; what counts is that everything is recorded as done.
  while (!(await queue.isEmpty())) await sleep(LOOK_EVERY_MS)
  const spent = read()
  return { ...spent, marks: moments.map((moment) => (moment - begun) / 1000), samples: samples?.() }
}
