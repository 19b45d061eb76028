/** A promise that is settled from outside. Nobody has to wait for it: a rejection alone never counts as unhandled. */
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
 * A promise that nobody has to wait for: that `setInterval(() => ctx.heartbeat(), …)` fails in an outage must not end the
 * process. Whoever waits still hears of it.
 */
export function unwatched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}
