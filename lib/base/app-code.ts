/**
 * The one place from which this package calls into the app: its handlers, listeners and loggers.
 *
 * Each call has an async context of its own, a copy of the one in which the app handed its function over. So a store that the app enters
 * there (`AsyncLocalStorage.enterWith`, as agents and middlewares do) ends with the call and the work that it began. Without that, the
 * next call would see it: calls of different jobs come from one callback of the engine, or from one another's ends.
 */
import { AsyncResource } from 'node:async_hooks'

const NAME = 'durabl'

/**
 * A function of the app that is called in copies of the current async context. It may throw, as the function itself.
 *
 * The copy is a new resource per call. Up to Node.js 22 a store that is entered stays on the resource, so a shared one would keep it.
 */
export function isolated<A extends unknown[], R>(call: (...args: A) => R): (...args: A) => R {
  // It stands for a context, and holds nothing open; but Jest would report it with `--detectOpenHandles`.
  const origin = newResource().emitDestroy()
  return (...args) => origin.runInAsyncScope(callApart<A, R>, undefined, call, args)
}

/** Calls into the app in a copy of the current async context, for calls without an origin of their own. */
export function apart<R>(call: () => R): R {
  return callApart(call, [])
}

function callApart<A extends unknown[], R>(call: (...args: A) => R, args: A): R {
  const resource = newResource()
  try {
    return resource.runInAsyncScope(call, undefined, ...args)
  } finally {
    resource.emitDestroy()
  }
}

const OPTIONS = { requireManualDestroy: true }
const newResource = () => new AsyncResource(NAME, OPTIONS)

/**
 * A listener of the app that never harms its caller.
 *
 * @param failed called if it throws, or is asynchronous and rejects
 */
export function isolatedListener<T>(
  listener: (value: T) => unknown,
  failed: (err: unknown) => void,
): (value: T) => void {
  const call = isolated(listener)
  return (value) => {
    try {
      watch(call(value), failed)
    } catch (err) {
      failed(err)
    }
  }
}

/** Hears of the rejection of a promise that the app returned, even of one that is not Node.js's own. */
export function watch(returned: unknown, failed: (err: unknown) => void): void {
  if (typeof returned !== 'object' || returned === null || !('then' in returned)) return
  Promise.resolve(returned).catch(failed)
}
