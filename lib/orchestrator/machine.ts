/**
 * The step machine: one attempt of one orchestration. It answers recorded steps from the journal, runs and records the others, and
 * knows when the attempt is over, and how. Both drivers and `durabl/testing` run orchestrations by it.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { Deferred } from '../base/deferred'
import { DurablError, LeaseLostError } from '../base/errors'
import { NondeterminismError, isFatalOrchestrationError } from '../base/orchestration-errors'
import { isError, reasonOf } from '../base/reason'
import { afterIo, afterMicrotasks, settlesWithin } from '../base/timers'
import type { Bootstrap } from '../journal/bootstrap'
import { checkName } from '../journal/records'
import type { Journal } from '../journal/records'
import { encodeResult } from '../journal/result'
import type { AppendStepResult, StepFailure, StepRecord } from '../types'
import { Beginning } from './beginning'
import {
  answerOf,
  described,
  failureOf,
  isFatal,
  isLeaseLost,
  isShutDown,
  kindOf,
  resultOf,
  shown,
  valueOf,
} from './ends'
import type { MachineHost, Outcome, Place } from './host'
import { startLimits } from './limits'
import type { MachineLimits } from './limits'
import { RunningStep } from './step'
import type { StepFunction, StepSettings } from './step'

/** So long an attempt that has failed waits for the end of steps that are still running: a retry must not run beside them. */
const HOLD_MS = 10_000

interface Caught {
  readonly error: unknown
}

const WITHIN = new AsyncLocalStorage<StepMachine>()

export class StepMachine {
  readonly controller = new AbortController()
  private readonly running = new Set<RunningStep>()
  /** All that the end of an orchestration waits for: steps, branches, and the bootstrap record. */
  private readonly unended = new Set<Promise<unknown>>()
  private readonly cut = new Deferred<Outcome>()
  private readonly beginning: Beginning
  /** Ends the job for good, whatever the orchestration makes of it. */
  private fatal: Caught | null = null
  /** Set once no step may begin any more. */
  private refusal: Caught | null = null
  private isStopping = false
  private isOver = false
  isFrozen = false
  private isLost = false
  /** The lease was lost before the orchestration was done. */
  private wasCutOff = false
  /** A step was refused, so the orchestration has not been done, whatever it makes of that. */
  private wasRefused = false
  private hasRecorded = false
  private currentTurn: object | null = null

  constructor(
    private readonly journal: Journal,
    private readonly host: MachineHost,
    private readonly limits: MachineLimits,
  ) {
    this.beginning = new Beginning(journal, () => host.now())
  }

  get jobId(): string {
    return this.journal.jobId
  }

  /** Runs an orchestration to the end of this attempt. Never rejects. */
  async run(body: () => unknown): Promise<Outcome> {
    const cancel = startLimits(this.limits, this, this.host, (error) => this.end({ kind: 'threw', error }))
    const ended = new Promise((resolve) => resolve(body())).then(
      () => this.returned(),
      (error: unknown): Outcome => ({ kind: 'threw', error }),
    )
    const outcome = await Promise.race([ended, this.cut.promise])
    cancel()
    if (outcome.kind === 'threw') await this.windUp(outcome.error)
    this.isOver = true
    return this.final(outcome)
  }

  /** The run is no longer wanted: no step begins any more, and those that are running hear of it. */
  abort(reason: unknown): void {
    this.isLost ||= isLeaseLost(reason)
    this.isStopping ||= isShutDown(reason)
    this.refuse(reason)
    if (!this.controller.signal.aborted) this.controller.abort(reason)
    for (const step of [...this.running]) step.abort(reason)
  }

  /** The shutdown begins: steps that are running end and are recorded, and none begins. */
  stop(reason: DurablError): void {
    this.isStopping = true
    this.refuse(reason)
    this.stopIfIdle()
  }

  /** Takes the place of a call. @throws why no step may begin */
  enter(name: string, take: () => Place): Place {
    if (WITHIN.getStore() === this)
      throw this.fail(refused(`${shown(name)} is called within a step: call it beside the step`))
    if (this.fatal !== null) throw this.fatal.error
    if (this.refusal !== null) {
      this.wasRefused = true
      throw this.refusal.error
    }
    if (this.isOver)
      throw refused(`${shown(name)} is called after the end of the orchestration: await every step`)
    return take()
  }

