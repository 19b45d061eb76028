/** A worker whose handlers never end. */
import { now } from './clock.mjs'

/** @param holds whether it is ready once it has a job, and stays until it is killed; else it tells when its handler starts */
export default async function hang({ open, parent, concurrency, holds }) {
  const queue = await open()
  await queue.setUp()
  let begun
  const started = new Promise((resolve) => (begun = resolve))
  const start = await queue.prepare(() => {
    begun(now())
    return new Promise(() => {})
  }, concurrency)
  await start()
  if (holds) await started
  await parent.ready()
  if (holds) await parent.stopped()
  return { startedAt: await started }
}
