/** The arguments of the journal methods, and of orchestrations. */
import type {
  AppendStepOptions,
  Backoff,
  JobQueue as PublicJobQueue,
  OrchestratorConfig,
  OrchestratorFn,
  MapOptions,
  StepOptions,
  StepRecord,
  StepRetry,
} from '../types'
import { readOptions } from './options'
import type { Read, Rules } from './options'
import { PROCESSOR_RULES } from './queue'
import {
  BOOLEAN,
  DATE,
  MOMENT,
  NAME,
  TEXT,
  check,
  checkOr,
  duration,
  functionOf,
  isRecord,
  objectWith,
  oneOf,
  wholeNumber,
} from './rules'
import type { Rule } from './rules'

const SLEEP_MS = duration(0)
const SEQ = wholeNumber(-2, 2 ** 31 - 1)
const KIND = oneOf('sleep', 'retry')

const PATH: Rule<string> = {
  allowed: "a path of branches, as '3' or '3.1'",
  read: (value) => {
    if (typeof value !== 'string') return { wrong: 'type' }
    return /^\d+(\.\d+)*$/.test(value) ? { value } : { wrong: 'range' }
  },
}

const RECORD: Rule<StepRecord> = {
  allowed: 'a step record { seq, name, result, ts }',
  read: (value) => (isRecord(value) ? { value: value as unknown as StepRecord } : { wrong: 'type' }),
}

/** A token is always needed here: each of these writes is fenced. */
export function checkToken(where: string, claimToken: unknown): string {
  return check(where, 'claimToken', claimToken, TEXT)
}

/** A record, but for its result. */
export function checkRecord(where: string, record: unknown): StepRecord {
  const { seq, name, result, ts, path, kind, error } = check(where, 'record', record, RECORD)
  const checked: StepRecord = {
    seq: check(where, 'record.seq', seq, SEQ),
    name: check(where, 'record.name', name, NAME),
    result,
    ts: checkOr<Date, Date>(where, 'record.ts', ts, DATE, new Date()),
  }
  if (path !== undefined) checked.path = check(where, 'record.path', path, PATH)
  if (kind !== undefined) checked.kind = check(where, 'record.kind', kind, KIND)
  if (error !== undefined) checked.error = error
  return checked
}

/** Tells if large results may stand beside the job. No other option is looked at. */
export function checkSpill(where: string, options: unknown): boolean {
  const value = isRecord(options) ? (options as AppendStepOptions).spill : undefined
  return checkOr(where, 'option "spill"', value, BOOLEAN, false)
}

const BODY: Rule<OrchestratorFn<any>> = functionOf('(job, octx) => …')
const STEP: Rule<(...args: unknown[]) => unknown> = functionOf('(keys, signal) => …')
const QUEUE: Rule<PublicJobQueue<any>> = objectWith(
  'a JobQueue',
  'process',
  'assertJournalCapable',
  'appendStep',
)

const CONFIG_RULES = {
  ...PROCESSOR_RULES,
  visibilityTimeoutMs: duration(1),
  stepTimeoutMs: duration(1),
  maxDurationMs: duration(1),
  deadlineMs: duration(1),
  journal: oneOf('spill'),
} satisfies Record<keyof OrchestratorConfig, Rule<unknown>>

const RETRY_RULES = {
  maxAttempts: wholeNumber(1, 1_000_000),
  backoff: oneOf<Backoff>('exponential', 'fixed'),
  backoffDelay: duration(0),
  backoffMaxDelay: duration(0),
} satisfies Record<keyof StepRetry, Rule<unknown>>

const RETRY: Rule<StepRetry> = {
  allowed: 'an object { maxAttempts, … }',
  read: (value) => {
    if (!isRecord(value)) return { wrong: 'type' }
    const read = readOptions('option "retry"', value, RETRY_RULES)
    return read.maxAttempts === undefined
      ? { wrong: 'type' }
      : { value: { ...read, maxAttempts: read.maxAttempts } }
  },
}

const STEP_RULES = {
  idempotencyKey: NAME,
  timeoutMs: duration(0),
  retry: RETRY,
} satisfies Record<keyof StepOptions, Rule<unknown>>

const TEST_RULES = {
  data: { allowed: 'a payload', read: (value) => ({ value }) } satisfies Rule<unknown>,
  jobId: NAME,
  type: NAME,
  stepTimeoutMs: duration(0),
  now: wholeNumber(0, 8_640_000_000_000_000),
  seed: TEXT,
} satisfies Rules

export function readTestOptions(options: unknown): Read<typeof TEST_RULES> {
  // A payload may be null.
  const { data, ...others } = isRecord(options) ? options : { data: undefined, ...(options as object | null) }
  return { ...readOptions('testOrchestration', others, TEST_RULES), data }
}

const MAP_RULES = {
  ...STEP_RULES,
  concurrency: wholeNumber(1, 100_000),
  onFailure: oneOf('stop', 'collect'),
} satisfies Record<keyof MapOptions, Rule<unknown>>

const ITEMS: Rule<readonly unknown[]> = {
  allowed: 'an array',
  read: (value) => (Array.isArray(value) ? { value: value as unknown[] } : { wrong: 'type' }),
}

export function readMapOptions(where: string, options: unknown): Read<typeof MAP_RULES> {
  return readOptions(where, options, MAP_RULES)
}

export function checkItems(where: string, items: unknown): readonly unknown[] {
  return check(where, 'items', items, ITEMS)
}

export function checkJobQueue(where: string, queue: unknown): PublicJobQueue<any> {
  return check(where, 'queue', queue, QUEUE)
}

export function checkOrchestration(where: string, body: unknown): OrchestratorFn<any> {
  return check(where, 'body', body, BODY)
}

export function readConfig(where: string, config: unknown): Read<typeof CONFIG_RULES> {
  return readOptions(where, config, CONFIG_RULES)
}

export function checkStepName(where: string, name: unknown): string {
  return check(where, 'name', name, NAME)
}

export function checkStepFunction(where: string, fn: unknown): (...args: unknown[]) => unknown {
  return check(where, 'fn', fn, STEP)
}

/** The length of a sleep, in milliseconds. */
export function checkSleepMs(where: string, ms: unknown): number {
  return check(where, 'ms', ms, SLEEP_MS)
}

/** The time to wake, in milliseconds since the epoch. */
export function checkWakeTime(where: string, date: unknown): number {
  return check(where, 'date', date, MOMENT).getTime()
}

export function checkLabel(label: unknown): string {
  return check('octx.uuid', 'label', label, TEXT)
}

/** The options of a step; an absent one is undefined. */
export function readStepOptions(where: string, options: unknown): Read<typeof STEP_RULES> {
  return readOptions(where, options, STEP_RULES)
}
