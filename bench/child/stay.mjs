/** A worker that has nothing to do, until it is stopped: what it holds in memory then. */
export default async function stay({ open, parent, concurrency }) {
  const queue = await open()
  await queue.setUp()
  const start = await queue.prepare(() => {}, concurrency)
  await start()
  await parent.ready()
  await parent.stopped()
  return { rssMB: process.memoryUsage().rss / 1e6 }
}
