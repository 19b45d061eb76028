/** One of several workers on one backlog, until it is stopped; notes how many jobs it got, and what they cost it. */
import { ownCpu } from './clock.mjs'

export default async function share({ open, parent, concurrency }) {
  const queue = await open()
  await queue.setUp()
  let handled = 0
  const start = await queue.prepare(() => void (handled += 1), concurrency)
  await parent.ready()
  const before = ownCpu()
  await start()
  await parent.stopped()
  const cpuMs = ownCpu() - before
  await queue.close()
  return { handled, cpuMs }
}