  /** Nothing of this attempt goes on: what is asked from now on is never answered. */
  freeze(): void {
    this.isFrozen = true
  }

  /** The record at a place, of this name and kind; null if there is none. @throws NondeterminismError */
  recorded(place: Place, name: string, kind?: 'sleep'): StepRecord | null {
    const record = this.journal.at(place.path, place.seq)
    try {
      if (record === null) {
        this.checkNoBranch(place, name)
        return null
      }
      checkName(this.jobId, record, name)
      if (record.kind !== kind)
        throw new NondeterminismError(this.jobId, place.seq, described(record), kindOf(name, kind))
      return record
    } catch (error) {
      throw this.fail(error)
    }
  }

  /** A branch begins at this place. @throws NondeterminismError if a step is recorded there */
  enterBranch(place: Place, name: string): void {
    const record = this.journal.at(place.path, place.seq)
    if (record !== null)
      throw this.fail(new NondeterminismError(this.jobId, place.seq, described(record), `branch ${name}`))
  }

  /** Answers a step: from the journal, or by running it. */
  step(place: Place, name: string, fn: StepFunction, settings: StepSettings): Promise<unknown> {
    const record = this.recorded(place, name)
    if (record !== null) return answerOf(record)
    return this.whileRunning(name, async (step) => {
      const result = await this.call(step, fn, settings)
      return this.record(place, name, { result: encoded(() => encodeResult(name, result), this) }, result)
    })
  }

  /** As {@link step}, with a failure as a value, which is recorded as well. */
  tryStep(place: Place, name: string, fn: StepFunction, settings: StepSettings): Promise<unknown> {
    const record = this.recorded(place, name)
    if (record !== null) return Promise.resolve(valueOf(record))
    return this.whileRunning(name, async (step) => {
      let result: unknown
      try {
        result = await this.call(step, fn, settings)
      } catch (error) {
        // The run's own end is no failure of the step.
        if (isFatal(error) || this.controller.signal.aborted || isLeaseLost(error)) throw error
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
        { result: encoded(() => encodeResult(name, result), this) },
        value,
        valueOf,
      )
    })
  }

  /** Has the end of the orchestration wait for a branch. */
  whileBranching<R>(branch: Promise<R>): Promise<R> {
    return this.untilEnded(branch)
  }

  /** A step is called. Warns where steps race for their places. */
  called(name: string): void {
    const turn = this.turn()
    for (const step of this.running) {
      if (step.turn !== turn) return this.host.racing(step.name, name)
    }
  }

  /** The record behind `now()` and `uuid()`: read, or made at the first use. */
  started(): Bootstrap {
    try {
      return this.beginning.read((record) =>
        this.refusal === null ? this.untilEnded(this.append(record)) : null,
      )
    } catch (error) {
      throw this.fail(error)
    }
  }

  /** The lease is another's. */
  leaseLost(): LeaseLostError {
    const error = new LeaseLostError('ERR_DURABL_LEASE_LOST', `the lease of job ${this.jobId} is lost`)
    const isFirst = !this.isLost
    this.abort(error)
    if (isFirst) this.host.leaseLost()
    return error
  }

  /** Remembers an error after which nothing else may become of the job. */
  fail(error: unknown): unknown {
    if (isFatalOrchestrationError(error)) this.fatal ??= { error }
    return error
  }

  /** Ends the attempt, whatever the orchestration is doing. */
  private end(outcome: Outcome): void {
    if (outcome.kind === 'threw') this.abort(outcome.error)
    this.cut.resolve(outcome)
  }

  private async returned(): Promise<Outcome> {
    let failure: Caught | null = null
    // What ends may be followed by steps of code that was not awaited either.
    while (this.unended.size > 0 && failure === null) {
      for (const end of await Promise.allSettled([...this.unended]))
        if (end.status === 'rejected') failure ??= { error: end.reason }
    }
    return failure === null
      ? { kind: 'returned', isLost: this.isLost }
      : { kind: 'threw', error: failure.error }
  }

