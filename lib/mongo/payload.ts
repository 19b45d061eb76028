/**
 * Payloads become BSON here, by the app's own library. What it would drop, bend or refuse halfway is refused first, by its path:
 * one walk over the payload, then one serialisation.
 */
import { types } from 'node:util'
import { PayloadError } from '../errors'
import type { Codec } from './codec'
import { BSON_VERSION } from './driver'

/** What MongoDB stores in one document, in bytes. */
const DOCUMENT_LIMIT = 16 * 1024 * 1024
/** Kept for the job's own fields: type, key, reason of a failure, and so on. */
const OWN_FIELDS = 64 * 1024
/** The largest payload, in bytes of BSON. */
export const MAX_PAYLOAD_BYTES = DOCUMENT_LIMIT - OWN_FIELDS

/** MongoDB stores documents of up to 180 levels, the job itself being the first. */
const MAX_LEVELS = 179

/**
 * The library writes into a buffer of fixed size, and what doesn't fit is lost without a word. The walk's estimate may be
 * short by a factor of three (it counts short strings by their length), so from a third of the limit on the exact
 * size is asked for.
 */
const SURELY_SMALL = DOCUMENT_LIMIT / 3

/** Longer strings are measured exactly, the others by their length. */
const LONG_STRING = 512

const LARGEST_INT64 = 2n ** 63n - 1n
const SMALLEST_INT64 = -(2n ** 63n)

/**
 * The payload as a BSON document with the one field `data`.
 *
 * `undefined` becomes null, as in any document of the app. Functions are refused, unless the client's `serializeFunctions` is on:
 * then they become code, as in the app's own collections.
 *
 * @param where the call, such as `enqueue`, for the error
 * @throws PayloadError if it can't be stored
 */
export function encodePayload(where: string, data: unknown, codec: Codec): Buffer {
  const scan = new Scan(codec)
  const flaw = guarded(where, () => scan.look(data, 1))
  if (flaw !== null) throw notEncodable(where, describe(flaw, data))
  const document = { data: data === undefined ? null : data }
  if (scan.bytes > SURELY_SMALL)
    refuseTooLarge(
      where,
      guarded(where, () => size(document, codec)),
    )
  const bytes = guarded(where, () => codec.bson.serialize(document, codec.writing))
  if (bytes.length > MAX_PAYLOAD_BYTES) refuseTooLarge(where, bytes.length)
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function size(document: object, { bson, writing }: Codec): number {
  return bson.calculateObjectSize(document, writing)
}

function refuseTooLarge(where: string, bytes: number): void {
  if (bytes <= MAX_PAYLOAD_BYTES) return
  throw new PayloadError(
    'ERR_DURABL_PAYLOAD_TOO_LARGE',
    `${where}: the payload takes ${bytes} bytes as BSON; a job can hold ${MAX_PAYLOAD_BYTES} (MongoDB's document limit, ` +
      `less what the job itself needs). Store it elsewhere and pass a reference.`,
  )
}

/** What the payload's own getters, `toBSON` or the library throw. */
function guarded<T>(where: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw notEncodable(where, error instanceof Error ? error.message : String(error), error)
  }
}

function notEncodable(where: string, why: string, cause?: unknown): PayloadError {
  const message = `${where}: the payload can't be stored: ${why}`
  const options = cause === undefined ? {} : { cause }
  return new PayloadError('ERR_DURABL_PAYLOAD_NOT_ENCODABLE', message, options)
}

/** Something that can't be stored: where, as the keys on the way there, and what. */
interface Flaw {
  readonly path: string[]
  readonly what: string
  /** Found because the way there was too long, which may be a circle. */
  readonly tooDeep: boolean
}

/** One walk over a payload. */
class Scan {
  /** A lower bound of the size, exact within a factor of three. */
  bytes = 0

  constructor(private readonly codec: Codec) {}

  /** The first flaw; null if there is none. `level`: how many levels deep a container here would be. */
  look(value: unknown, level: number): Flaw | null {
    switch (typeof value) {
      case 'string':
        this.bytes += value.length > LONG_STRING ? Buffer.byteLength(value) : value.length
        return null
      case 'object':
        return value === null ? null : this.lookInto(value, level)
      case 'bigint':
        this.bytes += 8
        return value > LARGEST_INT64 || value < SMALLEST_INT64
          ? flawed('a bigint that does not fit into 64 bits')
          : null
      case 'function':
        if (this.codec.writing.serializeFunctions) return null
        return flawed('a function')
      case 'symbol':
        return flawed('a symbol')
      default:
        this.bytes += 4
        return null
    }
  }

