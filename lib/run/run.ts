import { COMPLETE, RELEASE, asTold, failed } from '../backend/verdict'
import type { Kept, Settled, Verdict } from '../backend/verdict'
import { Deferred, unwatched } from '../base/deferred'
import type { DurablError } from '../base/errors'
import { LeaseLostError, ShutDownError, TimeoutError } from '../base/errors'
import { after, monotonicNow } from '../base/timers'
import type { Cancel } from '../base/timers'
import type { HeartbeatResult, Job, LeaseOperation, SettleResult } from '../types'
import { cancelledError } from './cancelled'
import { RunContext } from './context'
import type { HandledRun } from './context'
import { bothFailed, verdictOnThrow } from './outcome'
import { completion, keptResult, ownVerdict } from './result'
import { withRetryDelay } from './retry-delay'
import type { RunSetup } from './setup'
import { RunSignal } from './signal'
import { INITIAL, needsLease, step } from './state'
import type { Effect, RunEvent, RunState } from './state'
import { endOf } from './telemetry'
import type { FollowedRun } from './telemetry'
import { RunTools } from './tools'
import { transactionError, withinTransaction } from './transaction'
import type { TransactingRun } from './transaction'

/** The facts that come with an event, for the effects that it has. */
interface Facts {
  /** The verdict to send, if the event decides the run. */
  readonly verdict?: Verdict
  /** Counts as thrown by the handler, if the event decides the run. */
  readonly thrown?: Thrown
  /** The result, if the event ends the run. */
  readonly found?: Settled
  /** The reason for which the signal is aborted. */
  readonly reason?: DurablError
  readonly op?: LeaseOperation
  /** The failure that kept the verdict from being written. */
  readonly failure?: unknown
}

interface Thrown {
  readonly error: unknown
}

const NO_FACTS: Facts = {}
const LEASE_LOST: Settled = { status: 'lease-lost' }
const RELEASED: Facts = { verdict: RELEASE }

/**
 * One run of one job by a handler, whose lease and settlement the queue owns. The table in `state.ts` gives the meaning of each event; this
 * class carries the effects out.
 *
 * A run holds its slot until its handler has ended, unless the queue no longer waits for the handler.
 */
export class ManagedRun implements TransactingRun, HandledRun {
  /** The handler's error, or the error that cut it short. */
  thrown: Thrown | null = null
  /** The result of the verdict, once the run is over and one was written. */
  found: Settled | null = null
  /** Set once the run is over but its verdict could not be written. */
  failure: Thrown | null = null

  /** A note of the driver: the last time at which the process was known to hold the job, by the monotonic clock. */
  oursAt = 0
  told: 'nothing' | 'verdict' | 'all' = 'nothing'
  readonly aborting = new RunSignal()
  private state: RunState = INITIAL
  private verdict: Verdict | null = null
  private startedAt = 0
  private elapsedMs: number | null = null
  /** Time that the job had waited here when it was given back before its start; null for every other run. */
  private stalledMs: number | null = null
  private slotHeld = false
  private endTold = false
  private followed: FollowedRun | null = null
  private cancelTimeout: Cancel | null = null
  private byHand: Deferred<SettleResult> | null = null
  private ownTools: RunTools | null = null
  /** The event that came while a transaction was committing; it counts if the transaction is rolled back. */
  private kept: { readonly event: RunEvent; readonly facts: Facts } | null = null

  constructor(
    readonly id: number,
    readonly job: Job<any>,
    private readonly setup: RunSetup,
  ) {}

  /** Not started, and still to be started here. */
  get isWaiting(): boolean {
    return this.state.phase === 'waiting'
  }

  get needsLease(): boolean {
    return needsLease(this.state.phase)
  }

  /** A transaction is open that may still decide the run. */
  get isUndecided(): boolean {
    const { phase } = this.state
    return phase === 'transacting' || phase === 'committing' || phase === 'overtaken'
  }

  /** The tools, made when the handler first asks for one of them. */
  get tools(): RunTools {
    return (this.ownTools ??= new RunTools(this, this.setup, () => this.state.handler === 'ended'))
  }

  get holdsSlot(): boolean {
    return this.slotHeld && this.state.handler !== 'ended'
  }

  get ranMs(): number | null {
    return this.startedAt === 0 ? null : monotonicNow() - this.startedAt
  }

  /** The verdict is that of a shutdown: the job is given back. */
  get isReleased(): boolean {
    return this.verdict === RELEASE
  }

  private get isDeferred(): boolean {
    return this.verdict?.kind === 'release' && this.verdict.delayMs !== null
  }

  /** Null for an error that comes after the job was completed: then the handler has not failed. */
  get failed(): Thrown | null {
    return this.failure ?? (this.found?.status === 'completed' || this.isDeferred ? null : this.thrown)
  }

  /** Calls the handler, unless the run is over already. Returns when it does, which for an asynchronous one is at its first wait. */
  start(): void {
    this.tell('start')
  }

