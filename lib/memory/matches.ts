import { types } from 'node:util'
import type { RecordedJob } from '../types'
import type { Condition } from '../validate'

/** True if a job fits all conditions, by the database's rules of equality, as far as a query here can ask. */
export function matches(job: RecordedJob, conditions: readonly Condition[]): boolean {
  return conditions.every(({ field, value }) => {
    if (field === '_id') return job.id === value
    return field.startsWith('data.')
      ? reaches(job.data, field.split('.').slice(1), value)
      : (job as unknown as Record<string, unknown>)[field] === value
  })
}

/** Follows a path; through an array, any of its elements will do. */
function reaches(from: unknown, path: readonly string[], wanted: unknown): boolean {
  const [name, ...rest] = path
  if (name === undefined) return holds(from, wanted)
  if (Array.isArray(from)) {
    const elements: readonly unknown[] = from
    const isIndex = /^\d+$/.test(name)
    if (isIndex && Number(name) < elements.length && reaches(elements[Number(name)], rest, wanted))
      return true
    return elements.some(
      (element) => isObject(element) && !Array.isArray(element) && reaches(element, path, wanted),
    )
  }
  const next: unknown = types.isMap(from) ? from.get(name) : isObject(from) ? from[name] : undefined
  return reaches(next, rest, wanted)
}

function holds(found: unknown, wanted: unknown): boolean {
  if (isSame(found, wanted)) return true
  return Array.isArray(found) && found.some((element) => isSame(element, wanted))
}

/** Null is the same as nothing there. Values that are objects are the same if they say so, or print alike. */
function isSame(found: unknown, wanted: unknown): boolean {
  if (wanted === null) return found === null || found === undefined
  if (found === wanted) return true
  // eslint-disable-next-line eqeqeq -- a bigint equals the number of the same value, as the database has it
  if (isNumeric(found) && isNumeric(wanted)) return found == wanted
  if (types.isDate(found) && types.isDate(wanted)) return found.getTime() === wanted.getTime()
  return (
    isBsonValue(found) &&
    isBsonValue(wanted) &&
    found._bsontype === wanted._bsontype &&
    isAlike(found, wanted)
  )
}

function isNumeric(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isBsonValue(value: unknown): value is { _bsontype: string } {
  return isObject(value) && typeof value._bsontype === 'string'
}

function isAlike(one: object, other: object): boolean {
  if ('equals' in one && typeof one.equals === 'function')
    return Boolean((one as { equals(other: object): unknown }).equals(other))
  return JSON.stringify(one) === JSON.stringify(other)
}
