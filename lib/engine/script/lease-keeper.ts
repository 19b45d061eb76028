import { afterIfAlive, monotonicNow } from '../../base/timers'
import type { Cancel } from '../../base/timers'
import type { HeartbeatResult, LeaseOperation } from '../../types'

/** The length of a lease, and the time between two renewals. */
export interface LeaseTerms {
  readonly visibilityTimeoutMs: number
  readonly heartbeatIntervalMs: number
}

/** The claim whose lease is kept. */
export interface KeptClaim {
  /** False while a verdict is on its way: it ends the lease itself, and its reply tells if it still had one. */
  readonly needsLease: boolean
  renew(): Promise<HeartbeatResult>
  leaseLost(op: LeaseOperation): void
  renewalFailed(err: unknown): void
}

/** The owner gives up this much before the backend would take the lease away, at most; for short leases, a tenth of them. */
const MARGIN_MS = 1000

/**
 * Renews the lease of one claim by ordinary timers, and declares it lost when it can no longer be sure of it.
 *
 * The deadline is counted from before the claim or the renewal was *sent*. If the reply takes long, the backend may have counted from any
 * moment since.
 */
export class LeaseKeeper {
  private stopped = false
  private suspended = false
  /** The renewal that is on its way, or the last one. */
  private beating: Promise<unknown> = Promise.resolve()
  private cancelBeat: Cancel | null = null
  private cancelDeadline: Cancel | null = null

  constructor(
    private readonly claim: KeptClaim,
    private readonly terms: LeaseTerms,
  ) {}

  /**
   * A lease that is over when the reply to its claim arrives is lost at once: as after a process was frozen.
   *
   * @param sentAt when the claim was sent, on the monotonic clock
   */
  start(sentAt: number): void {
    const left = this.leaseMs() - (monotonicNow() - sentAt)
    if (left <= 0) return this.lose('heartbeat-deadline')
    this.cancelDeadline = this.deadlineIn(left)
    this.beatIn(this.terms.heartbeatIntervalMs)
  }

  stop(): void {
    this.stopped = true
    this.cancelBeat?.()
    this.cancelDeadline?.()
  }

  /** Renews once more, and then not until {@link resume}: a transaction is about to write to the job. */
  async suspend(): Promise<HeartbeatResult> {
    this.suspended = true
    this.cancelBeat?.()
    // One that is on its way could arrive after the transaction has begun.
    await this.beating.catch(() => {})
    return this.beat()
  }

  /** Renews, and goes on renewing, even if this renewal fails. */
  async resume(): Promise<HeartbeatResult> {
    try {
      return await this.beat()
    } finally {
      this.suspended = false
      if (!this.stopped) this.beatIn(this.terms.heartbeatIntervalMs)
    }
  }

  /** Renews now, even for a handler that asks by hand. */
  beat(): Promise<HeartbeatResult> {
    const beating = this.beatOnce()
    this.beating = beating
    return beating
  }

  private async beatOnce(): Promise<HeartbeatResult> {
    // Armed as the renewal is sent, it takes the place of the deadline before if the renewal turns out to apply.
    const cancelNew = this.deadlineIn(this.leaseMs())
    let isRenewed = false
    try {
      const result = await this.claim.renew()
      isRenewed = result === 'applied' && !this.stopped
      return result
    } finally {
      if (isRenewed) {
        this.cancelDeadline?.()
        this.cancelDeadline = cancelNew
      } else cancelNew()
    }
  }

  private deadlineIn(delayMs: number): Cancel {
    return afterIfAlive(delayMs, () => this.lose('heartbeat-deadline'))
  }

  private leaseMs(): number {
    const { visibilityTimeoutMs } = this.terms
    return visibilityTimeoutMs - Math.min(MARGIN_MS, visibilityTimeoutMs / 10)
  }

  private beatIn(delayMs: number): void {
    this.cancelBeat = afterIfAlive(delayMs, () => void this.beatOnTime())
  }

  private async beatOnTime(): Promise<void> {
    let next = this.terms.heartbeatIntervalMs
    try {
      if (this.claim.needsLease && (await this.beat()) === 'lease-lost') this.lose('heartbeat')
    } catch (err) {
      if (this.stopped) return
      this.claim.renewalFailed(err)
      // Sooner than usual: there may be time for a few more tries before the deadline.
      next /= 4
    }
    if (!this.stopped && !this.suspended) this.beatIn(next)
  }

  private lose(op: LeaseOperation): void {
    if (this.stopped || !this.claim.needsLease) return
    this.stop()
    this.claim.leaseLost(op)
  }
}
