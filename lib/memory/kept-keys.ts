import type { StoredJob } from './stored-job'

/** Dedupe keys that jobs keep for a time, even when they have ended. At most one job keeps a key. */
export class KeptKeys {
  private readonly keepers = new Map<string, StoredJob>()

  keep(stored: StoredJob): void {
    const { dedupeKey } = stored.job
    if (dedupeKey === undefined) return
    // One that has kept it for long enough lets go of it.
    delete this.keepers.get(dedupeKey)?.job.dedupeUntil
    this.keepers.set(dedupeKey, stored)
  }

  /** The job that keeps the key, which may not be stored any more; null if none does. */
  keeperOf(dedupeKey: string, now: number): StoredJob | null {
    const keeper = this.keepers.get(dedupeKey)
    const until = keeper?.job.dedupeUntil
    return keeper !== undefined && until !== undefined && until.getTime() > now ? keeper : null
  }

  clear(): void {
    this.keepers.clear()
  }
}
