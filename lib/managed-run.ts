import { inspect } from 'node:util'
import { Deferred } from './deferred'
import { LeaseLostError, TimeoutError } from './errors'
import type { DurablError } from './errors'
import { COMPLETE, RELEASE, bothFailed, failed, verdictOnThrow } from './outcome'
import type { Settlement, Verdict } from './outcome'
import type { Reporter } from './report'
import { RunContext } from './run-context'
import { RunLog } from './run-log'
import { after, monotonicNow } from './timers'
import type { Cancel } from './timers'
import type { HeartbeatResult, Job, JobHandler, LeaseOperation } from './types'

/** Writes what a run decides. The drivers differ in this, and in nothing else that a handler could notice. */
export interface Settler {
  /**
   * Writes a verdict, and calls the run's `settled` or `writeFailed` once it is durable or known to have failed (or
   * `leftToExpire`, where nothing can be written). Never throws.
   *
   * @param elapsedMs how long the handler took; null if it never started
   */
  settle(run: ManagedRun, verdict: Verdict, elapsedMs: number | null): void
  heartbeat(run: ManagedRun): Promise<HeartbeatResult>
  log(run: ManagedRun, message: string): Promise<void>
}

/** Who started a run, and waits for its slot and its end. */
export interface RunOwner {
  /** The run takes no slot any more: its handler has ended, or is no longer waited for. Told once per started run. */
  slotFreed(run: ManagedRun): void
  /** Nothing more will come of the run. Told once, after `slotFreed`. */
  ended(run: ManagedRun): void
}

/** What the runs of one processor have in common. */
export interface RunPlan {
  readonly handler: JobHandler<any>
  /** Null for no limit. */
  readonly timeoutMs: number | null
  readonly settler: Settler
  readonly owner: RunOwner
  readonly report: Reporter
}

/**
 * - `waiting`: claimed, the handler has not started.
 * - `running`: the handler has started; nothing is decided.
 * - `settling`: the one verdict is on its way to the backend.
 * - `over`: settled, or the lease is lost, or the verdict could not be written.
 */
type Phase = 'waiting' | 'running' | 'settling' | 'over'

/** How long a verdict waits for the log lines that came before it. */
const LOG_GRACE_MS = 2000

/**
 * One run of one job by a handler, whose lease and settlement the queue owns.
 *
 * ```
 *            start            verdict                written
 *  waiting ─────────► running ───────► settling ───────────────► over
 *     │ release          ▲ └──────────┐   │ │                     ▲
 *     └──────────────────│────────────│──►┘ │ write failed        │
 *                        └────────────│─────┴─────────────────────┤
 *                    (by hand only)   └── lease lost (any phase) ─┘
 * ```
 *
 * Beside the phase, the handler's own end counts: a run holds its slot until its handler has ended, except where nobody
 * waits for the handler any more (its `timeoutMs` has passed, or the shutdown has taken its job away).
 */
export class ManagedRun {
  /** What the handler threw, or the error that cut it short. */
  thrown: { readonly error: unknown } | null = null
  /** What the settlement found, once the run is over and a verdict was written. */
  found: Settlement | null = null
  /** Set once the run is over but its verdict could not be written: why. */
  failure: { readonly error: unknown } | null = null

  private phase: Phase = 'waiting'
  private verdict: Verdict | null = null
  private startedAt = 0
  private elapsedMs: number | null = null
  private handlerEnded = false
  private slotHeld = false
  private endTold = false
  private stalled = false
  private controller: AbortController | null = null
  private abortReason: DurablError | null = null
  private cancelTimeout: Cancel | null = null
  private byHand: Deferred<Settlement> | null = null
  private runLog: RunLog | null = null

  constructor(
    /** The driver's number for this run. */
    readonly id: number,
    readonly job: Job<any>,
    private readonly plan: RunPlan,
  ) {}

  /** Not started, and still ours to start. */
  get isWaiting(): boolean {
    return this.phase === 'waiting'
  }

