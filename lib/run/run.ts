import { inspect } from 'node:util'
import type { ClientSession, TransactionOptions } from 'mongodb'
import { COMPLETE, RELEASE, failed } from '../backend/verdict'
import type { Settlement, Verdict } from '../backend/verdict'
import { Deferred, unwatched } from '../base/deferred'
import { LeaseLostError, ShutDownError, TimeoutError } from '../base/errors'
import type { DurablError } from '../base/errors'
import { after, monotonicNow } from '../base/timers'
import type { Cancel } from '../base/timers'
import type { HeartbeatResult, Job, LeaseOperation } from '../types'
import { RunContext } from './context'
import { runLogOf } from './log'
import type { RunLog } from './log'
import { bothFailed, verdictOnThrow } from './outcome'
import { RunSession } from './session'
import type { RunPlan } from './setup'
import { RunSignal } from './signal'
import { RunTransaction, transactionError, withinTransaction } from './transaction'
import type { TransactingRun, TransactionWork } from './transaction'

/**
 * - `waiting`: claimed, the handler has not started.
 * - `running`: the handler has started; nothing is decided.
 * - `committing`: the handler's own transaction, which completes the job, decides.
 * - `settling`: the one verdict is on its way to the backend.
 * - `over`: settled, or the lease is lost, or the verdict could not be written.
 */