  /** Gives back a job that no handler has started on. `waitedMs` counts as its handler's time, so that the engine prefetches less. */
  giveBack(waitedMs: number): void {
    if (!this.isWaiting) return
    this.stalledMs = waitedMs
    this.tell('give-back', RELEASED)
  }

  /** Takes the job from its handler and gives it back to the queue. All later acts of the handler are ignored. */
  release(): void {
    this.tell('release', RELEASED)
  }

  /** Tells the handler to stop. Its later acts still count, within the rules of {@link verdictOnThrow}. */
  abort(reason: DurablError): void {
    this.aborting.abort(reason)
  }

  leaseLost(op: LeaseOperation): void {
    const reason = new LeaseLostError('ERR_DURABL_LEASE_LOST', `the lease of job ${this.job.id} is lost`)
    this.tell('lease-lost', { found: { status: 'lease-lost' }, reason, op })
  }

  /**
   * Marks the run, as a call has asked to cancel its job. The handler learns of it, and its end ends the job. A handler that has not
   * started never does.
   */
  cancelRequested(reason: string | null): void {
    this.abort(cancelledError(this.job, reason))
    this.tell('give-back', RELEASED)
  }

  /** The backend was shut down, and gives the job back by itself. */
  takenBack(): void {
    const reason = new ShutDownError('ERR_DURABL_SHUT_DOWN', 'the backend was shut down')
    this.tell('taken-back', { found: { status: 'released' }, reason })
  }

  settled(found: Settled): void {
    this.tell('written', { found })
  }

  leftToExpire(): void {
    this.tell('left-to-expire')
  }

  writeFailed(error: unknown): void {
    this.tell('write-failed', { failure: error })
  }

  /** The handler settles by itself. Its first settlement counts; the later ones get the same result. */
  settleByHand(verdict: Verdict): Promise<SettleResult> {
    if (this.ownTools?.isTransacting === true)
      return unwatched(Promise.reject(withinTransaction(verdict.kind)))
    if (this.byHand === null) {
      const settlement = new Deferred<SettleResult>()
      this.byHand = settlement
      // A failure may be known at once, and then the run has forgotten this settlement.
      this.tell('settled-by-hand', { verdict: ownVerdict(this.setup, this.job, verdict) })
      return settlement.promise
    }
    return this.byHand.promise
  }

  async heartbeat(): Promise<HeartbeatResult> {
    // The lease is long enough, and a write to the job would be in the transaction's way.
    if (this.isUndecided) return 'applied'
    if (!this.needsLease) return 'lease-lost'
    const result = await this.setup.settler.heartbeat(this)
    if (result === 'lease-lost' && this.needsLease) this.leaseLost('heartbeat')
    return result
  }

  enter(step: 'transaction-begins' | 'attempt' | 'commit'): void {
    this.tell(step)
    this.elapsedMs = step === 'commit' ? this.ranMs : null
  }

  committed(): void {
    this.tell('committed', { found: { status: 'completed' } })
  }

  keptResult(value: unknown): Kept | null {
    return keptResult(this.setup, this.job, value)
  }

  rolledBack(error: unknown): void {
    if (this.isUndecided) this.elapsedMs = null
    const thrown = this.thrown ?? { error }
    this.tell('rolled-back', { thrown, verdict: this.verdictOn(thrown.error) })
  }

  private tell(event: RunEvent, facts = NO_FACTS): void {
    const next = step(this.state, event)
    this.state = next
    for (const effect of next.effects) this.carryOut(effect, event, facts)
  }

  private carryOut(effect: Effect, event: RunEvent, facts: Facts): void {
    const { job, setup } = this
    switch (effect) {
      case 'call-handler':
        return this.callHandler()
      case 'end-handler':
        this.cancelTimeout?.()
        return this.ownTools?.end()
      case 'free-slot':
        this.cancelTimeout?.()
        return this.freeSlot()
      case 'settle':
        this.thrown ??= facts.thrown ?? null
        return this.send(facts.verdict!)
      case 'keep':
        this.kept = { event, facts }
        return
      case 'replay':
        return this.replay()
      case 'refuse':
        throw this.refusal(event)
      case 'back-to-handler':
        return this.backToHandler(facts.failure)
      case 'abort':
        return this.abort(facts.reason!)
      case 'end':
        this.found = facts.found ?? null
        this.answerByHand()
        return this.tellEnd()
      case 'answer':
        return this.answerByHand()
      case 'report-settled':
        return this.reportSettled(facts.found!)
      case 'report-committed':
        return this.reportCommitted()
      case 'report-write-failed':
        return this.reportFailure(facts.failure)
      case 'report-lease-lost':
        return setup.report.leaseLost(job, this.verdict?.kind ?? facts.op!, this.elapsedMs ?? this.ranMs ?? 0)
      case 'report-taken-back':
        return setup.report.shutdownReleased(job)
      case 'report-thrown':
        return setup.report.threwTooLate(job, facts.thrown!.error, this.aborting.reason !== null)
    }
  }

