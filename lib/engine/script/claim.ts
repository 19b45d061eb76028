import type { RunFailure } from '../../backend/inline-processor'
import { monotonicNow } from '../../base/timers'
import type { HeartbeatResult, Job, LeaseOperation } from '../../types'
import type { ClaimWriter } from './claim-writer'
import { LeaseKeeper } from './lease-keeper'
import type { KeptClaim, LeaseTerms } from './lease-keeper'

/** Listeners of one claim. */
export interface ClaimListener {
  leaseLost(claim: Claim, op: LeaseOperation): void
  renewalFailed(claim: Claim, err: unknown): void
  /** Nothing more comes of the claim, and it holds no slot. Called once. */
  ended(claim: Claim): void
}

/**
 * One claim: its lease, its verdict, its slot. It has ended when it holds no slot and no verdict of it is on its way. A slot
 * is held until the verdict is written: earlier, the follower of its key could not be claimed.
 */
export class Claim implements KeptClaim {
  isLost = false
  /** The failure of its run, once that is over. */
  failure: RunFailure | null = null
  private holdsSlot = true
  private isSettling = false
  /** A verdict is written, or the job was completed in a transaction. */
  private isSettled = false
  private keeper: LeaseKeeper | null = null

  constructor(
    /** The number of its run. */
    readonly id: number,
    readonly job: Job<any>,
    readonly writer: ClaimWriter,
    private readonly listener: ClaimListener,
  ) {}

  /** @param sentAt when the claim, or a renewal of it, was sent */
  keepLease(terms: LeaseTerms, sentAt = monotonicNow()): void {
    this.keeper = new LeaseKeeper(this, terms)
    this.keeper.start(sentAt)
  }

  /** The handler goes on after its job has ended, so the claim keeps its slot. */
  get outlivesItsJob(): boolean {
    return this.isSettled && this.holdsSlot
  }

  get needsLease(): boolean {
    return !this.isSettling && !this.isSettled
  }

  verdictSent(freesSlot: boolean): void {
    this.isSettling = true
    if (freesSlot) this.holdsSlot = false
  }

  /** The lease was kept meanwhile: a run whose verdict could not be written may go on. */
  verdictFailed(): void {
    this.isSettling = false
  }

  settled(): void {
    this.isSettling = false
    this.isSettled = true
    this.endIfFree()
  }

  slotFreed(): void {
    this.holdsSlot = false
    this.endIfFree()
  }

  beat(): Promise<HeartbeatResult> {
    return this.keeper?.beat() ?? this.renew()
  }

  suspend(): Promise<HeartbeatResult> {
    return this.keeper?.suspend() ?? this.renew()
  }

  resume(): Promise<HeartbeatResult> {
    return this.keeper?.resume() ?? this.renew()
  }

  stopKeeping(): void {
    this.keeper?.stop()
  }

  renew(): Promise<HeartbeatResult> {
    return this.writer.heartbeat()
  }

  leaseLost(op: LeaseOperation): void {
    this.isLost = true
    this.listener.leaseLost(this, op)
  }

  renewalFailed(err: unknown): void {
    this.listener.renewalFailed(this, err)
  }

  private endIfFree(): void {
    if (this.holdsSlot || this.isSettling) return
    this.stopKeeping()
    this.listener.ended(this)
  }
}
