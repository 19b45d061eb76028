/**
 * Results of steps: the values that a journal keeps, and their sizes there. A value that a replay would change could make an orchestration take
 * another way, so such values are refused.
 */
import { types } from 'node:util'
import { NonSerializableStepResult } from '../base/orchestration-errors'
import { isError, reasonOf } from '../base/reason'

/** MongoDB stores documents of up to 180 levels; a result stands in a record, in the journal, in the job. */
const MOST_LEVELS = 175

/** A step without a result is recorded so, as the TypeScript package does. */
const VOID = '__durablVoid'

/** The result as it is recorded. */
export function encodeResult(step: string, result: unknown): unknown {
  if (result === undefined) return { [VOID]: true }
  if (typeof result === 'object' && result !== null && Object.hasOwn(result, VOID)) {
    throw new NonSerializableStepResult(
      step,
      `<result>.${VOID} is a field that stands for "no result": give it another name`,
    )
  }
  return result
}

/** The result as it is answered. */
export function decodeResult(stored: unknown): unknown {
  const isVoid = typeof stored === 'object' && stored !== null && Object.hasOwn(stored, VOID)
  return isVoid ? undefined : stored
}

/**
 * The size of a result as BSON, in bytes.
 *
 * @throws NonSerializableStepResult with the path of the value that can't be kept
 */
export function sizeOfResult(step: string, result: unknown): number {
  try {
    return sizeOf(result, '<result>', [])
  } catch (error) {
    if (error instanceof Flaw) throw new NonSerializableStepResult(step, error.message)
    // A getter, or a proxy.
    throw new NonSerializableStepResult(step, `<result> can't be read: ${reasonOf(error)}`)
  }
}

/** A value that can't be kept, and its place. */
class Flaw extends Error {}

function flaw(path: string, what: string): Flaw {
  return new Flaw(`${path} is ${what}`)
}

function sizeOf(value: unknown, path: string, containers: readonly object[]): number {
  switch (typeof value) {
    case 'string':
      return 5 + Buffer.byteLength(value)
    case 'number':
      return Number.isInteger(value) && value === (value | 0) && !Object.is(value, -0) ? 4 : 8
    case 'boolean':
      return 1
    case 'undefined':
      throw flaw(path, 'undefined: leave it out, or use null')
    case 'object':
      return value === null ? 0 : sizeOfObject(value, path, containers)
    default:
      throw flaw(path, `a ${typeof value}`)
  }
}

function sizeOfObject(value: object, path: string, containers: readonly object[]): number {
  const bson = sizeOfBson(value)
  if (bson !== null) return bson
  if (types.isDate(value)) {
    if (Number.isNaN(value.getTime())) throw flaw(path, 'an invalid Date')
    return 8
  }
  if (types.isUint8Array(value)) return 5 + value.byteLength
  if (containers.includes(value)) throw flaw(path, 'a reference to an object that contains it')
  if (containers.length >= MOST_LEVELS) throw flaw(path, `nested more than ${MOST_LEVELS} levels deep`)
  const within = [...containers, value]
  if (Array.isArray(value)) return sizeOfArray(value, path, within)
  if (!isPlain(value)) throw flaw(path, `${kindOf(value)}: return a plain object`)
  let size = 5
  for (const [key, element] of Object.entries(value)) {
    if (key.includes('\0')) throw flaw(path, 'an object with a key that has a null character')
    size += 2 + Buffer.byteLength(key) + sizeOf(element, `${path}.${key}`, within)
  }
  return size
}

function sizeOfArray(values: readonly unknown[], path: string, within: readonly object[]): number {
  let size = 5
  for (let index = 0; index < values.length; index += 1) {
    const place = `${path}[${index}]`
    if (!(index in values)) throw flaw(place, 'a hole in an array')
    size += 2 + String(index).length + sizeOf(values[index], place, within)
  }
  return size
}

/** True for plain objects of this realm or of another one, as in a `vm` context or in Jest. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || prototype === Object.prototype) return true
  return (
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype as object, 'isPrototypeOf') &&
    Object.prototype.toString.call(value) === '[object Object]'
  )
}

function kindOf(value: object): string {
  if (types.isPromise(value)) return 'a promise'
  if (isError(value)) return 'an Error'
  const { constructor } = value as { constructor?: { name?: unknown } }
  const name = typeof constructor === 'function' ? constructor.name : ''
  return typeof name === 'string' && name !== '' ? `an instance of class ${name}` : 'an instance of a class'
}

/** Values of BSON libraries carry the major version of the library. */
const BSON_VERSION = Symbol.for('@@mdb.bson.version')

/** Bytes of BSON's own values; others are rare, and estimated. */
const BSON_SIZES: Readonly<Record<string, number>> = {
  ObjectId: 12,
  ObjectID: 12,
  Decimal128: 16,
  Long: 8,
  Timestamp: 8,
  Double: 8,
  Int32: 4,
  MinKey: 0,
  MaxKey: 0,
}

function sizeOfBson(value: object): number | null {
  if (!(BSON_VERSION in value)) return null
  const { _bsontype: name, position } = value as { _bsontype?: unknown; position?: unknown }
  if (typeof name !== 'string') return null
  if (name === 'Binary') return 5 + (typeof position === 'number' ? position : 0)
  return BSON_SIZES[name] ?? 64
}

/** A copy that no later change reaches. The value is one that a journal keeps. */
export function copyOfResult(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || sizeOfBson(value) !== null) return value
  if (types.isDate(value)) return new Date(value.getTime())
  if (types.isUint8Array(value)) return Buffer.from(value)
  if (Array.isArray(value)) return value.map(copyOfResult)
  const copy: Record<string, unknown> = {}
  for (const [key, element] of Object.entries(value)) {
    // Assigned, `__proto__` would not become a field.
    Object.defineProperty(copy, key, {
      value: copyOfResult(element),
      writable: true,
      enumerable: true,
      configurable: true,
    })
  }
  return copy
}
