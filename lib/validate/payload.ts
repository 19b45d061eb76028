import { types } from 'node:util'
import { PayloadError } from '../base/errors'
import { fromCaller } from '../base/stack'

/** MongoDB stores documents of up to 180 levels, the job itself being the first. */
const MOST_LEVELS = 179
const LARGEST_INT64 = 2n ** 63n - 1n
const SMALLEST_INT64 = -(2n ** 63n)

/**
 * Refuses a payload that MongoDB could not keep, so that a test in memory finds out as well. Values that know how to encode
 * themselves are taken at their word, and the size is not looked at.
 */
export function checkPayload(where: string, data: unknown): void {
  const flaw = findFlaw(data, [])
  if (flaw === null) return
  const path = ['data', ...flaw.keys.map(shorten)].join('.')
  throw fromCaller(
    new PayloadError(
      'ERR_DURABL_PAYLOAD_NOT_ENCODABLE',
      `${where}: the payload can't be stored: ${path} is ${flaw.what}`,
    ),
  )
}

interface Flaw {
  /** The way there. */
  readonly keys: readonly string[]
  readonly what: string
}

/** @param containers the objects that hold this value, outermost first */
function findFlaw(value: unknown, containers: readonly object[]): Flaw | null {
  const what = flawOfItself(value)
  if (what !== null) return { keys: [], what }
  if (typeof value !== 'object' || value === null || encodesItself(value)) return null
  if (containers.includes(value)) return { keys: [], what: 'a reference to an object that contains it' }
  if (containers.length >= MOST_LEVELS)
    return { keys: [], what: `nested more than ${MOST_LEVELS} levels deep` }
  const within = [...containers, value]
  const entries: Iterable<readonly [unknown, unknown]> = types.isMap(value) ? value : Object.entries(value)
  for (const [key, element] of entries) {
    if (typeof key !== 'string')
      return { keys: [], what: `a Map with a key that is no string (${typeof key})` }
    const flaw = findFlaw(element, within)
    if (flaw !== null) return { keys: [key, ...flaw.keys], what: flaw.what }
  }
  return null
}

function flawOfItself(value: unknown): string | null {
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'symbol') return 'a symbol'
  if (types.isPromise(value)) return 'a promise: await it first'
  const isTooLarge = typeof value === 'bigint' && (value > LARGEST_INT64 || value < SMALLEST_INT64)
  return isTooLarge ? 'a bigint that does not fit into 64 bits' : null
}

function encodesItself(value: object): boolean {
  if (types.isDate(value) || types.isRegExp(value) || ArrayBuffer.isView(value)) return true
  return '_bsontype' in value || ('toBSON' in value && typeof value.toBSON === 'function')
}

function shorten(key: string): string {
  return key.length > 40 ? `${key.slice(0, 39)}…` : key
}