  private async windUp(reason: unknown): Promise<void> {
    this.abort(reason)
    if (this.unended.size > 0) await settlesWithin(Promise.allSettled([...this.unended]), HOLD_MS)
  }

  private final(outcome: Outcome): Outcome {
    if (this.isLost && (this.wasCutOff || this.wasRefused || outcome.kind !== 'returned'))
      return { kind: 'cut-off' }
    if (this.fatal !== null) return { kind: 'threw', error: this.fatal.error }
    if (this.isStopping && this.wasRefused) return { kind: 'stopped' }
    return outcome.kind === 'returned' ? { kind: 'returned', isLost: this.isLost } : outcome
  }

  private refuse(reason: unknown): void {
    if (this.refusal !== null && !this.isLost) return
    const error = isError(reason) ? reason : new LeaseLostError('ERR_DURABL_LEASE_LOST', reasonOf(reason))
    this.refusal = { error }
  }

  private stopIfIdle(): void {
    if (!this.isStopping || this.running.size > 0) return
    // Its end may be only a few steps of the promise away.
    afterIo(() => {
      if (this.running.size === 0) this.end({ kind: 'stopped' })
    })
  }

  private turn(): object {
    if (this.currentTurn === null) {
      this.currentTurn = {}
      afterMicrotasks(() => (this.currentTurn = null))
    }
    return this.currentTurn
  }

  private checkNoBranch({ path, seq }: Place, name: string): void {
    if (this.journal.hasBranch(pathWithin({ path, seq })))
      throw new NondeterminismError(this.jobId, seq, 'a branch', name)
  }

  private whileRunning<R>(name: string, work: (step: RunningStep) => Promise<R>): Promise<R> {
    const step = new RunningStep(name, this.turn(), isFatal)
    this.running.add(step)
    return this.untilEnded(this.runStep(step, work))
  }

  private async runStep<R>(step: RunningStep, work: (step: RunningStep) => Promise<R>): Promise<R> {
    try {
      return await work(step)
    } finally {
      this.running.delete(step)
      this.stopIfIdle()
    }
  }

  private untilEnded<R>(promise: Promise<R>): Promise<R> {
    this.unended.add(promise)
    const ended = () => void this.unended.delete(promise)
    promise.then(ended, ended)
    return promise
  }

  private async call(step: RunningStep, fn: StepFunction, settings: StepSettings): Promise<unknown> {
    // A crash after the effect must not give the next attempt another time.
    if (this.beginning.recording !== null) await this.beginning.recording
    return step.run((keys, signal) => WITHIN.run(this, fn, keys, signal), settings)
  }

  /** Records an end of a step, and answers: with this value, or with what was recorded before. */
  private async record<R>(
    { path, seq }: Place,
    name: string,
    end: { result: unknown; error?: StepFailure },
    value: R,
    valueOfRecord: (record: StepRecord) => unknown = resultOf,
  ): Promise<unknown> {
    if (this.beginning.recording !== null) await this.beginning.recording
    if (this.isLost) throw this.cutOff()
    if (!this.hasRecorded) {
      this.hasRecorded = true
      this.host.firstRecord()
    }
    const record: StepRecord = { seq, name, result: end.result, ts: new Date(this.host.now()) }
    if (path !== '') record.path = path
    if (end.error !== undefined) record.error = end.error
    const appended = await this.append(record)
    return appended === null ? value : valueOfRecord(appended)
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
    this.wasCutOff = true
    return this.leaseLost()
  }
}

/** The path of the steps in a branch at this place. */
export function pathWithin({ path, seq }: Place): string {
  return path === '' ? String(seq) : `${path}.${seq}`
}

function encoded(encode: () => unknown, machine: StepMachine): unknown {
  try {
    return encode()
  } catch (error) {
    throw machine.fail(error)
  }
}

function refused(why: string): DurablError {
  return new DurablError('ERR_DURABL_STEP_REFUSED', why)
}
