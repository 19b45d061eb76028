/**
 * Payloads become BSON here, by the app's own library. What it would drop, bend or refuse halfway is refused first, by its path:
 * one walk over the payload, then one serialisation.
 */
import { types } from 'node:util'
import { PayloadError } from '../../base/errors'
import { fromCaller } from '../../base/stack'
import type { Codec } from './codec'
import { Scan } from './payload-scan'
import type { Flaw } from './payload-scan'

/** What MongoDB stores in one document, in bytes. */
const DOCUMENT_LIMIT = 16 * 1024 * 1024
/** Kept for the job's own fields: type, key, reason of a failure, and so on. */
const OWN_FIELDS = 64 * 1024
/** The largest payload, in bytes of BSON. */
export const MAX_PAYLOAD_BYTES = DOCUMENT_LIMIT - OWN_FIELDS

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
  // The library writes into a buffer of a fixed size, and what doesn't fit there is lost without a word.
  if (scan.bytes > MAX_PAYLOAD_BYTES)
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
  throw fromCaller(
    new PayloadError(
      'ERR_DURABL_PAYLOAD_TOO_LARGE',
      `${where}: the payload takes ${bytes} bytes as BSON; a job can hold ${MAX_PAYLOAD_BYTES} (MongoDB's document limit, ` +
        `less what the job itself needs). Store it elsewhere and pass a reference.`,
    ),
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
  return fromCaller(new PayloadError('ERR_DURABL_PAYLOAD_NOT_ENCODABLE', message, options))
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
    value = types.isMap(value) ? value.get(key) : (value as Record<string, unknown>)[key]
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
