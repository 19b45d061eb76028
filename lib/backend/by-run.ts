import { AsyncLocalStorage } from 'node:async_hooks'

const BY_RUN = new AsyncLocalStorage<boolean>()

/** Calls a method of a handle for the run of that handle, which reports the result of the call by itself. */
export function callByRun<R>(call: () => R): R {
  return BY_RUN.run(true, call)
}

/** True if a handle is used by its run, and not by its owner. A handle may be wrapped, so that its run calls it by a detour. */
export function isCalledByRun(): boolean {
  return BY_RUN.getStore() === true
}
