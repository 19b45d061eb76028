import { setImmediate as realImmediate } from 'node:timers/promises'
import { inTime } from './time.mjs'

/** A promise with its resolvers. */
export function deferred() {
  let resolve
  let reject
  const promise = new Promise((res, rej) => {
    resolve = res
    reject = rej
  })
  return { promise, resolve, reject }
}

/** Never settles. */
export const never = () => new Promise(() => {})

/** Lets everything happen that waits for nothing but other promises. Works under fake timers. */
export async function settled() {
  for (let i = 0; i < 5; i += 1) await realImmediate()
}

/** No event takes so long, on a busy machine neither: the test must not hang until its file is given up. */
const PATIENCE_MS = 60_000

/** Collects events, and lets a test wait for one. */
export function eventLog() {
  const events = []
  const waiters = new Set()
  const listener = (event) => {
    events.push(event)
    for (const waiter of [...waiters]) waiter(event)
  }
  const kinds = () => events.map((event) => event.kind)
  const next = (kind, match = () => true) => {
    const fits = (event) => event.kind === kind && match(event)
    const seen = events.find(fits)
    if (seen) return Promise.resolve(seen)
    const arrival = new Promise((resolve) => {
      const waiter = (event) => {
        if (!fits(event)) return
        waiters.delete(waiter)
        resolve(event)
      }
      waiters.add(waiter)
    })
    const late = () => new Error(`waited in vain for "${kind}"; there was: ${kinds()}`)
    return inTime(PATIENCE_MS, arrival, late, { ref: false })
  }
  return { events, listener, next, kinds }
}
