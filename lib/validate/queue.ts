/** The arguments of `JobQueue` and of the global functions. */
import type * as Os from 'node:os'
import { later } from '../base/later'
import { argumentError } from '../base/errors'
import type {
  GlobalQueueOptions,
  IJobQueueBackend,
  JobChangeListener,
  JobEventListener,
  JobHandle,
  JobHandler,
  JobQueueOptions,
  Logger,
  ProcessorConfig,
  RetryDelay,
  RunClaimedOptions,
  SignalHandlerOptions,
  Telemetry,
} from '../types'
import { normalizeDefaults } from './enqueue'
import type { DefaultSettings } from './enqueue'
import { readOptions } from './options'
import type { Read } from './options'
import {
  BOOLEAN,
  NAME,
  check,
  checkOr,
  duration,
  functionOf,
  isRecord,
  listOf,
  objectWith,
  oneOf,
  wholeNumber,
} from './rules'
import type { Rule } from './rules'
import { show } from './show'

const DEFAULT_VISIBILITY_TIMEOUT_MS = 300_000
const DEFAULT_REAPER_INTERVAL_MS = 60_000
const DEFAULT_SHUTDOWN_TIMEOUT_MS = 30_000
/** Less than the 30 s after which the common platforms kill a process that they have sent SIGTERM. */
const DEFAULT_SIGNAL_GRACE_MS = 25_000
const DEFAULT_MAX_DRAINS = 10
const DEFAULT_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT']

/** More would be a mistake in the unit, and more than any process can hold. */
const MOST_SLOTS = 100_000

/** The methods that a backend of any era has. Others are asked for where they are used. */
const BACKEND_METHODS = ['enqueue', 'claimOrEnqueue', 'claimNext', 'complete', 'fail'] as const

const BACKEND: Rule<IJobQueueBackend> = objectWith('a backend', ...BACKEND_METHODS)
const HANDLER: Rule<JobHandler<any>> = functionOf('(job, ctx) => …')
export const LOGGER: Rule<Logger> = objectWith('a logger', 'debug', 'info', 'warn', 'error')

const QUEUE_RULES = {
  visibilityTimeoutMs: duration(1),
  onJobEvent: functionOf<JobEventListener>('(event) => …'),
  onJobChange: functionOf<JobChangeListener>('(change) => …'),
  defaults: objectWith<NonNullable<JobQueueOptions['defaults']>>('an object { all, types }'),
  telemetry: objectWith<Telemetry>('telemetry', 'making', 'running'),
  autoRecover: BOOLEAN,
} satisfies Record<keyof JobQueueOptions, Rule<unknown>>

const GLOBAL_RULES = { ...QUEUE_RULES, logger: LOGGER } satisfies Record<
  keyof GlobalQueueOptions,
  Rule<unknown>
>

const CONCURRENCY = wholeNumber(0, MOST_SLOTS)

export const PROCESSOR_RULES = {
  concurrency: CONCURRENCY,
  pollInterval: duration(1),
  heartbeatIntervalMs: duration(1),
  timeoutMs: duration(1),
  retryDelay: functionOf<RetryDelay>('({ attempt, error, job }) => milliseconds, or null'),
  results: oneOf('discard', 'keep'),
  prefetch: wholeNumber(0, MOST_SLOTS),
} satisfies Record<keyof ProcessorConfig, Rule<unknown>>

const RUN_CLAIMED_RULES = {
  maxDrains: wholeNumber(0, Number.MAX_SAFE_INTEGER),
  results: oneOf('discard', 'keep'),
} satisfies Record<keyof RunClaimedOptions, Rule<unknown>>

const os = later(() => require('node:os') as typeof Os)

const SIGNAL: Rule<NodeJS.Signals> = {
  allowed: 'the name of a signal that a process can handle',
  read: (value) => {
    if (typeof value !== 'string') return { wrong: 'type' }
    const isKnown = Object.hasOwn(os().constants.signals, value) && value !== 'SIGKILL' && value !== 'SIGSTOP'
    return isKnown ? { value: value as NodeJS.Signals } : { wrong: 'range' }
  },
}

type OnDrained = NonNullable<SignalHandlerOptions['onDrained']>

const SIGNAL_RULES = {
  signals: listOf('names of signals that a process can handle', SIGNAL),
  timeoutMs: duration(0),
  onDrained: functionOf<OnDrained>('(signal) => …'),
} satisfies Record<keyof SignalHandlerOptions, Rule<unknown>>

export function checkBackend(where: string, backend: unknown): IJobQueueBackend {
  return check(where, 'backend', backend, BACKEND)
}

/** Any object that has a backend, as a queue of any map of types. */
export function checkQueue(where: string, queue: unknown): { readonly backend: IJobQueueBackend } {
  const backend = isRecord(queue) ? queue.backend : undefined
  if ('value' in BACKEND.read(backend)) return queue as { readonly backend: IJobQueueBackend }
  throw argumentError(TypeError, `${where}: queue must be a JobQueue; got ${show(queue)}`)
}

export function checkHandler(where: string, handler: unknown): JobHandler<any> {
  return check(where, 'handler', handler, HANDLER)
}

/** Undefined, or null, for the default logger. */
export function checkLogger(where: string, logger: unknown): Logger | undefined {
  if (logger === null) return undefined
  const isOptions = isRecord(logger) && Object.keys(logger).some((name) => Object.hasOwn(QUEUE_RULES, name))
  if (isOptions) {
    throw argumentError(
      TypeError,
      `${where}: logger must be ${LOGGER.allowed}; got options: they are the third argument, (backend, undefined, options)`,
    )
  }
  return checkOr(where, 'logger', logger, LOGGER, undefined)
}

