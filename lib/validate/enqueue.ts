import type { ClientSession } from 'mongodb'
import { argumentError } from '../base/errors'
import type {
  Backoff,
  DedupeScope,
  EnqueueDefaults,
  EnqueueManyOptions,
  EnqueueOptions,
  JobTrace,
} from '../types'
import { readOptions, unknownName } from './options'
import type { Read } from './options'
import { BOOLEAN, MOMENT, NAME, check, duration, isRecord, objectWith, oneOf, wholeNumber } from './rules'
import type { Rule } from './rules'
import { SESSION, checkInTransaction } from './session'
import { show } from './show'
import { TRACE } from './trace'

/** A job to be created, but for its payload: every value checked, every default filled in. All times in milliseconds. */
export interface NewJob {
  readonly type: string
  /** Null for a new one. */
  readonly id: string | null
  readonly priority: number
  readonly delayMs: number
  /** Instead of a delay, in milliseconds since the epoch; null for none. */
  readonly runAtMs: number | null
  readonly maxAttempts: number
  readonly dedupeKey: string | null
  /** Null exactly when `dedupeKey` is. */
  readonly dedupeScope: DedupeScope | null
  /** Replace the payload of the pending holder of the key. */
  readonly coalesceLatest: boolean
  /** Null: the key is held no longer than its scope says. */
  readonly dedupeForMs: number | null
  /** True if the caller asks which job is in its way. */
  readonly detailed: boolean
  /** Null for its processor's limit. */
  readonly timeoutMs: number | null
  /** Null: it does not expire. */
  readonly expiresInMs: number | null
  /** Null for the default, here and below: it is not stored with the job. */
  readonly backoff: Backoff | null
  readonly backoffDelayMs: number | null
  readonly backoffMaxDelayMs: number | null
  /** Null for none. */
  readonly trace: JobTrace | null
  /** The transaction to make it in; null for none. It was in progress at the time of the call. */
  readonly session: ClientSession | null
}

const DEFAULT_MAX_ATTEMPTS = 3
/** The largest value of the stored integer. */
export const MOST_ATTEMPTS = 2 ** 31 - 1
export const PRIORITY = wholeNumber(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)

/** durabl's own jobs may have ids of their own one day. */
const RESERVED = 'durabl:'

const OWN_ID: Rule<string> = {
  allowed: `${NAME.allowed}, that does not begin with '${RESERVED}'`,
  read: (value) => {
    const reading = NAME.read(value)
    return 'value' in reading && reading.value.startsWith(RESERVED) ? { wrong: 'range' } : reading
  },
}

const GROWTH = oneOf<Backoff>('exponential', 'fixed')
const BACKOFF: Rule<Backoff> = { ...GROWTH, allowed: `${GROWTH.allowed}, with the wait in "backoffDelay"` }

const RULES = {
  id: OWN_ID,
  priority: PRIORITY,
  delay: duration(0),
  runAt: MOMENT,
  maxAttempts: wholeNumber(1, MOST_ATTEMPTS),
  dedupeKey: NAME,
  dedupeScope: oneOf<DedupeScope>('pending', 'pending+active'),
  dedupeForMs: duration(1),
  coalesce: oneOf('latest'),
  timeoutMs: duration(1),
  expiresInMs: duration(1),
  backoff: BACKOFF,
  backoffDelay: duration(0),
  backoffMaxDelay: duration(0),
  trace: TRACE,
  session: SESSION,
} satisfies Record<keyof EnqueueOptions, Rule<unknown>>

/** Checks the arguments of `claimOrEnqueue`: those of `enqueue`, without a session. */
export function normalizeClaimOrEnqueue(type: unknown, options: unknown): NewJob {
  if (isRecord(options) && options.session !== undefined) {
    throw argumentError(
      TypeError,
      'claimOrEnqueue: option "session" cannot be used: a claim cannot be rolled back. Claim first, and complete the ' +
        'handle with the session; or enqueue with the session',
    )
  }
  return normalizeEnqueue('claimOrEnqueue', type, options)
}

/** Checks the arguments of `enqueue`. */
export function normalizeEnqueue(where: string, type: unknown, options: unknown): NewJob {
  const checkedType = check(where, 'type', type, NAME)
  const read = readOptions(where, options, RULES)
  const dedupeKey = read.dedupeKey ?? null
  // A scope without a key is no mistake: the key may be optional in the caller's own code.
  const dedupeScope = dedupeKey === null ? null : (read.dedupeScope ?? 'pending+active')
  if (read.coalesce !== undefined && dedupeScope !== 'pending') {
    throw argumentError(
      TypeError,
      `${where}: option "coalesce" must be used with a dedupeKey and dedupeScope 'pending'; got ${
        dedupeKey === null ? 'no dedupeKey' : `dedupeScope '${dedupeScope}'`
      }`,
    )
  }
  checkTogether(where, read, dedupeScope)
  if (read.session !== undefined) checkInTransaction(where, read.session)
  return Object.freeze({
    type: checkedType,
    id: read.id ?? null,
    priority: read.priority ?? 0,
    delayMs: read.delay ?? 0,
    runAtMs: read.runAt?.getTime() ?? null,
    maxAttempts: read.maxAttempts ?? DEFAULT_MAX_ATTEMPTS,
    dedupeKey,
    dedupeScope,
    coalesceLatest: read.coalesce === 'latest',
    dedupeForMs: read.dedupeForMs ?? null,
    detailed: false,
    timeoutMs: read.timeoutMs ?? null,
    expiresInMs: read.expiresInMs ?? null,
    backoff: read.backoff ?? null,
    backoffDelayMs: read.backoffDelay ?? null,
    backoffMaxDelayMs: read.backoffMaxDelay ?? null,
    trace: read.trace ?? null,
    session: read.session ?? null,
  })
}

