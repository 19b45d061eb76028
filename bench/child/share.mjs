/** One of several workers on one backlog, until it is stopped; notes how many jobs it got, what they cost it and what it grew to. */
import { ownCpu } from './clock.mjs'

const MB = 1e6

export default async function share({ open, parent, concurrency, sampleEveryMs }) {
  const queue = await open()
  await queue.setUp()
  let handled = 0
  const start = await queue.prepare(() => void (handled += 1), concurrency)
  const samples = []
  const sample = () => {
    const { rss, heapTotal } = process.memoryUsage()
    samples.push([handled, ...[rss, heapTotal].map((bytes) => Math.round((bytes / MB) * 10) / 10)])
  }
  const timer = sampleEveryMs && setInterval(sample, sampleEveryMs)
  await parent.ready()
  const before = ownCpu()
  await start()
  await parent.stopped()
  const cpuMs = ownCpu() - before
  clearInterval(timer)
  sample()
  await queue.close()
  return { handled, cpuMs, samples }
}
