/** Many callers at once after one key, in a worker: every way to make a job and every way to end one. */
import { letPass } from '../time.mjs'

const WORK_MS = 4

const ENDS = [
  (handle) => handle.complete(),
  (handle) => handle.fail('it went wrong'),
  (handle) => handle.release(),
  (handle) => handle.failFatal('it went very wrong'),
]

/**
 * @param call.count how many calls are made at once
 * @param call.options of each of them
 * @param call.always `runClaimed` if every handle is to be run by it
 * @returns when the calls began that found the key held
 */
export async function race({ type, count, options, always }, { queue, tell }) {
  const held = []

  async function work({ id, attempt }) {
    tell('started', { job: id, attempt, key: options.dedupeKey })
    await letPass(Math.random() * WORK_MS, 'work')
    tell('ended', { job: id, attempt, key: options.dedupeKey })
  }

  async function runByHand(handle, n) {
    if (always === 'runClaimed' || n % 5 === 0) return queue.runClaimed(handle, work)
    await work(handle)
    return ENDS[n % ENDS.length](handle)
  }

  async function one(n) {
    const began = tell.now()
    const made = n % 2 ? await queue.enqueue(type, n, options) : await queue.claimOrEnqueue(type, n, options)
    if (made === null) held.push(began)
    else if (n % 2 === 0) await runByHand(made, n)
  }

  await Promise.all(Array.from({ length: count }, (_, n) => one(n)))
  return { held, made: count - held.length }
}