  private callHandler(): void {
    this.slotHeld = true
    this.startedAt = monotonicNow()
    const { handler, telemetry } = this.setup
    this.followed = telemetry?.running(this.job) ?? null
    const timeoutMs = this.job.timeoutMs ?? this.setup.timeoutMs
    if (timeoutMs !== null) this.cancelTimeout = after(timeoutMs, () => this.timedOut(timeoutMs))
    let returned: unknown
    try {
      const context = new RunContext(this)
      returned =
        this.followed === null ? handler(this.job, context) : handler(this.job, context, this.followed)
    } catch (error) {
      return this.handlerThrew(error)
    }
    if (returned === undefined || returned === null) return this.handlerReturned(returned)
    // This takes care of foreign promises, too, and of a `then` that throws.
    Promise.resolve(returned).then(
      (value) => this.handlerReturned(value),
      (error: unknown) => this.handlerThrew(error),
    )
  }

  private handlerReturned(value: unknown): void {
    const returned = { verdict: completion(this.setup, this.job, value) }
    this.tell('handler-returned', this.aborting.wasHeeded ? RELEASED : returned)
  }

  private handlerThrew(error: unknown): void {
    const thrown = { error }
    this.thrown ??= thrown
    this.tell('handler-threw', { verdict: this.verdictOn(error), thrown })
  }

  private verdictOn(error: unknown): Verdict {
    return this.retried(verdictOnThrow(error, this.aborting.reason), error)
  }

  private retried(verdict: Verdict, error: unknown): Verdict {
    const { job, setup } = this
    return withRetryDelay(verdict, { error, job }, setup.retryDelay, setup.report.logger)
  }

  private timedOut(timeoutMs: number): void {
    const message = `the handler ran longer than its timeoutMs (${timeoutMs})`
    const reason = new TimeoutError('ERR_DURABL_HANDLER_TIMEOUT', message)
    // First the signal: a listener that settles by hand is in time.
    this.abort(reason)
    this.tell('timed-out', { verdict: this.retried(failed(reason), reason), thrown: { error: reason } })
  }

  /** Log lines and progress go before a verdict, within a bound: a settled job's log can't be written. */
  private send(verdict: Verdict): void {
    this.verdict = verdict
    this.elapsedMs = this.stalledMs ?? this.ranMs
    const told = this.ownTools?.flush(verdict === RELEASE) ?? null
    if (told === null) return this.setup.settler.settle(this, verdict, this.elapsedMs)
    void told.then(() => {
      if (this.state.phase === 'settling') this.setup.settler.settle(this, verdict, this.elapsedMs)
    })
  }

  private replay(): void {
    const { kept } = this
    if (kept !== null) this.tell(kept.event, kept.facts)
  }

  private refusal(event: RunEvent): DurablError {
    const when = event === 'transaction-begins' ? 'is settled already' : 'was settled meanwhile'
    return this.aborting.reason ?? transactionError(`this run ${when}`)
  }

  /** The handler can learn that its settlement failed: it may try again, settle otherwise, or throw. */
  private backToHandler(error: unknown): void {
    const { byHand } = this
    this.byHand = null
    this.verdict = null
    this.elapsedMs = null
    byHand?.reject(error)
  }

  private reportSettled(found: Settled): void {
    const { job, thrown, setup } = this
    if (found.status === 'released' && this.stalledMs === null && !this.isDeferred)
      setup.report.shutdownReleased(job)
    else setup.report.settled(job, this.verdict!, found, this.elapsedMs ?? 0, thrown?.error)
  }

  private reportCommitted(): void {
    const { job, thrown, setup } = this
    this.elapsedMs ??= this.ranMs
    setup.settler.completed(this)
    if (thrown !== null) setup.report.threwTooLate(job, thrown.error, this.aborting.reason !== null)
    setup.report.settled(job, COMPLETE, { status: 'completed' }, this.elapsedMs!, thrown?.error)
  }

  private reportFailure(error: unknown): void {
    const { job, thrown, verdict, setup } = this
    const handlerFailed = thrown !== null && verdict?.reason != null
    this.failure = { error: handlerFailed ? bothFailed(thrown.error, error) : error }
    setup.report.writeFailed(job, verdict!, this.failure.error)
  }

  private answerByHand(): void {
    if (this.failure !== null) this.byHand?.reject(this.failure.error)
    else this.byHand?.resolve(asTold(this.verdict?.kind ?? 'complete', this.found ?? LEASE_LOST))
  }

  private freeSlot(): void {
    if (this.slotHeld) {
      this.slotHeld = false
      this.setup.listener.slotFreed(this)
    }
    this.tellEnd()
  }

  private tellEnd(): void {
    if (this.state.phase !== 'over' || this.slotHeld || this.endTold) return
    this.endTold = true
    this.followed?.ended(endOf(this, this.verdict?.reason ?? null, (this.elapsedMs ?? this.ranMs)!))
    this.setup.listener.ended(this)
  }
}
