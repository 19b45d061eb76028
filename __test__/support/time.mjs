/**
 * Time that tests let pass. No other file does: a test that waits for something waits for that, by an event or by `pollUntil`. Time passes only
 * for work that a handler pretends to do, for states that have to last, and to see that something does not happen.
 */
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Lets time pass.
 *
 * @param ms how much
 * @param why what it is for, since it can be no event
 * @param options.signal ends it early, with the signal's error
 */
export function letPass(ms, why, { signal } = {}) {
  if (typeof why !== 'string' || why === '') throw new TypeError('say what the time is for')
  return sleep(ms, undefined, { signal })
}

/** The answer of a promise; null if it fails or takes longer than this. */
export async function answerWithin(ms, promise) {
  const enough = new AbortController()
  try {
    return await Promise.race([promise.catch(() => null), sleep(ms, null, { signal: enough.signal })])
  } finally {
    enough.abort()
  }
}

/**
 * A promise that is waited for, but not for ever; late, it fails with the error that `describe` makes. It takes real time where
 * timers are fake.
 *
 * @param options.ref whether the wait keeps the process alive
 */
export function inTime(ms, promise, describe, { ref = true } = {}) {
  const enough = new AbortController()
  const late = sleep(ms, undefined, { signal: enough.signal, ref }).then(() => Promise.reject(describe()))
  const first = Promise.race([promise, late]).finally(() => enough.abort())
  // It may be that nothing waits for it.
  first.catch(() => {})
  return first
}

/** The number of timers that hold the process now. */
export const heldTimers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
