/**
 * The queues that work on a backend: with a processor, a reaper or a run in progress. The backend ends with the last of them, so that a
 * queue which is shut down does not end the work of another.
 */
import type { IJobQueueBackend } from '../types'

/** Work that goes on until a call ends it. */
type Lasting = 'processors' | 'reaper'

/** One queue's part. Held weakly: a queue that the app has dropped must not keep a backend open. */
export class Share {
  private runs = 0
  private readonly lasting = new Set<Lasting>()
  private hasLeft = false

  constructor(private readonly backend: IJobQueueBackend) {
    const shares = SHARES.get(backend) ?? new Set()
    SHARES.set(backend, shares)
    for (const share of shares) if (share.deref() === undefined) shares.delete(share)
    shares.add(new WeakRef(this))
  }

  begin(what: Lasting): void {
    this.lasting.add(what)
  }

  end(what: Lasting): void {
    this.lasting.delete(what)
  }

  /** A run counts while it is in progress. */
  async during<T>(run: () => Promise<T>): Promise<T> {
    this.runs += 1
    try {
      return await run()
    } finally {
      this.runs -= 1
    }
  }

  /** This queue has ended. True if the backend may end: no other queue works on it. In one step, as two may end at the same time. */
  leave(): boolean {
    this.hasLeft = true
    const others = [...(SHARES.get(this.backend) ?? [])].map((share) => share.deref())
    return !others.some((other) => other?.isAtWork === true)
  }

  private get isAtWork(): boolean {
    return !this.hasLeft && (this.lasting.size > 0 || this.runs > 0)
  }
}

const SHARES = new WeakMap<object, Set<WeakRef<Share>>>()