type Phase = 'waiting' | 'running' | 'committing' | 'settling' | 'over'

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
 *
 *            commit                 committed
 *  running ─────────► committing ───────────────► over
 *     ▲                   │
 *     └── rolled back ────┘   (what came meanwhile counts then: lease lost, timeout, release, the handler's end)
 * ```
 *
 * Beside the phase, the handler's own end counts: a run holds its slot until its handler has ended, except where nobody
 * waits for the handler any more (its `timeoutMs` has passed, or the shutdown has taken its job away).
 */
export class ManagedRun implements TransactingRun {
  /** What the handler threw, or the error that cut it short. */
  thrown: { readonly error: unknown } | null = null
  /** What the settlement found, once the run is over and a verdict was written. */
  found: Settlement | null = null
  /** Set once the run is over but its verdict could not be written: why. */
  failure: { readonly error: unknown } | null = null

  /** The driver's own notes: when the job was last known to be ours, by the monotonic clock; how much of this run's end was passed on. */
  oursAt = 0
  told: 'nothing' | 'verdict' | 'all' = 'nothing'
  readonly aborting = new RunSignal()
  private phase: Phase = 'waiting'
  private verdict: Verdict | null = null
  private startedAt = 0
  private elapsedMs: number | null = null
  private handlerEnded = false
  private slotHeld = false
  private endTold = false
  private stalled = false
  private cancelTimeout: Cancel | null = null
  private byHand: Deferred<Settlement> | null = null
  private runLog: RunLog | null = null
  private transaction: RunTransaction<ManagedRun> | null = null
  /** What came while a transaction was committing, and counts if it is rolled back. */
  private meanwhile: (() => void) | null = null
  private causalSession: RunSession | null = null

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

  /** A handler is at work, and waited for. */
  get holdsSlot(): boolean {
    return this.slotHeld && !this.handlerEnded
  }

  /** How long ago the handler was started; null if it never was. */
  get ranMs(): number | null {
    return this.startedAt === 0 ? null : monotonicNow() - this.startedAt
  }

  /** Calls the handler, unless the run is over already. Returns when it does, which for an asynchronous one is at its first wait. */
  start(): void {
    if (!this.isWaiting) return
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

  /** The handler settles by itself. Its first settlement counts; the later ones get the same result. */
  settleByHand(verdict: Verdict): Promise<Settlement> {
    if (this.isTransacting) return unwatched(Promise.reject(withinTransaction(verdict.kind)))
    if (this.byHand === null) {
      this.byHand = new Deferred()
      if (this.phase === 'running') this.decide(verdict)
      else if (this.phase === 'over') this.answerByHand()
    }
    return this.byHand.promise
  }

  async heartbeat(): Promise<HeartbeatResult> {
    // The lease is long enough, and a write to the job would be in the transaction's way.
    if (this.isTransacting && this.isUndecided) return 'applied'
    if (!this.needsLease) return 'lease-lost'
    const result = await this.plan.settler.heartbeat(this)
    if (result === 'lease-lost' && this.needsLease) this.leaseLost('heartbeat')
    return result
  }

  /** Never rejects. */
  log(message: unknown): Promise<void> {
    this.runLog ??= runLogOf(this, this.plan)
    if (this.isTransacting) this.runLog.hold()
    return this.runLog.add(typeof message === 'string' ? message : inspect(message))
  }

  /** The lease is another's now: nothing will be written, and the handler should stop. */
  leaseLost(op: LeaseOperation): void {
    if (this.phase === 'over') return
    // The completion is written and fenced: nobody can have taken the job if it commits.
    if (this.phase === 'committing') return void (this.meanwhile = () => this.leaseLost(op))
    const durationMs = this.elapsedMs ?? this.ranMs ?? 0
    this.plan.report.leaseLost(this.job, this.verdict?.kind ?? op, durationMs)
    this.toOver({ status: 'lease-lost' })
    this.abort(new LeaseLostError('ERR_DURABL_LEASE_LOST', `the lease of job ${this.job.id} is lost`))
  }

  /** The backend was shut down, by whom ever, and gives the job back by itself. */
  takenBack(): void {
    if (this.phase === 'over') return
    if (this.phase === 'committing') return void (this.meanwhile ??= () => this.takenBack())
    this.plan.report.shutdownReleased(this.job)
    this.toOver({ status: 'released' })
    this.abort(new ShutDownError('ERR_DURABL_SHUT_DOWN', 'the backend was shut down'))
    this.abandonHandler()
  }

  /** Tells the handler to stop. What it does then still counts, within what {@link verdictOnThrow} says. */
  abort(reason: DurablError): void {
    this.aborting.abort(reason)
  }

  /** Takes the job from its handler and gives it back to the queue. Whatever the handler still does is ignored. */
  release(): void {
    if (this.needsLease) this.decide(RELEASE)
    else if (this.phase === 'committing') this.meanwhile ??= () => this.decide(RELEASE)
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

  /** Runs a function in a transaction that also completes the job. */
  transact<T>(work: TransactionWork<T>, options: TransactionOptions | undefined): Promise<T> {
    this.transaction ??= new RunTransaction(this, this.plan)
    return this.transaction.begin(work, options)
  }

  /** Whether a transaction may begin: null; or why not. */
  refusalOfTransaction(): DurablError | null {
    if (this.phase === 'running' && this.byHand === null) return null
    return this.aborting.reason ?? transactionError('this run is settled already')
  }

  /** {@link TransactingRun} Log lines are writes to the job as well. */
  async holdLog(): Promise<void> {
    await this.runLog?.holdFlushed(LOG_GRACE_MS)
  }

  /** {@link TransactingRun} */
  async releaseLog(): Promise<void> {
    this.runLog?.release()
    await this.runLog?.flushed(LOG_GRACE_MS)
  }

  private get isTransacting(): boolean {
    return this.transaction?.isOpen === true
  }

  /** {@link TransactingRun} */
  get isUndecided(): boolean {
    return this.phase === 'running' || this.phase === 'committing'
  }

  /** {@link TransactingRun} */
  attemptBegins(): void {
    if (this.phase === 'committing' && this.meanwhile === null) {
      this.phase = 'running'
      this.verdict = null
    }
    if (this.phase !== 'running')
      throw this.aborting.reason ?? transactionError('this run was settled meanwhile')
  }

  /** {@link TransactingRun} */
  commitBegins(): void {
    this.attemptBegins()
    this.elapsedMs = monotonicNow() - this.startedAt
    this.phase = 'committing'
    this.verdict = COMPLETE
  }

  /** {@link TransactingRun} */
  committed(): void {
    if (!this.isUndecided) return
    this.phase = 'settling'
    this.verdict = COMPLETE
    this.meanwhile = null
    this.elapsedMs ??= monotonicNow() - this.startedAt
    const { settler, report } = this.plan
    settler.completed(this)
    if (this.thrown !== null) report.threwTooLate(this.job, this.thrown.error, this.aborting.reason !== null)
    this.settled({ status: 'completed' })
  }

  /** {@link TransactingRun} What could not be decided meanwhile is decided now, also for a handler that has ended. */
  rolledBack(error: unknown): void {
    if (!this.isUndecided) return
    const { meanwhile } = this
    this.phase = 'running'
    this.verdict = null
    this.elapsedMs = null
    this.meanwhile = null
    if (meanwhile !== null) meanwhile()
    else if (this.handlerEnded) {
      this.thrown ??= { error }
      this.decide(verdictOnThrow(this.thrown.error, this.aborting.reason))
    }
  }

  /** The context's session, which ends with the handler. */
  session(): Promise<ClientSession> {
    this.causalSession ??= new RunSession(() => this.plan.transactions.startSession(this.job))
    if (this.handlerEnded) this.causalSession.end()
    return this.causalSession.get()
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
    this.handlerHasEnded()
    // Not before a transaction that nobody waits for: it decides.
    if (this.phase === 'running' && !this.isTransacting) this.decide(COMPLETE)
    this.freeSlot()
  }

  private handlerThrew(error: unknown): void {
    this.handlerHasEnded()
    this.thrown ??= { error }
    if (this.phase === 'running') this.decide(verdictOnThrow(error, this.aborting.reason))
    else if (this.phase !== 'committing')
      this.plan.report.threwTooLate(this.job, error, this.aborting.reason !== null)
    this.freeSlot()
  }

  private handlerHasEnded(): void {
    this.handlerEnded = true
    this.cancelTimeout?.()
    this.causalSession?.end()
  }

  private timedOut(timeoutMs: number): void {
    const message = `the handler ran longer than its timeoutMs (${timeoutMs})`
    const reason = new TimeoutError('ERR_DURABL_HANDLER_TIMEOUT', message)
    // First the signal: a listener that settles by hand is in time.
    this.abort(reason)
    if (this.phase === 'running') {
      this.thrown ??= { error: reason }
      this.decide(failed(reason))
    } else if (this.phase === 'committing') this.meanwhile ??= () => this.decide(failed(reason))
    this.abandonHandler()
  }

  /** The one place where a verdict is taken. Log lines go first, within a bound: a settled job's log can't be written. */
  private decide(verdict: Verdict): void {
    this.elapsedMs = this.phase === 'waiting' ? null : monotonicNow() - this.startedAt
    this.phase = 'settling'
    this.verdict = verdict
    this.runLog?.release()
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
