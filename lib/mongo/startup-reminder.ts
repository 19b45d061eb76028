/**
 * Warns once when keys may be used and no index holds them. Before the first `startup()` makes the indexes, each enqueue under one key makes
 * a job of its own, and a schedule's occurrences overlap. Without the warning, that would show only when all of them have run.
 *
 * A process that only enqueues may leave `startup()` to its workers, so only the indexes count.
 */
import type { Collection } from 'mongodb'
import type { SafeLogger } from '../base/logger'

/** The unique ones, which hold the keys. */
const DEDUPE_INDEXES = [
  'dedupe_pending_active_idx',
  'dedupe_pending_idx',
  'dedupe_active_idx',
  'durabl_dedupe_until_idx',
]

/** The server's code for a missing collection. */
const NAMESPACE_NOT_FOUND = 26

export class StartupReminder {
  private hasStarted = false
  private hasLooked = false

  /** @param collection by the app's own client; null if it has none: then nothing is said */
  constructor(
    private readonly collection: () => Collection | null,
    private readonly logger: SafeLogger,
  ) {}

  /** `startup()` was called. */
  started(): void {
    this.hasStarted = true
  }

  /** A key is about to be used, perhaps by a schedule. Looks once, beside the call, which does not wait for it. */
  keyUsed(): void {
    if (this.hasStarted || this.hasLooked) return
    this.hasLooked = true
    const collection = this.collection()
    if (collection !== null) void this.look(collection)
  }

  private async look(collection: Collection): Promise<void> {
    let missing: readonly string[] = DEDUPE_INDEXES
    try {
      const names = (await collection.indexes()).map((index) => index.name)
      missing = DEDUPE_INDEXES.filter((name) => !names.includes(name))
    } catch (error) {
      // Other reasons that it can't be told are no matter of this warning.
      if ((error as { code?: unknown }).code !== NAMESPACE_NOT_FOUND) return
    }
    if (missing.length === 0 || this.hasStarted) return
    this.logger.warn(
      { collection: collection.namespace, missing },
      'dedupe keys are not enforced, as their indexes are missing: call `await queue.startup()` before the first enqueue',
    )
  }
}
