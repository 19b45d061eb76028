/** The arguments of the calls that look at jobs. */
import { argumentError } from '../base/errors'
import type { JobStatus, ListJobsOptions, WaitForOptions } from '../types'
import { readOptions } from './options'
import { PAYLOAD_PATH, PAYLOAD_VALUE } from './query'
import type { Condition } from './query'
import { NAME, check, duration, isRecord, listOf, oneOf, objectWith, wholeNumber } from './rules'
import type { Rule } from './rules'
import { quote, show } from './show'

const DEFAULT_LIMIT = 50
const MOST_JOBS = 2000
/** In one list. */
const MOST_TYPES = 100

const STATUS = oneOf<JobStatus>('pending', 'active', 'completed', 'failed', 'superseded')
const TYPES = listOf('types (non-empty strings)', NAME)

const TYPE: Rule<readonly string[]> = {
  allowed: `a type (a non-empty string), or an array of 1 to ${MOST_TYPES} of them`,
  read: (value) => {
    if (typeof value === 'string') {
      const reading = NAME.read(value)
      return 'value' in reading ? { value: [reading.value] } : reading
    }
    const reading = TYPES.read(value)
    if (!('value' in reading)) return reading
    const types = [...new Set(reading.value)]
    return types.length >= 1 && types.length <= MOST_TYPES ? { value: types } : { wrong: 'range' }
  },
}

/** Base64 of a URL's kind, as all cursors are. */
const CURSOR_TEXT = /^[\w-]+$/

const CURSOR: Rule<string> = {
  allowed: 'the "next" of a page of the same query (a non-empty string)',
  read: (value) => {
    if (typeof value !== 'string' || value === '') return { wrong: 'type' }
    return CURSOR_TEXT.test(value) ? { value } : { wrong: 'range' }
  },
}

/** Checked by itself, for its errors to name the path. */
const WHERE: Rule<Record<string, unknown>> = {
  allowed: 'an object with paths of the payload, such as { "data.userId": "u_123" }',
  read: (value) => (isRecord(value) ? { value } : { wrong: 'type' }),
}

const LIST_RULES = {
  status: STATUS,
  type: TYPE,
  dedupeKey: NAME,
  where: WHERE,
  limit: wholeNumber(1, MOST_JOBS),
  after: CURSOR,
} satisfies Record<keyof ListJobsOptions, Rule<unknown>>

/** The jobs to list, checked. */
export interface JobSelection {
  readonly status: JobStatus
  /** None: all. */
  readonly types: readonly string[]
  readonly dedupeKey: string | null
  readonly conditions: readonly Condition[]
}

/** The options of `listJobs`, defaults filled in. */
export interface ListSettings extends JobSelection {
  readonly limit: number
  readonly after: string | null
}

export function normalizeListJobs(where: string, options: unknown): ListSettings {
  const read = readOptions(where, options, LIST_RULES)
  return {
    status: check(where, 'option "status"', read.status, STATUS),
    types: read.type ?? [],
    dedupeKey: read.dedupeKey ?? null,
    conditions: conditionsOf(where, read.where),
    limit: read.limit ?? DEFAULT_LIMIT,
    after: read.after ?? null,
  }
}

/** Paths of the payload and the values that they must equal. An undefined value is refused, as it would silently widen the search. */
export function conditionsOf(
  where: string,
  paths: Readonly<Record<string, unknown>> | undefined,
): readonly Condition[] {
  return Object.entries(paths ?? {}).map(([field, value]) => {
    if (!PAYLOAD_PATH.test(field)) {
      throw argumentError(
        TypeError,
        `${where}: option "where" can't ask for ${quote(field)}; it takes paths of the payload, such as "data.userId"`,
      )
    }
    return { field, value: check(where, `option "where", field ${quote(field)}`, value, PAYLOAD_VALUE) }
  })
}

const WAIT_RULES = {
  timeoutMs: duration(0),
  signal: objectWith<AbortSignal>('an AbortSignal', 'addEventListener', 'removeEventListener'),
} satisfies Record<keyof WaitForOptions, Rule<unknown>>

/** The options of `waitFor`. */
export interface WaitSettings {
  readonly timeoutMs: number | null
  readonly signal: AbortSignal | null
}

export function normalizeWaitFor(options: unknown): WaitSettings {
  const { timeoutMs, signal } = readOptions('waitFor', options, WAIT_RULES)
  if (signal !== undefined && typeof signal.aborted !== 'boolean') {
    throw argumentError(
      TypeError,
      `waitFor: option "signal" must be ${WAIT_RULES.signal.allowed}; got ${show(signal)}`,
    )
  }
  return { timeoutMs: timeoutMs ?? null, signal: signal ?? null }
}

const IDS = listOf('job ids (non-empty strings)', NAME)

export function checkEndIds(ids: unknown): readonly string[] {
  return check('ends', 'ids', ids, IDS)
}
