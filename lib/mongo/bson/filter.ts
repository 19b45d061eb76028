import { PayloadError } from '../../base/errors'
import { fromCaller } from '../../base/stack'
import type { Condition } from '../../validate/query'
import type { Codec } from './codec'

/** Conditions as a filter of the database. Each is an explicit equality: no value can turn into an operator. */
export function encodeFilter(where: string, conditions: readonly Condition[], codec: Codec): Buffer {
  const filter = Object.fromEntries(conditions.map(({ field, value }) => [field, { $eq: value }]))
  try {
    return Buffer.from(codec.bson.serialize(filter, codec.writing))
  } catch (cause) {
    // For example a value of another copy's BSON.
    const message = `${where}: the query can't be encoded: ${(cause as Error).message}`
    throw fromCaller(new PayloadError('ERR_DURABL_PAYLOAD_NOT_ENCODABLE', message, { cause }))
  }
}
