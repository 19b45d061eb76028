/** The tools of an orchestration, or of a branch of one: they check arguments and count places. */
import type { TransactionOptions } from 'mongodb'
import { unwatched } from '../base/deferred'
import { uuidOf } from '../journal/bootstrap'
import type {
  HeartbeatClaimedResult,
  MapOptions,
  OrchestratorContext,
  StepKeys,
  StepOptions,
  TryStepResult,
} from '../types'
import {
  checkItems,
  checkLabel,
  checkSleepMs,
  checkStepFunction,
  checkStepName,
  checkWakeTime,
  readMapOptions,
  readStepOptions,
} from '../validate'
import { pathWithin } from './replay'
import type { Place } from './host'
import type { StepMachine } from './machine'
import { mapItems } from './map'
import type { StepFunction, StepSettings, TransactionFunction } from './step'

/** Parts of a run that its tools use. */
export interface Surroundings {
  readonly machine: StepMachine
  /** 0 for no limit. */
  readonly stepTimeoutMs: number
  log(message: string): void
  heartbeat(): Promise<HeartbeatClaimedResult>
}

/** The tools of a running orchestration. The methods are fields, so that an orchestration may take those it needs: `async (job, { step }) => …`. */
export class Scope implements OrchestratorContext {
  declare readonly signal: AbortSignal
  /** True once the orchestration has asked for the signal. */
  hasReadSignal = false
  private next = 0

  constructor(
    private readonly around: Surroundings,
    private readonly path: string,
  ) {
    for (const name of ['around', 'path', 'next', 'hasReadSignal'])
      Object.defineProperty(this, name, { enumerable: false })
    Object.defineProperty(this, 'signal', {
      get: () => {
        this.hasReadSignal = true
        return around.machine.controller.signal
      },
      enumerable: true,
    })
  }

  readonly step = <R>(
    name: string,
    fn: (keys: StepKeys, signal: AbortSignal) => R | PromiseLike<R>,
    options?: StepOptions,
  ): Promise<R> =>
    this.asked<R>('octx.step', name, fn, options, (place, settings, call) =>
      this.around.machine.step(place, name, call, settings),
    )

  readonly tryStep = <R>(
    name: string,
    fn: (keys: StepKeys, signal: AbortSignal) => R | PromiseLike<R>,
    options?: StepOptions,
  ): Promise<TryStepResult<R>> =>
    this.asked<TryStepResult<R>>('octx.tryStep', name, fn, options, (place, settings, call) =>
      this.around.machine.tryStep(place, name, call, settings),
    )

  readonly transaction = <R>(
    name: string,
    fn: (session: any, keys: StepKeys) => R | PromiseLike<R>,
    options?: TransactionOptions,
  ): Promise<R> =>
    this.asked<R>('octx.transaction', name, fn, undefined, (place, { keys }, call) =>
      this.around.machine.transaction(place, name, call as unknown as TransactionFunction, keys, options),
    )

  readonly sleep = (name: string, ms: number): Promise<void> =>
    this.asleep('octx.sleep', name, () => {
      const length = checkSleepMs('octx.sleep', ms)
      return (present) => present + length
    })

  readonly sleepUntil = (name: string, date: Date): Promise<void> =>
    this.asleep('octx.sleepUntil', name, () => {
      const moment = checkWakeTime('octx.sleepUntil', date)
      return () => moment
    })

  readonly branch = <R>(name: string, fn: (branch: OrchestratorContext) => R | PromiseLike<R>): Promise<R> =>
    unwatched(this.begin('octx.branch', name, fn) as Promise<R>)

  readonly map = <T, R>(
    name: string,
    items: readonly T[],
    fn: (item: T, keys: StepKeys, signal: AbortSignal) => R | PromiseLike<R>,
    options?: MapOptions,
  ): Promise<any> => unwatched(this.mapped(name, items, fn, options))

  readonly now = (): number => this.around.machine.started().startedAt

  readonly uuid = (label: string): string => {
    const checked = checkLabel(label)
    return uuidOf(this.around.machine.started().seed, checked)
  }

  readonly log = (message: string): void => {
    if (!this.around.machine.isFrozen) this.around.log(message)
  }

  readonly heartbeat = (): Promise<HeartbeatClaimedResult> => unwatched(this.around.heartbeat())

  /** Not `async`: the place is taken in the very call. */
  private asked<R>(
    where: string,
    name: string,
    fn: unknown,
    options: unknown,
    run: (place: Place, settings: StepSettings, fn: StepFunction) => Promise<unknown>,
  ): Promise<R> {
    const { machine } = this.around
    if (machine.isFrozen) return never()
    try {
      const call = checkStepFunction(where, fn) as StepFunction
      const settings = readStepOptions(where, options)
      const place = machine.enter(checkStepName(where, name), () => this.take())
      machine.called(name)
      return unwatched(run(place, this.settings(place, name, settings), call) as Promise<R>)
    } catch (error) {
      return unwatched(thrown(error))
    }
  }

  /** Not `async`, as {@link asked}. */
  private asleep(where: string, name: string, read: () => (present: number) => number): Promise<void> {
    const { machine } = this.around
    if (machine.isFrozen) return never()
    try {
      const moment = read()
      const place = machine.enter(checkStepName(where, name), () => this.take())
      machine.called(name)
      return unwatched(machine.sleep(place, name, moment))
    } catch (error) {
      return unwatched(thrown(error))
    }
  }

  private async begin(where: string, name: string, fn: unknown): Promise<unknown> {
    const { machine } = this.around
    if (machine.isFrozen) return never()
    const call = checkStepFunction(where, fn)
    const place = machine.enter(checkStepName(where, name), () => this.take())
    machine.enterBranch(place, name)
    const branch = new Scope(this.around, pathWithin(place))
    return machine.whileBranching((async () => call(branch))())
  }

  private async mapped(name: string, items: unknown, fn: unknown, options: unknown): Promise<unknown> {
    const where = 'octx.map'
    const { machine } = this.around
    if (machine.isFrozen) return never()
    const call = checkStepFunction(where, fn)
    const { concurrency, onFailure, ...settings } = readMapOptions(where, options)
    const checkedName = checkStepName(where, name)
    const steps = checkItems(where, items).map((item, index) => {
      const itemName = `${checkedName}[${index}]`
      const place = machine.enter(itemName, () => this.take())
      const run: StepFunction = (keys, signal) => call(item, keys, signal)
      return { place, name: itemName, run, settings: this.settings(place, itemName, settings) }
    })
    return mapItems(machine, steps, concurrency ?? 10, onFailure === 'collect')
  }

  private take(): Place {
    const seq = this.next
    this.next += 1
    return { path: this.path, seq }
  }

  private settings(place: Place, name: string, options: StepOptions): StepSettings {
    const { machine, stepTimeoutMs } = this.around
    const { jobId } = machine
    const idempotencyKey = options.idempotencyKey ?? `${jobId}:${pathWithin(place)}:${name}`
    return {
      keys: { idempotencyKey, jobId, seq: place.seq },
      timeoutMs: options.timeoutMs ?? stepTimeoutMs,
      retry: options.retry ?? null,
    }
  }
}

/** As it was thrown. */
async function thrown(error: unknown): Promise<never> {
  throw error
}

function never(): Promise<never> {
  return new Promise(() => {})
}
