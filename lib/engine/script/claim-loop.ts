import { claimNext } from '../../backend/calls'
import { FailureStreak } from '../../base/failure-streak'
import type { SafeLogger } from '../../base/logger'
import { after, monotonicNow } from '../../base/timers'
import type { Cancel } from '../../base/timers'
import type { IJobQueueBackend, Job } from '../../types'
import type { EngineProcessorConfig } from '../engine'
import { DueTimes } from './due-times'
import { errorWait, idleWait } from './pace'

/** Inputs of a claim loop, from its engine. */
export interface ClaimLoopHost {
  readonly backend: IJobQueueBackend
  readonly logger: SafeLogger
  /** A job was claimed, for which {@link ClaimLoop.slotFreed} is called in the end. */
  claimed(job: Job<any>, loop: ClaimLoop, sentAt: number): void
  /** The default of the longest silence between two looks. */
  defaultPollInterval(): number
}

/**
 * Claims the jobs of one type on any backend, as many as there are free slots.
 *
 * A look for work is made at once when the processor starts, a wake-up comes, a job was found or a slot comes free. Else it is made after the
 * wait of {@link idleWait} or, after a failure, of {@link errorWait}. Looks are made one at a time until one finds work, then for more free
 * slots at once. So an idle type costs one query per look, a busy one fills its slots.
 */
export class ClaimLoop {
  private readonly streak: FailureStreak
  private readonly due = new DueTimes(() => this.wake())
  /** Slots taken by claims. */
  private taken = 0
  /** Looks under way, each of which keeps a slot. */
  private readonly looks = new Set<Promise<void>>()
  private looking = 0
  /** The number of looks that may be under way at once. */
  private appetite = 1
  private emptyLooks = 0
  /** A wake-up came during a look, which may have been too early to see the job. */
  private woken = false
  private stopped = false
  private cancelWait: Cancel | null = null
  private concurrency: number

  constructor(
    readonly processorId: number,
    readonly config: EngineProcessorConfig,
    private readonly host: ClaimLoopHost,
  ) {
    this.concurrency = config.concurrency
    this.streak = new FailureStreak(host.logger, 'claiming jobs', { type: config.type })
  }

  /** There may be work. If a slot is free, the backend is asked before this returns; not while it fails. */
  wake(): void {
    this.woken = true
    this.lookUnlessFailing()
  }

  /** There will be work in this many milliseconds. */
  wakeIn(delayMs: number): void {
    if (!this.stopped) this.due.add(delayMs)
  }

  setConcurrency(concurrency: number): void {
    this.concurrency = concurrency
    this.lookUnlessFailing()
  }

  slotFreed(): void {
    this.taken -= 1
    this.lookUnlessFailing()
  }

  /** Stops the looks. Resolves when those under way have ended: their jobs still arrive. */
  async stop(): Promise<void> {
    this.stopped = true
    this.cancelWait?.()
    this.due.clear()
    await Promise.allSettled(this.looks)
  }

  private lookUnlessFailing(): void {
    if (this.streak.length === 0) this.look()
  }

  private look(): void {
    while (
      !this.stopped &&
      this.looking < this.appetite &&
      this.looking + this.taken < this.concurrency
    ) {
      const look = this.lookOnce().finally(() => this.looks.delete(look))
      this.looks.add(look)
    }
  }

  private async lookOnce(): Promise<void> {
    this.cancelWait?.()
    this.woken = false
    this.looking += 1
    const sentAt = monotonicNow()
    let job: Job | null
    try {
      job = await claimNext(this.host.backend, this.config.type)
    } catch (err) {
      this.looking -= 1
      return this.lookFailed(err)
    }
    this.looking -= 1
    this.streak.succeeded()
    if (job === null) this.foundNothing()
    else this.found(job, sentAt)
  }

  private found(job: Job, sentAt: number): void {
    this.emptyLooks = 0
    this.appetite = Math.max(1, Math.min(this.appetite * 2, this.concurrency))
    this.taken += 1
    this.host.claimed(job, this, sentAt)
    this.look()
  }

  private foundNothing(): void {
    this.appetite = 1
    if (this.woken) this.look()
    if (this.stopped || this.looking > 0) return
    this.emptyLooks += 1
    const pollInterval = this.config.pollInterval ?? this.host.defaultPollInterval()
    this.lookIn(idleWait(this.emptyLooks, pollInterval, Math.random()))
  }

  private lookFailed(err: unknown): void {
    this.appetite = 1
    // Several looks that fail together are one failure.
    if (this.stopped || this.looking > 0) return
    this.streak.failed(err)
    this.lookIn(errorWait(this.streak.length, Math.random()))
  }

  private lookIn(delayMs: number): void {
    this.cancelWait?.()
    this.cancelWait = after(delayMs, () => this.look())
  }
}
