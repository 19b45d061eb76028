/** Makes a backlog, the quickest way that the peer has. */
import { batches, inFlight } from './in-flight.mjs'

const BATCH = 1_000
const WIDTH = 64

export default async function fill({ open, parent, jobs, delay }) {
  const queue = await open()
  await queue.setUp()
  await parent.ready()
  if (queue.addMany) {
    for (const datas of batches(jobs, BATCH)) await queue.addMany(datas, delay)
  } else {
    await inFlight(jobs, WIDTH, (n) => queue.add({ n }, delay))
  }
  await queue.close()
}
