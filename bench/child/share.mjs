/** One of several workers on one backlog, until it is stopped; notes how many jobs it got and what it grew to. */
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
  await start()
  await parent.stopped()
  clearInterval(timer)
  sample()
  await queue.close()
  return { handled, samples }
}
