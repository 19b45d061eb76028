/**
 * The step machine: one attempt of one orchestration. It answers recorded steps from the journal, runs and records the others, and decides the
 * end of the attempt. Both drivers and `durabl/testing` run orchestrations by it.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { TransactionOptions } from 'mongodb'
import { Deferred } from '../base/deferred'
import { DurablError, LeaseLostError } from '../base/errors'
import { afterIo } from '../base/timers'
import type { Bootstrap } from '../journal/bootstrap'
import type { Journal } from '../journal/records'
import { encodeResult } from '../journal/result'
import type { AppendStepResult, StepKeys, StepRecord } from '../types'
import { Underway } from './underway'
import { Fate } from './fate'
import { Beginning } from './beginning'
import { answerOf, endOfWait, failureOf, isFatal, isLeaseLost, resultOf, shown, valueOf } from './ends'
import type { MachineHost, Outcome, Place } from './host'
import { startLimits } from './limits'
import type { MachineLimits } from './limits'
import { checkBranchAt, recordAt } from './replay'
import { Sleeps } from './sleeps'
import type { RunningStep, StepFunction, StepSettings, TransactionFunction } from './step'
import { Waits } from './waits'

/** Time that a failed attempt waits for the end of steps that are still running: a retry must not run beside them. */
const HOLD_MS = 10_000

type StepEnd = Pick<StepRecord, 'result' | 'error' | 'kind'>

const WITHIN = new AsyncLocalStorage<StepMachine>()