/** The options of a queue, defaults filled in. */
export interface QueueSettings {
  readonly visibilityTimeoutMs: number
  readonly onJobEvent: JobEventListener | undefined
  readonly onJobChange: JobChangeListener | undefined
  readonly defaults: DefaultSettings | null
  /** Null for none. */
  readonly telemetry: Telemetry | null
  readonly autoRecover: boolean
}

export function normalizeQueueOptions(where: string, options: unknown): QueueSettings {
  const read = readOptions(where, options, QUEUE_RULES)
  return Object.freeze({
    visibilityTimeoutMs: read.visibilityTimeoutMs ?? DEFAULT_VISIBILITY_TIMEOUT_MS,
    onJobEvent: read.onJobEvent,
    onJobChange: read.onJobChange,
    defaults: read.defaults === undefined ? null : normalizeDefaults(where, read.defaults),
    telemetry: read.telemetry ?? null,
    autoRecover: read.autoRecover ?? true,
  })
}

/** The options of the global functions. Absent ones stay absent: they are merged before defaults apply. */
export function readGlobalOptions(where: string, options: unknown): Read<typeof GLOBAL_RULES> {
  return readOptions(where, options, GLOBAL_RULES)
}

/** A processor: every option checked, and every default filled in or left to the engine as null. */
export interface Processor {
  readonly type: string
  readonly handler: JobHandler<any>
  readonly concurrency: number
  /** Null: the engine's default, which is longer if wake-ups are pushed. */
  readonly pollInterval: number | null
  /** Null: a quarter of the visibility timeout. */
  readonly heartbeatIntervalMs: number | null
  /** Null: no limit. */
  readonly timeoutMs: number | null
  /** Null: the job's own back-off. */
  readonly retryDelay: RetryDelay | null
  readonly results: 'discard' | 'keep'
  /** Null: the engine's choice. */
  readonly prefetch: number | null
}

export function normalizeProcessor(
  type: unknown,
  handler: unknown,
  config: unknown,
  visibilityTimeoutMs: number,
): Processor {
  const checkedType = check('process', 'type', type, NAME)
  const checkedHandler = checkHandler('process', handler)
  const read = readOptions('process', config, PROCESSOR_RULES)
  const { heartbeatIntervalMs } = read
  if (heartbeatIntervalMs !== undefined && heartbeatIntervalMs >= visibilityTimeoutMs) {
    throw argumentError(
      RangeError,
      `process: option "heartbeatIntervalMs" must be less than the queue's visibilityTimeoutMs (${visibilityTimeoutMs}); ` +
        `got ${show(heartbeatIntervalMs)}`,
    )
  }
  return Object.freeze({
    type: checkedType,
    handler: checkedHandler,
    concurrency: read.concurrency ?? 1,
    pollInterval: read.pollInterval ?? null,
    heartbeatIntervalMs: heartbeatIntervalMs ?? null,
    timeoutMs: read.timeoutMs ?? null,
    retryDelay: read.retryDelay ?? null,
    results: read.results ?? 'discard',
    prefetch: read.prefetch ?? null,
  })
}

export function checkConcurrency(where: string, concurrency: unknown): number {
  return check(where, 'concurrency', concurrency, CONCURRENCY)
}

/** The arguments of `runClaimed`, checked. */
export interface RunClaimedSettings {
  readonly handle: JobHandle<any>
  readonly handler: JobHandler<any>
  readonly maxDrains: number
  readonly keepsResults: boolean
}

export function normalizeRunClaimed(handle: unknown, handler: unknown, options: unknown): RunClaimedSettings {
  const isHandle = isRecord(handle) && typeof handle.id === 'string' && typeof handle.complete === 'function'
  if (!isHandle) {
    throw argumentError(
      TypeError,
      `runClaimed: handle must be a JobHandle, as claimOrEnqueue returns it; got ${show(handle)}`,
    )
  }
  const checkedHandler = checkHandler('runClaimed', handler)
  const read = readOptions('runClaimed', options, RUN_CLAIMED_RULES)
  return Object.freeze({
    handle: handle as unknown as JobHandle<any>,
    handler: checkedHandler,
    maxDrains: read.maxDrains ?? DEFAULT_MAX_DRAINS,
    keepsResults: read.results === 'keep',
  })
}

export function checkReaperInterval(intervalMs: unknown): number {
  return checkOr('startReaper', 'intervalMs', intervalMs, duration(1), DEFAULT_REAPER_INTERVAL_MS)
}

export function checkShutdownTimeout(where: string, timeoutMs: unknown): number {
  return checkOr(where, 'timeoutMs', timeoutMs, duration(0), DEFAULT_SHUTDOWN_TIMEOUT_MS)
}

/** The options of `installSignalHandlers`, defaults filled in. */
export interface SignalSettings {
  readonly signals: readonly NodeJS.Signals[]
  readonly timeoutMs: number
  readonly onDrained: OnDrained | undefined
}

export function normalizeSignalOptions(options: unknown): SignalSettings {
  const read = readOptions('installSignalHandlers', options, SIGNAL_RULES)
  return Object.freeze({
    signals: read.signals ?? DEFAULT_SIGNALS,
    timeoutMs: read.timeoutMs ?? DEFAULT_SIGNAL_GRACE_MS,
    onDrained: read.onDrained,
  })
}
