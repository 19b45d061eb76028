import { clearInterval, setInterval } from 'node:timers'
import type { ClientSession } from 'mongodb'
import { hasSentNothing } from '../backend/session-state'
import { monotonicNow } from '../base/timers'

/** The holder of a lease gives up a tenth before its end. */
const HOLDERS_SHARE = 9 / 10
/** The least by which the lease is longer than the longest transaction. */
const MARGIN_MS = 1000

/** The length of a lease under which no transaction outlives the time that its holder believes in. */
export function leaseFor(longestTransactionMs: number): number {
  return Math.ceil(longestTransactionMs / HOLDERS_SHARE) + MARGIN_MS
}

/**
 * Keeps a lease longer than the rest of its transaction. It is renewed before each attempt, and on while an attempt has sent nothing to the
 * server, which counts from the first operation. From then on only the transaction writes to the job.
 */
export class TransactionLease {
  /** The age that a renewal may have when a transaction begins. */
  private readonly freshMs: number
  private renewedAt = -Infinity
  private renewal: Promise<void> | null = null

  /**
   * @param renew makes the lease long again, or throws
   * @param leaseMs the length of the lease
   * @param longestMs the longest life of a transaction, from its first operation
   */
  constructor(
    private readonly renew: () => Promise<void>,
    leaseMs: number,
    longestMs: number,
  ) {
    this.freshMs = leaseMs * HOLDERS_SHARE - longestMs
  }

  /** @throws the error of the renewal, if one was needed */
  async freshen(): Promise<void> {
    if (monotonicNow() - this.renewedAt <= this.freshMs) return
    this.renewal ??= this.renewNow().finally(() => (this.renewal = null))
    await this.renewal
  }

  /** Runs the function of an attempt. */
  async around<T>(session: ClientSession, work: () => T | PromiseLike<T>): Promise<T> {
    // After a failure here, the next renewal or the completion shows the loss.
    const keep = () => void (hasSentNothing(session) && this.freshen().catch(() => {}))
    // Never faked: the server's time isn't either.
    const timer = setInterval(keep, this.freshMs / 2)
    timer.unref()
    try {
      return await work()
    } finally {
      clearInterval(timer)
      // A renewal that overtakes the completion would make it conflict.
      await this.renewal?.catch(() => {})
    }
  }

  private async renewNow(): Promise<void> {
    const sentAt = monotonicNow()
    await this.renew()
    this.renewedAt = sentAt
  }
}
