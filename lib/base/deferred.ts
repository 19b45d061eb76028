/** A promise that is settled from outside. No code has to wait for it: a rejection alone never counts as unhandled. */
export class Deferred<T> {
  readonly promise: Promise<T>
  resolve!: (value: T) => void
  reject!: (error: unknown) => void

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    void unwatched(this.promise)
  }
}

/**
 * A promise that may go without a reader: a failure of `setInterval(() => ctx.heartbeat(), …)` in an outage must not end the process. Code
 * that awaits it still gets the rejection.
 */
export function unwatched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}
