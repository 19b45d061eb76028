/** Replies that many pages request at once and that may be a moment old. */

interface Kept<T> {
  readonly at: number
  readonly value: Promise<T>
}

/** Keeps no more than this many replies, the newest. */
const MOST = 200

/**
 * One reply for all requests within `maxAgeMs`: however many pages are open, the database is asked once. Nothing is asked while there is no
 * page. A failure is kept just as long, so that a server that is away is not asked by each page anew.
 */
export class Memo<T> {
  private readonly kept = new Map<string, Kept<T>>()

  constructor(
    private readonly maxAgeMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get(key: string, ask: () => Promise<T>): Promise<T> {
    const before = this.kept.get(key)
    if (before !== undefined && this.now() - before.at < this.maxAgeMs) return before.value
    const value = ask()
    // Callers hear of the rejection; without one it must not be an unhandled rejection.
    value.catch(() => {})
    this.kept.delete(key)
    this.kept.set(key, { at: this.now(), value })
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= MOST) break
      this.kept.delete(oldest)
    }
    return value
  }

  /** After something was changed by this process. */
  clear(): void {
    this.kept.clear()
  }
}