  /** A handler may still be at work, or about to be: the lease is worth renewing. */
  get needsLease(): boolean {
    return this.phase === 'waiting' || this.phase === 'running'
  }

  /** Calls the handler. Returns when the handler does, which for an asynchronous one is at its first wait. */
  start(): void {
    this.phase = 'running'
    this.slotHeld = true
    this.startedAt = monotonicNow()
    const { handler, timeoutMs } = this.plan
    if (timeoutMs !== null) this.cancelTimeout = after(timeoutMs, () => this.timedOut(timeoutMs))
    let returned: unknown
    try {
      returned = handler(this.job, new RunContext(this))
    } catch (error) {
      return this.handlerThrew(error)
    }
    if (returned === undefined || returned === null) return this.handlerReturned()
    // Also takes care of foreign promises, and of a `then` that throws.
    Promise.resolve(returned).then(
      () => this.handlerReturned(),
      (error: unknown) => this.handlerThrew(error),
    )
  }

  /** The context's signal. Made when first asked for: most handlers never do. */
  signal(): AbortSignal {
    if (this.controller === null) {
      this.controller = new AbortController()
      if (this.abortReason !== null) this.controller.abort(this.abortReason)
    }
    return this.controller.signal
  }

  /** The handler settles by itself. Its first settlement counts; the later ones get the same result. */
  settleByHand(verdict: Verdict): Promise<Settlement> {
    if (this.byHand === null) {
      this.byHand = new Deferred()
      if (this.phase === 'running') this.decide(verdict)
      else if (this.phase === 'over') this.answerByHand()
    }
    return this.byHand.promise
  }

  async heartbeat(): Promise<HeartbeatResult> {
    if (!this.needsLease) return 'lease-lost'
    const result = await this.plan.settler.heartbeat(this)
    if (result === 'lease-lost' && this.needsLease) this.leaseLost('heartbeat')
    return result
  }

  /** Never rejects. */
  log(message: unknown): Promise<void> {
    const { settler, report } = this.plan
    this.runLog ??= new RunLog(
      (line) => settler.log(this, line),
      (err) => report.logger.debug({ type: this.job.type, jobId: this.job.id, err }, 'log line not written'),
    )
    return this.runLog.add(typeof message === 'string' ? message : inspect(message))
  }

  /** The lease is another's now: nothing will be written, and the handler should stop. */
  leaseLost(op: LeaseOperation): void {
    if (this.phase === 'over') return
    const durationMs = this.elapsedMs ?? (this.phase === 'waiting' ? 0 : monotonicNow() - this.startedAt)
    this.plan.report.leaseLost(this.job, this.verdict?.kind ?? op, durationMs)
    this.toOver({ status: 'lease-lost' })
    this.abort(new LeaseLostError('ERR_DURABL_LEASE_LOST', `the lease of job ${this.job.id} is lost`))
  }

  /** Tells the handler to stop. What it does then still counts, within what {@link verdictOnThrow} says. */
  abort(reason: DurablError): void {
    if (this.abortReason !== null) return
    this.abortReason = reason
    this.controller?.abort(reason)
  }

  /** Takes the job from its handler and gives it back to the queue. Whatever the handler still does is ignored. */
  release(): void {
    if (this.needsLease) this.decide(RELEASE)
    this.abandonHandler()
  }

  /**
   * Gives back a job that no handler has started on, as those ahead of it do not end: it may run elsewhere.
   *
   * @param waitedMs counts as its handler's time, so that the engine prefetches less
   */
  giveBack(waitedMs: number): void {
    if (this.phase !== 'waiting') return
    this.stalled = true
    this.elapsedMs = waitedMs
    this.phase = 'settling'
    this.verdict = RELEASE
    this.plan.settler.settle(this, RELEASE, waitedMs)
  }

  /** The settler's answer: the verdict was written, and this is what it found. */
  settled(found: Settlement): void {
    if (this.phase !== 'settling' || this.verdict === null) return
    if (found.status === 'released' && !this.stalled) this.plan.report.shutdownReleased(this.job)
    else this.plan.report.settled(this.job, this.verdict, found, this.elapsedMs ?? 0, this.thrown?.error)
    this.toOver(found)
  }