/** Options that exclude or need each other. */
function checkTogether(where: string, read: Read<typeof RULES>, dedupeScope: DedupeScope | null): void {
  const { id, runAt, delay, coalesce, dedupeForMs } = read
  if (runAt !== undefined && delay !== undefined) {
    throw argumentError(TypeError, `${where}: option "runAt" must be used without "delay"; got both`)
  }
  if (id !== undefined && coalesce !== undefined) {
    throw argumentError(
      TypeError,
      `${where}: option "id" must be used without "coalesce", which gives the data to a job of another id; got both`,
    )
  }
  if (dedupeForMs !== undefined && dedupeScope !== 'pending+active') {
    throw argumentError(
      TypeError,
      `${where}: option "dedupeForMs" must be used with a dedupeKey and dedupeScope 'pending+active'; got ${
        dedupeScope === null ? 'no dedupeKey' : `dedupeScope '${dedupeScope}'`
      }`,
    )
  }
}

const DEFAULTS_RULES = {
  priority: RULES.priority,
  maxAttempts: RULES.maxAttempts,
  timeoutMs: RULES.timeoutMs,
  backoff: RULES.backoff,
  backoffDelay: RULES.backoffDelay,
  backoffMaxDelay: RULES.backoffMaxDelay,
} satisfies Record<keyof EnqueueDefaults, Rule<unknown>>

const ANY_OBJECT: Rule<Record<string, unknown>> = objectWith('an object')
const SETS_RULES = { all: ANY_OBJECT, types: ANY_OBJECT }

/** The defaults of a queue, checked. */
export interface DefaultSettings {
  readonly all: EnqueueDefaults | null
  readonly types: ReadonlyMap<string, EnqueueDefaults>
}

export function normalizeDefaults(where: string, defaults: unknown): DefaultSettings {
  const at = `${where}: option "defaults"`
  const read = readOptions(at, defaults, SETS_RULES)
  const all = read.all === undefined ? null : readOptions(`${at}.all`, read.all, DEFAULTS_RULES)
  const types = new Map<string, EnqueueDefaults>()
  for (const [type, options] of Object.entries(read.types ?? {})) {
    check(`${at}.types`, 'type', type, NAME)
    types.set(type, readOptions(`${at}.types[${JSON.stringify(type)}]`, options, DEFAULTS_RULES))
  }
  return { all, types }
}

const JOB_FIELDS = ['type', 'data', 'options']
const MANY_RULES = { session: SESSION, detailed: BOOLEAN } satisfies Record<
  keyof EnqueueManyOptions,
  Rule<unknown>
>

/** The options of an `enqueueMany`. */
export interface ManySettings {
  /** For all of its jobs; null for none. */
  readonly session: ClientSession | null
  readonly detailed: boolean
}

export function normalizeMany(where: string, options: unknown): ManySettings {
  const { session = null, detailed = false } = readOptions(where, options, MANY_RULES)
  if (session !== null) checkInTransaction(where, session)
  return { session, detailed }
}

/** The session for all jobs of an `enqueueMany`; null if there is none. */
export function sessionOfMany(where: string, options: unknown): ClientSession | null {
  return normalizeMany(where, options).session
}

/** The same job, for a caller that asks which job is in its way. */
export function detailed(job: NewJob): NewJob {
  return Object.freeze({ ...job, detailed: true })
}

/** Checks the argument of `enqueueMany`. */
export function normalizeEnqueueMany(where: string, jobs: unknown): NewJob[] {
  if (!Array.isArray(jobs)) {
    throw argumentError(
      TypeError,
      `${where}: jobs must be an array of { type, data, options }; got ${show(jobs)}`,
    )
  }
  // Holes are no jobs either.
  return Array.from(jobs, (job: unknown, index) => normalizeOneOfMany(`${where}: jobs[${index}]`, job))
}

function normalizeOneOfMany(where: string, job: unknown): NewJob {
  if (!isRecord(job)) {
    throw argumentError(TypeError, `${where} must be an object { type, data, options }; got ${show(job)}`)
  }
  for (const name of Object.keys(job)) {
    if (!JOB_FIELDS.includes(name)) throw unknownName(where, 'field', name, JOB_FIELDS)
  }
  if (isRecord(job.options) && job.options.session !== undefined) {
    throw argumentError(
      TypeError,
      `${where}: option "session" cannot be a single job's: pass it for all of them, as enqueueMany(jobs, { session })`,
    )
  }
  return normalizeEnqueue(where, job.type, job.options)
}
