import { claimNext } from '../backend/calls'
import { FailureStreak } from '../base/failure-streak'
import { after, monotonicNow } from '../base/timers'
import type { Cancel } from '../base/timers'
import type { Reporter } from '../run/report'
import { ManagedRun } from '../run/run'
import type { RunSetup } from '../run/setup'
import type { Run, RunListener } from '../run/settler'
import type { RunTransactions } from '../run/transaction'
import type { IJobQueueBackend, Job } from '../types'
import type { Processor } from './driver'
import { DueTimes } from './due-times'
import type { JsSettler } from './js-settler'
import type { LeaseTerms } from './lease-keeper'
import { errorWait, idleWait } from './pace'
import type { RunSet } from './run-set'

/** What a processor needs of its driver. */
export interface JsProcessorHost {
  readonly backend: IJobQueueBackend
  readonly settler: JsSettler
  readonly transactions: RunTransactions
  readonly runs: RunSet
  readonly report: Reporter
  /** No runs may be started any more. */
  readonly isQuiescent: boolean
  nextRunId(): number
  leaseTerms(heartbeatIntervalMs: number | null): LeaseTerms
  /** The longest silence between two looks where the user has not said. */
  defaultPollInterval(): number
}

/**
 * Claims and runs the jobs of one type on any backend.
 *
 * A look for work is made at once when the processor starts, when a wake-up comes, when a job was found and when a run has
 * ended; else after a wait as {@link idleWait} or, after a failure, {@link errorWait} say. Looks are made one at a time until
 * one finds work, then for more free slots at once: an idle type costs one query per look, a busy one fills its slots.
 */
export class JsProcessor implements RunListener {
  private readonly setup: RunSetup
  private readonly streak: FailureStreak
  private readonly due = new DueTimes(() => this.wake())
  /** Slots taken by runs. */
  private running = 0
  /** Slots kept for claims that are on their way. */
  private looking = 0
  /** How many looks may be under way at once. */
  private appetite = 1
  private emptyLooks = 0
  /** A wake-up came during a look, which may have been too early to see the job. */
  private woken = false
  private stopped = false
  private cancelWait: Cancel | null = null

  constructor(
    private readonly processor: Processor,
    private readonly host: JsProcessorHost,
  ) {
    const { report, settler, transactions } = host
    const { handler, timeoutMs } = processor
    this.setup = { handler, timeoutMs, settler, transactions, listener: this, report }
    this.streak = new FailureStreak(report.logger, 'claiming jobs', { type: processor.type })
  }

  /** There may be work. If a slot is free, the backend is asked before this returns; not while it fails. */
  wake(): void {
    this.woken = true
    if (this.streak.length === 0) this.look()
  }

  /** There will be work in so many milliseconds. */
  wakeIn(delayMs: number): void {
    if (!this.stopped) this.due.add(delayMs)
  }

  /** No claims from now on. A claim that is on its way is given back when it arrives. */
  stop(): void {
    this.stopped = true
    this.cancelWait?.()
    this.due.clear()
  }

  /** Nothing: the slot is held until the verdict is written. Earlier, the follower of its key could not be claimed. */
  slotFreed(): void {}

  ended(run: Run): void {
    this.host.settler.forget(run)
    this.host.runs.remove(run)
    this.running -= 1
    if (this.streak.length === 0) this.look()
  }

  private look(): void {
    while (
      !this.stopped &&
      this.looking < this.appetite &&
      this.looking + this.running < this.processor.concurrency
    ) {
      void this.host.runs.whileExpecting(() => this.lookOnce())
    }
  }

  private async lookOnce(): Promise<void> {
    this.cancelWait?.()
    this.woken = false
    this.looking += 1
    const sentAt = monotonicNow()
    let job: Job | null
    try {
      job = await claimNext(this.host.backend, this.processor.type)
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
    this.appetite = Math.min(this.appetite * 2, this.processor.concurrency)
    const run = new ManagedRun(this.host.nextRunId(), job, this.setup)
    this.running += 1
    this.host.runs.add(run)
    this.host.report.claimed(job)
    if (this.stopped) return run.release()
    this.host.settler.keepLease(run, this.host.leaseTerms(this.processor.heartbeatIntervalMs), sentAt)
    run.start()
    this.look()
  }

  private foundNothing(): void {
    this.appetite = 1
    if (this.woken) this.look()
    if (this.stopped || this.looking > 0) return
    this.emptyLooks += 1
    const pollInterval = this.processor.pollInterval ?? this.host.defaultPollInterval()
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
