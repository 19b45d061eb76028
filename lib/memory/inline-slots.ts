import { Deferred } from '../base/deferred'
import { isWithin } from '../base/nesting'

/** The handlers of one type. */
interface Count {
  running: number
  readonly waiting: Deferred<void>[]
}

/** Bounds how many handlers of a type run at once inside the calls that enqueued their jobs. */
export class InlineSlots {
  private readonly counts = new Map<string, Count>()

  /** Calls `work` in a slot of the type: at once if one is free, else when its turn comes. */
  async within<T>(type: string, concurrency: number, work: () => Promise<T>): Promise<T> {
    // The handler of that type waits for this very call: counted, the two would wait for each other.
    if (isWithin(this, type)) return work()
    const count = this.countOf(type)
    if (count.running >= concurrency) await turnOf(count)
    else count.running += 1
    try {
      return await work()
    } finally {
      leave(count)
    }
  }

  private countOf(type: string): Count {
    let count = this.counts.get(type)
    if (count === undefined) this.counts.set(type, (count = { running: 0, waiting: [] }))
    return count
  }
}

function turnOf(count: Count): Promise<void> {
  const turn = new Deferred<void>()
  count.waiting.push(turn)
  return turn.promise
}

/** A slot goes over to the next one in line, or is free. */
function leave(count: Count): void {
  const next = count.waiting.shift()
  if (next === undefined) count.running -= 1
  else next.resolve()
}
