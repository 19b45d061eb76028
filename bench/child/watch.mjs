/** Waits for a backlog to be empty, beside those who empty it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { meter } from './clock.mjs'

const LOOK_EVERY_MS = 10

export default async function watch({ open, place, parent }) {
  const queue = await open()
  await parent.ready()
  const read = meter(place.pid)
  while (!(await queue.isEmpty())) await sleep(LOOK_EVERY_MS)
  const { seconds, serverCpuMs } = read()
  return { seconds, serverCpuMs }
}