  /** The settler's answer to a release where the backend has none: the lease expires by itself. */
  leftToExpire(): void {
    if (this.phase === 'settling') this.toOver(null)
  }

  /** The settler's other answer: the verdict could not be written. */
  writeFailed(error: unknown): void {
    if (this.phase !== 'settling' || this.verdict === null) return
    if (this.byHand !== null && this.slotHeld && !this.handlerEnded)
      return this.backToHandler(this.byHand, error)
    const handlerFailed = this.thrown !== null && this.verdict.reason !== null
    this.failure = { error: handlerFailed ? bothFailed(this.thrown?.error, error) : error }
    this.plan.report.writeFailed(this.job, this.verdict, this.failure.error)
    this.toOver(null)
  }

  /** The handler is there to hear that its settlement failed: it may try again, settle otherwise, or throw. */
  private backToHandler(byHand: Deferred<Settlement>, error: unknown): void {
    this.byHand = null
    this.verdict = null
    this.elapsedMs = null
    this.phase = 'running'
    byHand.reject(error)
  }

  private handlerReturned(): void {
    this.handlerEnded = true
    this.cancelTimeout?.()
    if (this.phase === 'running') this.decide(COMPLETE)
    this.freeSlot()
  }

  private handlerThrew(error: unknown): void {
    this.handlerEnded = true
    this.cancelTimeout?.()
    this.thrown ??= { error }
    if (this.phase === 'running') this.decide(verdictOnThrow(error, this.abortReason))
    else this.threwTooLate(error)
    this.freeSlot()
  }

  /** Nothing is left to decide. Once aborted, throwing is what a handler should do; before that, it is worth a warning. */
  private threwTooLate(err: unknown): void {
    const { logger } = this.plan.report
    const fields = { type: this.job.type, jobId: this.job.id, err }
    if (this.abortReason === null)
      logger.warn(fields, 'handler threw after it had settled its job; the job stays settled')
    else logger.debug(fields, 'aborted handler threw')
  }

  private timedOut(timeoutMs: number): void {
    const reason = new TimeoutError(
      'ERR_DURABL_HANDLER_TIMEOUT',
      `the handler ran longer than its timeoutMs (${timeoutMs})`,
    )
    // First the signal: a listener that settles by hand is in time.
    this.abort(reason)
    if (this.phase === 'running') {
      this.thrown ??= { error: reason }
      this.decide(failed(reason))
    }
    this.abandonHandler()
  }

  /** The one place where a verdict is taken. Log lines go first, within a bound: a settled job's log can't be written. */
  private decide(verdict: Verdict): void {
    this.elapsedMs = this.phase === 'waiting' ? null : monotonicNow() - this.startedAt
    this.phase = 'settling'
    this.verdict = verdict
    const logged = verdict === RELEASE ? null : (this.runLog?.flushed(LOG_GRACE_MS) ?? null)
    if (logged === null) this.plan.settler.settle(this, verdict, this.elapsedMs)
    else void logged.then(() => this.send(verdict))
  }

  private send(verdict: Verdict): void {
    if (this.phase === 'settling') this.plan.settler.settle(this, verdict, this.elapsedMs)
  }

  private toOver(found: Settlement | null): void {
    this.phase = 'over'
    this.found = found
    this.answerByHand()
    this.tellEnd()
  }

  private answerByHand(): void {
    if (this.failure !== null) this.byHand?.reject(this.failure.error)
    else this.byHand?.resolve(this.found ?? { status: 'lease-lost' })
  }

  private abandonHandler(): void {
    this.cancelTimeout?.()
    this.freeSlot()
  }

  private freeSlot(): void {
    if (this.slotHeld) {
      this.slotHeld = false
      this.plan.owner.slotFreed(this)
    }
    this.tellEnd()
  }

  private tellEnd(): void {
    if (this.phase !== 'over' || this.slotHeld || this.endTold) return
    this.endTold = true
    this.plan.owner.ended(this)
  }
}
