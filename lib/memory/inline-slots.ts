import { Deferred } from '../base/deferred'
import { isWithin } from '../base/nesting'

/** The handlers of one type. */
interface Count {
  limit: number
  running: number
  /** Calls in line; each learns if its turn has come, or none will. */
  readonly waiting: Deferred<boolean>[]
}

/** Bounds the handlers of a type that run at once inside the calls that enqueued their jobs. */
export class InlineSlots {
  private readonly counts = new Map<string, Count>()

  /** Sets the number that run at once from now on. With 0, the calls in line leave it. */
  limit(type: string, limit: number): void {
    const count = this.countOf(type)
    count.limit = limit
    if (limit === 0) for (const turn of count.waiting.splice(0)) turn.resolve(false)
    while (count.running < limit && count.waiting.length > 0) {
      count.running += 1
      count.waiting.shift()!.resolve(true)
    }
  }

  /** Calls `work` in a slot of the type: at once if one is free, else when its turn comes. Null if none will. */
  async within<T>(type: string, work: () => Promise<T>): Promise<T | null> {
    const count = this.countOf(type)
    if (count.limit === 0) return null
    // The handler of that type waits for this very call: counted, the two would wait for each other.
    if (isWithin(this, type)) return work()
    if (count.running < count.limit) count.running += 1
    else if (!(await turnOf(count))) return null
    try {
      return await work()
    } finally {
      leave(count)
    }
  }

  private countOf(type: string): Count {
    let count = this.counts.get(type)
    if (count === undefined) this.counts.set(type, (count = { limit: Infinity, running: 0, waiting: [] }))
    return count
  }
}

function turnOf(count: Count): Promise<boolean> {
  const turn = new Deferred<boolean>()
  count.waiting.push(turn)
  return turn.promise
}

/** A slot goes over to the next one in line, or is free. */
function leave(count: Count): void {
  const next = count.running > count.limit ? undefined : count.waiting.shift()
  if (next === undefined) count.running -= 1
  else next.resolve(true)
}
