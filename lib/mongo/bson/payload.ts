/**
 * Conversion of payloads into BSON, by the app's own library. Values that the library would drop, bend or refuse halfway are refused first,
 * by their path. That takes one walk over the payload, then one serialisation.
 */
import { types } from 'node:util'
import { PayloadError } from '../../base/errors'
import { fromCaller } from '../../base/stack'
import { MAX_KEPT_BYTES } from '../../validate/payload'
import type { Codec } from './codec'
import { Scan } from './payload-scan'
import type { Flaw } from './payload-scan'

/** The largest document that MongoDB stores, in bytes. */
const DOCUMENT_LIMIT = 16 * 1024 * 1024
/** Kept for the job's own fields: type, key, reason of a failure, and so on. */
const OWN_FIELDS = 64 * 1024
/** The largest payload, in bytes of BSON. */
export const MAX_PAYLOAD_BYTES = DOCUMENT_LIMIT - OWN_FIELDS

/** A value that a job keeps: its field, its name in errors, and the largest, in bytes of BSON. */
interface Place {
  readonly field: string
  readonly name: string
  readonly most: number
  readonly why: string
}

const PAYLOAD: Place = {
  field: 'data',
  name: 'payload',
  most: MAX_PAYLOAD_BYTES,
  why: " (MongoDB's document limit, less what the job itself needs)",
}

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
  return encode(where, PAYLOAD, data, codec)
}

/**
 * The same for a value that a job keeps beside its payload: a BSON document with the one field.
 *
 * @throws PayloadError if it can't be stored, or takes more than 64 kB
 */
export function encodeKept(
  where: string,
  field: 'result' | 'progress',
  value: unknown,
  codec: Codec,
): Buffer {
  return encode(where, { field, name: field, most: MAX_KEPT_BYTES, why: '' }, value, codec)
}

function encode(where: string, place: Place, value: unknown, codec: Codec): Buffer {
  const scan = new Scan(codec)
  const flaw = guarded(where, place, () => scan.look(value, 1))
  if (flaw !== null) throw notEncodable(where, place, describe(flaw, place.field, value))
  const document = { [place.field]: value === undefined ? null : value }
  // The library writes into a buffer of a fixed size, and a part that doesn't fit there is lost without a word.
  if (scan.bytes > MAX_PAYLOAD_BYTES) {
    const bytes = guarded(where, place, () => codec.bson.calculateObjectSize(document, codec.writing))
    refuseTooLarge(where, place, bytes)
  }
  const bytes = guarded(where, place, () => codec.bson.serialize(document, codec.writing))
  refuseTooLarge(where, place, bytes.length)
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function refuseTooLarge(where: string, { name, most, why }: Place, bytes: number): void {
  if (bytes <= most) return
  throw fromCaller(
    new PayloadError(
      'ERR_DURABL_PAYLOAD_TOO_LARGE',
      `${where}: the ${name} takes ${bytes} bytes as BSON; a job can hold ${most}${why}. Store it elsewhere and pass a reference.`,
    ),
  )
}

/** Gives an error of the payload's own getters, of `toBSON` or of the library its place. */
function guarded<T>(where: string, place: Place, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw notEncodable(where, place, error instanceof Error ? error.message : String(error), error)
  }
}

function notEncodable(where: string, { name }: Place, why: string, cause?: unknown): PayloadError {
  const message = `${where}: the ${name} can't be stored: ${why}`
  const options = cause === undefined ? {} : { cause }
  return fromCaller(new PayloadError('ERR_DURABL_PAYLOAD_NOT_ENCODABLE', message, options))
}

function describe(flaw: Flaw, field: string, data: unknown): string {
  const keys = flaw.path.reverse()
  const circle = flaw.tooDeep ? findCircle(field, data, keys) : null
  return circle ?? `${pathOf(field, keys)} is ${flaw.what}`
}

/** Follows the keys once more, this time with an eye on the values passed. */
function findCircle(field: string, data: unknown, keys: readonly string[]): string | null {
  const passed = new Map<unknown, number>([[data, 0]])
  let value = data
  for (const [index, key] of keys.entries()) {
    // A value made by `toBSON` can't be followed.
    if (typeof value !== 'object' || value === null) return null
    value = types.isMap(value) ? value.get(key) : (value as Record<string, unknown>)[key]
    const before = passed.get(value)
    if (before !== undefined) {
      return `${pathOf(field, keys.slice(0, index + 1))} refers back to ${pathOf(field, keys.slice(0, before))}, which contains it`
    }
    passed.set(value, index + 1)
  }
  return null
}

/** Keys are the app's own and may be long; so may the way. */
const LONGEST_KEY = 40
const MOST_KEYS = 12

function pathOf(field: string, keys: readonly string[]): string {
  const shown = keys
    .slice(0, MOST_KEYS)
    .map((key) => (key.length > LONGEST_KEY ? `${key.slice(0, LONGEST_KEY)}…` : key))
  return [field, ...shown, ...(keys.length > MOST_KEYS ? ['…'] : [])].join('.')
}
