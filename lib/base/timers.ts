import { setImmediate as realSetImmediate } from 'node:timers'

/** The longest delay that timers take; a longer one would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1

/** Stops a timer. Harmless when it has fired. */
export type Cancel = () => void

/**
 * Runs `callback` once, `delayMs` from now. The global timer is looked up at every call. So a test that has replaced it (Jest's, Vitest's and
 * Node's fake timers) is in charge of the time here too.
 */
export function after(delayMs: number, callback: () => void): Cancel {
  const timer = globalThis.setTimeout(callback, Math.min(delayMs, MAX_DELAY_MS))
  return () => globalThis.clearTimeout(timer)
}

/** As {@link after}, but keeps no process alive: for work that matters only while the process lives anyway. */
export function afterIfAlive(delayMs: number, callback: () => void): Cancel {
  const timer = globalThis.setTimeout(callback, Math.min(delayMs, MAX_DELAY_MS))
  // Fake timers, and those of a browser-like test environment, may be plain numbers.
  if (typeof timer === 'object' && typeof timer.unref === 'function') timer.unref()
  return () => globalThis.clearTimeout(timer)
}

/**
 * Waits for `promise`, but never longer than `limitMs`. True if it settled in time. The caller looks at the result, and a rejection is not
 * rethrown.
 */
export function settlesWithin(promise: PromiseLike<unknown>, limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = after(Math.max(0, limitMs), () => resolve(false))
    const settled = () => {
      cancel()
      resolve(true)
    }
    promise.then(settled, settled)
  })
}

/** Taken before any test can replace it: a duration is a fact even if the time is faked. The first use of `performance` would take 0.7 ms. */
const { hrtime } = process

/** Monotonic milliseconds, for durations. */
export function monotonicNow(): number {
  const [seconds, nanoseconds] = hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}

/** Runs `callback` once all microtasks that are due have run. Never faked. */
export const afterMicrotasks: (callback: () => void) => void = process.nextTick.bind(process)

/** Runs `callback` after the event loop had its turn for timers and I/O. Never faked. */
export function afterIo(callback: () => void): void {
  realSetImmediate(callback)
}
