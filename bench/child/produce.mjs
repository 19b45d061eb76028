/** Adds jobs one by one, with pauses in which a worker falls idle, and notes when each call was made and when it resolved. */
import { setTimeout as sleep } from 'node:timers/promises'
import { now } from './clock.mjs'

/** @param pause how long to wait after each job, in milliseconds: a random time between these two */
export default async function produce({ open, parent, jobs, pause: [least, most], delays = [0] }) {
  const queue = await open()
  await queue.setUp()
  await queue.add({ n: -1 })
  await parent.ready()
  const calls = []
  for (let n = 0; n < jobs; n += 1) {
    const delay = delays[n % delays.length]
    const called = now()
    await queue.add({ n }, delay)
    calls.push({ n, delay, called, acknowledged: now() })
    await sleep(least + Math.random() * (most - least))
  }
  return { calls }
}