export class StepMachine {
  readonly controller = new AbortController()
  private readonly underway = new Underway(() => this.stopIfIdle())
  private readonly cut = new Deferred<Outcome>()
  private readonly beginning: Beginning
  private readonly sleeps: Sleeps
  private readonly waits: Waits
  private readonly fate = new Fate()
  /** The orchestration has returned, or thrown. */
  private hasEnded = false
  private isOver = false
  isFrozen = false
  private hasRecorded = false
  private transacting: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly journal: Journal,
    private readonly host: MachineHost,
    private readonly limits: MachineLimits,
  ) {
    this.beginning = new Beginning(journal, () => host.now())
    this.sleeps = new Sleeps(
      (moment, callback) => host.at(moment, callback),
      () => this.parkIfIdle(),
    )
    this.waits = new Waits(this, journal, host, this.sleeps, this.underway)
  }

  get jobId(): string {
    return this.journal.jobId
  }

  /** Runs an orchestration to the end of this attempt. Never rejects. */
  async run(body: () => unknown): Promise<Outcome> {
    const cancel = startLimits(this.limits, this, this.host, (error) => this.end({ kind: 'threw', error }))
    const ended = new Promise((resolve) => resolve(body())).then(
      () => {
        this.hasEnded = true
        return this.returned()
      },
      (error: unknown): Outcome => {
        this.hasEnded = true
        return { kind: 'threw', error }
      },
    )
    const outcome = await Promise.race([ended, this.cut.promise])
    cancel()
    this.sleeps.end()
    if (outcome.kind === 'threw') await this.windUp(outcome.error)
    this.isOver = true
    return this.fate.of(outcome)
  }

  /** The run is no longer wanted: no step begins any more, and running ones are aborted. */
  abort(reason: unknown): void {
    const refusal = this.fate.abort(reason)
    if (!this.controller.signal.aborted) this.controller.abort(reason)
    for (const step of this.underway.begun()) step.abort(reason)
    this.sleeps.abort(refusal)
  }

  /** The shutdown begins: steps that are running end and are recorded, and none begins. */
  stop(reason: DurablError): void {
    this.fate.isStopping = true
    this.fate.refuse(reason)
    for (const step of [...this.underway.running]) step.hurry()
    this.stopIfIdle()
  }

  /** Takes the place of a call. @throws why no step may begin */
  enter(name: string, take: () => Place): Place {
    if (WITHIN.getStore() === this)
      throw this.fail(refused(`${shown(name)} is called within a step: call it beside the step`))
    this.fate.check()
    if (this.isOver)
      throw refused(`${shown(name)} is called after the end of the orchestration: await every step`)
    return take()
  }

  /** A step whose place was taken before is about to begin. @throws why none may begin any more */
  mayBegin(): void {
    this.fate.check()
  }

  /** Nothing of this attempt goes on: later calls get no answer. */
  freeze(): void {
    this.isFrozen = true
  }

  /** The record at a place, of this name and kind; null if there is none. @throws NondeterminismError */
  recorded(place: Place, name: string, kind?: 'sleep'): StepRecord | null {
    return this.failing(() => recordAt(this.journal, place, name, kind))
  }

  /** A branch begins at this place. @throws NondeterminismError if a step is recorded there */
  enterBranch(place: Place, name: string): void {
    this.failing(() => checkBranchAt(this.journal, place, name))
  }

  /** Answers a step: from the journal, or by running it. */
  step(place: Place, name: string, fn: StepFunction, settings: StepSettings): Promise<unknown> {
    const record = this.recorded(place, name)
    if (record !== null) return answerOf(record)
    return this.underway.whileRunning(name, async (step) => {
      const result = await this.call(step, place, fn, settings)
      return this.record(place, name, { result: this.failing(() => encodeResult(name, result)) }, result)
    })
  }

  /** As {@link step}, with a failure as a value, which is recorded as well. */
  tryStep(place: Place, name: string, fn: StepFunction, settings: StepSettings): Promise<unknown> {
    const record = this.recorded(place, name)
    if (record !== null) return Promise.resolve(valueOf(record))
    return this.underway.whileRunning(name, async (step) => {
      let result: unknown
      try {
        result = await this.call(step, place, fn, settings)
      } catch (error) {
        // The run's own end is no failure of the step.
        if (isFatal(error) || this.controller.signal.aborted || isLeaseLost(error)) throw error
        if (error === this.fate.refusal?.error) throw error
        const failure = failureOf(error)
        return this.record(
          place,
          name,
          { result: null, error: failure },
          { status: 'failed', error: failure },
        )
      }
      const value = { status: 'ok', value: result }
      return this.record(
        place,
        name,
        { result: this.failing(() => encodeResult(name, result)) },
        value,
        valueOf,
      )
    })
  }

  /** Answers a step whose writes and record are one transaction. */
  transaction(
    place: Place,
    name: string,
    fn: TransactionFunction,
    keys: StepKeys,
    options: TransactionOptions | undefined,
  ): Promise<unknown> {
    const record = this.recorded(place, name)
    if (record !== null) return answerOf(record)
    return this.underway.whileRunning(name, async () => {
      await this.mayRecord()
      let result: unknown
      const before = await this.alone(() =>
        this.host.transact({
          place,
          options,
          work: async (session) => (result = await WITHIN.run(this, fn, session, keys)),
          record: () => this.recordOf(place, name, { result: encodeResult(name, result) }),
        }),
      ).catch((error: unknown) => {
        throw isLeaseLost(error) ? this.cutOff() : this.fail(error)
      })
      if (this.isFrozen) return new Promise(() => {})
      return before === null ? result : resultOf(before)
    })
  }

  /** Transactions of one job would be in each other's way. */
  private alone<R>(work: () => Promise<R>): Promise<R> {
    const done = this.transacting.then(work)
    this.transacting = done.catch(() => {})
    return done
  }

  /** Sleeps until a moment that the first call has fixed. @param moment makes it of the present */
  sleep(place: Place, name: string, moment: (presentMs: number) => number): Promise<void> {
    if (this.host.sleepRefusal !== null) throw this.fail(this.host.sleepRefusal)
    const turn = this.underway.turn()
    const record = this.recorded(place, name, 'sleep')
    const fixed =
      record === null
        ? this.underway.whileRunning(name, () => this.waits.fix({ place, name, kind: 'sleep' }, moment))
        : Promise.resolve(record)
    return fixed.then((sleep) => {
      const until = endOfWait(this.jobId, sleep)
      if (until <= this.host.now()) return
      if (this.controller.signal.aborted) throw this.fate.refuse(this.controller.signal.reason)
      return this.sleeps.until(name, turn, until)
    })
  }

  /** Has the end of the orchestration wait for a branch. */
  whileBranching<R>(branch: Promise<R>): Promise<R> {
    return this.underway.whileBranching(branch)
  }

  /** A step is called. Warns if steps race for their places. */
  called(name: string): void {
    const turn = this.underway.turn()
    const other = this.underway.otherThan(turn)?.name ?? this.sleeps.otherThan(turn)
    if (other !== null) this.host.racing(other, name)
  }

  /** The record behind `now()` and `uuid()`: read, or made at the first use. */
  started(): Bootstrap {
    return this.failing(() =>
      this.beginning.read((record) =>
        this.fate.refusal === null ? this.underway.untilEnded(this.append(record)) : null,
      ),
    )
  }

  /** The lease is another's. */
  leaseLost(): LeaseLostError {
    const error = new LeaseLostError('ERR_DURABL_LEASE_LOST', `the lease of job ${this.jobId} is lost`)
    const isFirst = !this.fate.isLost
    this.abort(error)
    if (isFirst) this.host.leaseLost()
    return error
  }

  /** Remembers an error after which nothing else may become of the job. */
  fail(error: unknown): unknown {
    return this.fate.fail(error)
  }

  /** Runs work whose error may end the job. */
  private failing<R>(work: () => R): R {
    try {
      return work()
    } catch (error) {
      throw this.fail(error)
    }
  }

  /** Ends the attempt, even if the orchestration is still running. */
  private end(outcome: Outcome): void {
    if (outcome.kind === 'threw') this.abort(outcome.error)
    this.cut.resolve(outcome)
  }

  private async returned(): Promise<Outcome> {
    const failure = await this.underway.end()
    return failure === null
      ? { kind: 'returned', isLost: this.fate.isLost }
      : { kind: 'threw', error: failure.error }
  }

  private async windUp(reason: unknown): Promise<void> {
    this.abort(reason)
    await this.underway.endWithin(HOLD_MS)
  }

  /** Parks once nothing goes on but sleeps, and the soonest is long enough. */
  private parkIfIdle(): void {
    if (!this.mayPark()) return
    // A function that a sleep has woken may be about to call its next step.
    afterIo(() => {
      const untilMs = this.sleeps.soonestMs
      if (untilMs === null || !this.mayPark()) return
      this.freeze()
      this.end({ kind: 'parked', untilMs })
    })
  }

  private mayPark(): boolean {
    const soonest = this.sleeps.soonestMs
    if (soonest === null || this.underway.running.size > 0 || this.beginning.recording !== null) return false
    if (this.hasEnded || this.controller.signal.aborted) return false
    return soonest - this.host.now() >= this.host.parksFromMs
  }

  private stopIfIdle(): void {
    this.parkIfIdle()
    if (!this.fate.isStopping || this.underway.running.size > 0) return
    // Its end may be only a few steps of the promise away.
    afterIo(() => {
      if (this.underway.running.size === 0 && !this.mayPark()) this.end({ kind: 'stopped' })
    })
  }

  private async call(
    step: RunningStep,
    place: Place,
    fn: StepFunction,
    settings: StepSettings,
  ): Promise<unknown> {
    const tries = await this.waits.tries(step, place)
    // A crash after the effect must not give the next attempt another time.
    if (this.beginning.recording !== null) {
      await this.beginning.recording
      this.mayBegin()
    }
    const call: StepFunction = (keys, signal) => WITHIN.run(this, fn, keys, signal)
    return step.run(call, settings, tries)
  }

  /** Records an end of a step, and answers: with this value, or with the one recorded before. */
  private async record<R>(
    place: Place,
    name: string,
    end: StepEnd,
    value: R,
    valueOfRecord: (record: StepRecord) => unknown = resultOf,
  ): Promise<unknown> {
    await this.mayRecord()
    const appended = await this.append(this.recordOf(place, name, end))
    return appended === null ? value : valueOfRecord(appended)
  }

  /** @throws LeaseLostError */
  private async mayRecord(): Promise<void> {
    if (this.beginning.recording !== null) await this.beginning.recording
    if (this.fate.isLost) throw this.cutOff()
    if (this.hasRecorded) return
    this.hasRecorded = true
    this.host.firstRecord()
  }

  private recordOf({ path, seq }: Place, name: string, end: StepEnd): StepRecord {
    const record: StepRecord = { seq, name, ...end, ts: new Date(this.host.now()) }
    if (path !== '') record.path = path
    return record
  }

  /** Appends a record, and resolves to the one that is in the journal then. */
  async keep(place: Place, name: string, end: StepEnd): Promise<StepRecord> {
    const record = this.recordOf(place, name, end)
    return (await this.append(record)) ?? record
  }

  /** Null if it was appended; else the record that is there. */
  private async append(record: StepRecord): Promise<StepRecord | null> {
    let appended: AppendStepResult
    try {
      appended = await this.host.append(record)
    } catch (error) {
      throw this.fail(error)
    }
    if (this.isFrozen) return new Promise(() => {})
    switch (appended.status) {
      case 'appended':
        return null
      case 'already-recorded':
        return appended.existing
      case 'lease-lost':
        throw this.cutOff()
    }
  }

  private cutOff(): LeaseLostError {
    this.fate.cutOff()
    return this.leaseLost()
  }
}

function refused(why: string): DurablError {
  return new DurablError('ERR_DURABL_STEP_REFUSED', why)
}