  private lookInto(original: object, level: number): Flaw | null {
    let value = original
    if (typeof (value as { toBSON?: unknown }).toBSON === 'function') {
      const encoded: unknown = (value as { toBSON(): unknown }).toBSON()
      if (typeof encoded !== 'object' || encoded === null) return this.look(encoded, level)
      value = encoded
    }
    if ('_bsontype' in value && value._bsontype != null) return this.lookAtBson(value)
    // Most values are plain objects; the other questions are for the rest. `types` also knows the values of other realms.
    const isPlain = Object.getPrototypeOf(value) === Object.prototype
    if (!isPlain && types.isUint8Array(value)) {
      this.bytes += value.byteLength
      return null
    }
    if (!isPlain && (types.isDate(value) || types.isRegExp(value))) {
      this.bytes += 8
      return null
    }
    if (level > MAX_LEVELS) {
      return { path: [], what: `nested more than ${MAX_LEVELS} levels deep`, tooDeep: true }
    }
    if (Array.isArray(value)) return this.lookIntoArray(value, level)
    if (!isPlain && types.isMap(value)) return this.lookIntoMap(value, level)
    return this.lookIntoObject(value as Record<string, unknown>, level)
  }

  private lookIntoArray(values: unknown[], level: number): Flaw | null {
    // An element costs its index as text, its type, and what it holds.
    this.bytes += 5 + 3 * values.length
    for (let index = 0; index < values.length; index += 1) {
      const flaw = this.look(values[index], level + 1)
      if (flaw !== null) return within(String(index), flaw)
    }
    return null
  }

  private lookIntoMap(values: Map<unknown, unknown>, level: number): Flaw | null {
    this.bytes += 5
    for (const [key, value] of values) {
      if (typeof key !== 'string') return flawed(`a Map with a key that is no string (${typeof key})`)
      this.bytes += 2 + key.length
      const flaw = this.look(value, level + 1)
      if (flaw !== null) return within(key, flaw)
    }
    return null
  }

  private lookIntoObject(values: Record<string, unknown>, level: number): Flaw | null {
    this.bytes += 5
    for (const key of Object.keys(values)) {
      this.bytes += 2 + key.length
      const flaw = this.look(values[key], level + 1)
      if (flaw !== null) return within(key, flaw)
    }
    return null
  }

  private lookAtBson(value: object): Flaw | null {
    const { major } = this.codec
    const version = (value as Record<symbol, unknown>)[BSON_VERSION]
    if (version !== major) {
      const maker = typeof version === 'number' ? `version ${version} of the BSON library` : 'something else'
      return flawed(
        `a BSON value made by ${maker}, where the client uses version ${String(major)}: ` +
          `import it from the same copy of mongodb as the client`,
      )
    }
    const { buffer } = value as { buffer?: unknown }
    this.bytes += buffer instanceof Uint8Array ? buffer.byteLength : 8
    return null
  }
}

function flawed(what: string): Flaw {
  return { path: [], what, tooDeep: false }
}

/** On the way back up: only a payload with a flaw pays for its path. */
function within(key: string, flaw: Flaw): Flaw {
  flaw.path.push(key)
  return flaw
}

function describe(flaw: Flaw, data: unknown): string {
  const keys = flaw.path.reverse()
  const circle = flaw.tooDeep ? findCircle(data, keys) : null
  return circle ?? `${pathOf(keys)} is ${flaw.what}`
}

/** Follows the keys once more, this time with an eye on what has been passed. */
function findCircle(data: unknown, keys: readonly string[]): string | null {
  const passed = new Map<unknown, number>([[data, 0]])
  let value = data
  for (const [index, key] of keys.entries()) {
    // What `toBSON` made can't be followed.
    if (typeof value !== 'object' || value === null) return null
    value = value instanceof Map ? value.get(key) : (value as Record<string, unknown>)[key]
    const before = passed.get(value)
    if (before !== undefined) {
      return `${pathOf(keys.slice(0, index + 1))} refers back to ${pathOf(keys.slice(0, before))}, which contains it`
    }
    passed.set(value, index + 1)
  }
  return null
}

/** Keys are the app's own and may be long; so may the way. */
const LONGEST_KEY = 40
const MOST_KEYS = 12

function pathOf(keys: readonly string[]): string {
  const shown = keys
    .slice(0, MOST_KEYS)
    .map((key) => (key.length > LONGEST_KEY ? `${key.slice(0, LONGEST_KEY)}…` : key))
  return ['data', ...shown, ...(keys.length > MOST_KEYS ? ['…'] : [])].join('.')
}
