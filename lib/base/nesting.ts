/** Tells an enqueue from inside a handler from every other one. */
import { AsyncLocalStorage } from 'node:async_hooks'

/** A handler at work inside `enqueue`, and the handler whose `enqueue` that was. */
interface Nesting {
  /** The owner of the count of handlers that it belongs to. */
  readonly owner: object
  readonly type: string
  readonly outer: Nesting | undefined
  /** True after the handler's end. A timer or the like that the handler left behind then enqueues from outside. */
  isOver: boolean
}

const CURRENT = new AsyncLocalStorage<Nesting | undefined>()
/** By the job that the handler is given. */
const NESTINGS = new WeakMap<object, Nesting>()

/** Notes that a handler is at work on this job inside `enqueue`, until `work` ends. */
export async function nesting<T>(
  owner: object,
  job: { readonly type: string },
  work: () => Promise<T>,
): Promise<T> {
  const own: Nesting = { owner, type: job.type, outer: CURRENT.getStore(), isOver: false }
  NESTINGS.set(job, own)
  try {
    return await work()
  } finally {
    own.isOver = true
  }
}

/** A handler whose enqueues are known to come from inside it, in any async context. */
export function nested<J extends object, A extends unknown[], R>(
  handler: (job: J, ...args: A) => R,
): (job: J, ...args: A) => R {
  return (job, ...args) => CURRENT.run(NESTINGS.get(job), handler, job, ...args)
}

/** True if a handler of this type is waiting for the code that asks. */
export function isWithin(owner: object, type: string): boolean {
  for (let outer = CURRENT.getStore(); outer !== undefined; outer = outer.outer) {
    if (!outer.isOver && outer.owner === owner && outer.type === type) return true
  }
  return false
}
