import type { ClientSession } from 'mongodb'
import { argumentError } from '../base/errors'
import type { Backoff, DedupeScope, EnqueueManyOptions, EnqueueOptions } from '../types'
import { readOptions, unknownName } from './options'
import { NAME, check, duration, isRecord, oneOf, wholeNumber } from './rules'
import type { Rule } from './rules'
import { SESSION, checkInTransaction } from './session'
import { show } from './show'

/** A job to be created, but for its payload: every value checked, every default filled in. All times in milliseconds. */
export interface NewJob {
  readonly type: string
  readonly priority: number
  readonly delayMs: number
  readonly maxAttempts: number
  readonly dedupeKey: string | null
  /** Null exactly when `dedupeKey` is. */
  readonly dedupeScope: DedupeScope | null
  /** Replace the payload of the pending holder of the key. */
  readonly coalesceLatest: boolean
  /** Null for the default, here and below: it is not stored with the job. */
  readonly backoff: Backoff | null
  readonly backoffDelayMs: number | null
  readonly backoffMaxDelayMs: number | null
  /** The transaction to make it in; null for none. It was in progress at the time of the call. */
  readonly session: ClientSession | null
}

const DEFAULT_MAX_ATTEMPTS = 3
/** What the stored integer can hold. */
export const MOST_ATTEMPTS = 2 ** 31 - 1
export const PRIORITY = wholeNumber(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)

const RULES = {
  priority: PRIORITY,
  delay: duration(0),
  maxAttempts: wholeNumber(1, MOST_ATTEMPTS),
  dedupeKey: NAME,
  dedupeScope: oneOf<DedupeScope>('pending', 'pending+active'),
  coalesce: oneOf('latest'),
  backoff: oneOf<Backoff>('exponential', 'fixed'),
  backoffDelay: duration(0),
  backoffMaxDelay: duration(0),
  session: SESSION,
} satisfies Record<keyof EnqueueOptions, Rule<unknown>>

/** What `claimOrEnqueue` may be given: what `enqueue` may, but for a session. */
export function normalizeClaimOrEnqueue(type: unknown, options: unknown): NewJob {
  if (isRecord(options) && options.session !== undefined) {
    throw argumentError(
      TypeError,
      'claimOrEnqueue: option "session" can not be used: a claim that may be rolled back is none. Claim first, and complete the ' +
        'handle with the session; or enqueue with the session',
    )
  }
  return normalizeEnqueue('claimOrEnqueue', type, options)
}

/** What `enqueue` may be given. */
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
  if (read.session !== undefined) checkInTransaction(where, read.session)
  return Object.freeze({
    type: checkedType,
    priority: read.priority ?? 0,
    delayMs: read.delay ?? 0,
    maxAttempts: read.maxAttempts ?? DEFAULT_MAX_ATTEMPTS,
    dedupeKey,
    dedupeScope,
    coalesceLatest: read.coalesce === 'latest',
    backoff: read.backoff ?? null,
    backoffDelayMs: read.backoffDelay ?? null,
    backoffMaxDelayMs: read.backoffMaxDelay ?? null,
    session: read.session ?? null,
  })
}

const JOB_FIELDS = ['type', 'data', 'options']
const MANY_RULES = { session: SESSION } satisfies Record<keyof EnqueueManyOptions, Rule<unknown>>

/** The session for all jobs of an `enqueueMany`; null if there is none. */
export function sessionOfMany(where: string, options: unknown): ClientSession | null {
  const { session = null } = readOptions(where, options, MANY_RULES)
  if (session !== null) checkInTransaction(where, session)
  return session
}

/** What `enqueueMany` may be given. */
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
      `${where}: option "session" can not be a single job's: pass it for all of them, as enqueueMany(jobs, { session })`,
    )
  }
  return normalizeEnqueue(where, job.type, job.options)
}
