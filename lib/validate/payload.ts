import { types } from 'node:util'
import { PayloadError } from '../base/errors'
import { reasonOf } from '../base/reason'
import { fromCaller } from '../base/stack'

/** MongoDB stores documents of up to 180 levels, the job itself being the first. */
const MOST_LEVELS = 179
const LARGEST_INT64 = 2n ** 63n - 1n
const SMALLEST_INT64 = -(2n ** 63n)

/**
 * Refuses a payload that MongoDB could not keep, so that a test in memory finds out as well. Values that encode themselves pass without a
 * check, and the size is not looked at.
 */
export function checkPayload(where: string, data: unknown): void {
  refuseFlaw(where, 'payload', 'data', findFlaw(data, []))
}

/** The largest value that a job keeps beside its payload, in bytes of BSON. */
export const MAX_KEPT_BYTES = 64 * 1024

/** The same for a result or a progress, with a rough check of the size. */
export function checkKept(where: string, field: 'result' | 'progress', value: unknown): void {
  let bytes = 0
  try {
    refuseFlaw(where, field, field, findFlaw(value, []))
    bytes = sizeOf(value)
  } catch (err) {
    if (err instanceof PayloadError) throw err
    // A getter, or a proxy.
    const message = `${where}: the ${field} can't be stored: ${reasonOf(err)}`
    throw fromCaller(new PayloadError('ERR_DURABL_PAYLOAD_NOT_ENCODABLE', message, { cause: err }))
  }
  if (bytes <= MAX_KEPT_BYTES) return
  throw fromCaller(
    new PayloadError(
      'ERR_DURABL_PAYLOAD_TOO_LARGE',
      `${where}: the ${field} takes ${bytes} bytes as BSON; a job can hold ${MAX_KEPT_BYTES}. Store it elsewhere and pass a reference.`,
    ),
  )
}

function refuseFlaw(where: string, name: string, field: string, flaw: Flaw | null): void {
  if (flaw === null) return
  const path = [field, ...flaw.keys.map(shorten)].join('.')
  throw fromCaller(
    new PayloadError(
      'ERR_DURABL_PAYLOAD_NOT_ENCODABLE',
      `${where}: the ${name} can't be stored: ${path} is ${flaw.what}`,
    ),
  )
}

/** The size of a value without flaws. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return 5 + Buffer.byteLength(value)
  if (typeof value !== 'object' || value === null) return 8
  if (ArrayBuffer.isView(value)) return 5 + value.byteLength
  if (encodesItself(value)) return 16
  const entries: Iterable<readonly [unknown, unknown]> = types.isMap(value) ? value : Object.entries(value)
  let bytes = 5
  for (const [key, element] of entries) bytes += 2 + Buffer.byteLength(String(key)) + sizeOf(element)
  return bytes
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
      return { keys: [], what: `a Map with a key that is not a string (${typeof key})` }
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
