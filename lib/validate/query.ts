import { types } from 'node:util'
import { argumentError } from '../base/errors'
import type { DedupeScope, JobStatus } from '../types'
import { nearest } from './nearest'
import { NAME, check, isRecord, oneOf, wholeNumber } from './rules'
import type { Rule } from './rules'
import { quote, show } from './show'

/** One condition of a query: the stored field, and the value that it must equal. */
export interface Condition {
  readonly field: string
  readonly value: unknown
}

const ANY_WHOLE = wholeNumber(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)

const FIELDS: Readonly<Record<string, Rule<unknown>>> = {
  _id: NAME,
  id: NAME,
  type: NAME,
  status: oneOf<JobStatus>('pending', 'active', 'completed', 'failed', 'superseded'),
  dedupeKey: NAME,
  dedupeScope: oneOf<DedupeScope>('pending', 'pending+active'),
  priority: ANY_WHOLE,
  attempt: ANY_WHOLE,
  maxAttempts: ANY_WHOLE,
}

/** A path into the payload: no part may be empty, or mean something to the database. */
export const PAYLOAD_PATH = /^data(\.[^.$\0][^.\0]*)+$/

/** Equality with a single value, which is all that a query knows. Objects could be operators. */
export const PAYLOAD_VALUE: Rule<unknown> = {
  allowed: 'a string, number, bigint, boolean, null, Date or BSON value, to be compared for equality',
  read: (value) => {
    const isScalar = value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value)
    return isScalar || types.isDate(value) || isBsonValue(value) ? { value } : { wrong: 'type' }
  },
}

function isBsonValue(value: unknown): boolean {
  return isRecord(value) && typeof value._bsontype === 'string' && !Object.hasOwn(value, '_bsontype')
}

/**
 * The query of `findOne`, as conditions on stored fields. An undefined value is refused here, as it would silently widen the search to
 * unwanted jobs.
 */
export function normalizeQuery(query: unknown): readonly Condition[] {
  const where = 'findOne'
  if (!isRecord(query))
    throw argumentError(TypeError, `${where}: query must be an object; got ${show(query)}`)
  return Object.keys(query).map((name) => {
    const value = query[name]
    const rule = ruleFor(name)
    if (rule === null) throw unknownField(where, name)
    return { field: name === 'id' ? '_id' : name, value: check(where, `field ${quote(name)}`, value, rule) }
  })
}

function ruleFor(name: string): Rule<unknown> | null {
  if (PAYLOAD_PATH.test(name)) return PAYLOAD_VALUE
  return Object.hasOwn(FIELDS, name) ? (FIELDS[name] ?? null) : null
}

function unknownField(where: string, name: string): TypeError {
  const known = Object.keys(FIELDS)
  const meant = nearest(name, known)
  const hint =
    meant === null
      ? `known are ${known.join(', ')} and paths such as "data.userId"`
      : `did you mean "${meant}"?`
  return argumentError(TypeError, `${where}: a query can't ask for ${quote(name)}; ${hint}`)
}
