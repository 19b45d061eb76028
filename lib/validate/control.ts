/** The arguments of the calls that change single jobs. */
import { argumentError } from '../base/errors'
import type { CancelOptions, RescheduleOptions, RetryOptions } from '../types'
import { checkJobIds } from './backend'
import { MOST_ATTEMPTS, PRIORITY } from './enqueue'
import { readOptions } from './options'
import { DATE, NAME, TEXT, check, duration, isRecord, wholeNumber } from './rules'
import type { Rule } from './rules'

const ANYTHING: Rule<unknown> = { allowed: 'anything', read: (value) => ({ value }) }

const RETRY_RULES = {
  data: ANYTHING,
  delay: duration(0),
  maxAttempts: wholeNumber(1, MOST_ATTEMPTS),
} satisfies Record<keyof RetryOptions, Rule<unknown>>

const RESCHEDULE_RULES = {
  delay: duration(0),
  runAt: DATE,
  priority: PRIORITY,
} satisfies Record<keyof RescheduleOptions, Rule<unknown>>

export function checkId(where: string, id: unknown): string {
  return check(where, 'id', id, NAME)
}

/** The arguments of `retry`, defaults filled in. */
export interface Retry {
  /** Null to keep the payload. */
  readonly replacement: { readonly data: unknown } | null
  readonly delayMs: number
  /** Null to keep it. */
  readonly maxAttempts: number | null
}

export function normalizeRetry(options: unknown): Retry {
  // Null is a payload as well, and no absent option.
  const given = isRecord(options) ? { ...options } : options
  const data = isRecord(given) ? given.data : undefined
  if (isRecord(given)) given.data = undefined
  const { delay = 0, maxAttempts = null } = readOptions('retry', given, RETRY_RULES)
  return { replacement: data === undefined ? null : { data }, delayMs: delay, maxAttempts }
}

/** The arguments of `reschedule`. At most one of `delayMs` and `runAt` is not null. */
export interface Reschedule {
  readonly delayMs: number | null
  readonly runAt: Date | null
  readonly priority: number | null
}

export function normalizeReschedule(options: unknown): Reschedule {
  const where = 'reschedule'
  const { delay, runAt, priority } = readOptions(where, options, RESCHEDULE_RULES)
  if (delay !== undefined && runAt !== undefined) {
    throw argumentError(TypeError, `${where}: options "delay" and "runAt" cannot be used together`)
  }
  if (delay === undefined && runAt === undefined && priority === undefined) {
    throw argumentError(
      TypeError,
      `${where}: options must have at least one of "delay", "runAt" and "priority"`,
    )
  }
  return { delayMs: delay ?? null, runAt: runAt ?? null, priority: priority ?? null }
}

/** New data for a job with a journal, which records the work on the old data. */
export function journalKept(id: string): TypeError {
  return argumentError(
    TypeError,
    `retry: option "data" cannot be used with job ${id}: its journal of steps was made with its present data. Retry it without "data", ` +
      'or enqueue a new job',
  )
}

/** Longer reasons are payloads in the wrong place. */
const LONGEST_REASON = 4096

const REASON: Rule<string> = {
  allowed: `a string of at most ${LONGEST_REASON} characters`,
  read: (value) => {
    const reading = TEXT.read(value)
    return 'value' in reading && reading.value.length > LONGEST_REASON ? { wrong: 'range' } : reading
  },
}

const CANCEL_RULES = { reason: REASON } satisfies Record<keyof CancelOptions, Rule<unknown>>

/** The arguments of `cancel`. */
export interface CancelSettings {
  readonly id: string
  /** Null for none. An empty one is none. */
  readonly reason: string | null
}

export function checkCancel(where: string, id: unknown, options: unknown): CancelSettings {
  const checked = checkId(where, id)
  const { reason = '' } = readOptions(where, options, CANCEL_RULES)
  return { id: checked, reason: reason === '' ? null : reason }
}

export function checkCancelRequests(jobIds: unknown): readonly string[] {
  return checkJobIds('cancelRequests', jobIds)
}
