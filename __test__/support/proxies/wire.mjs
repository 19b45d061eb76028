/** As much of MongoDB's wire protocol as it takes to tell which command a message is, and which reply belongs to it. */
import { BSON } from 'mongodb'

const OP_MSG = 2013
const OP_QUERY = 2004
const HEADER_BYTES = 16
/** Header, flags, and the kind of the first section. */
const BODY_OFFSET = HEADER_BYTES + 5

/** Cuts a stream of bytes into messages, and gives each to `take`. */
export function messageReader(take) {
  let rest = Buffer.alloc(0)
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    while (rest.length >= HEADER_BYTES && rest.length >= rest.readInt32LE(0)) {
      const message = rest.subarray(0, rest.readInt32LE(0))
      rest = rest.subarray(message.length)
      take(message)
    }
  }
}

export const requestId = (message) => message.readInt32LE(4)
export const inReplyTo = (message) => message.readInt32LE(8)

/** The command of a request, as a document; null if the message is none. */
export function commandOf(message) {
  if (message.readInt32LE(12) !== OP_MSG || message[BODY_OFFSET - 1] !== 0) return null
  const length = message.readInt32LE(BODY_OFFSET)
  return BSON.deserialize(message.subarray(BODY_OFFSET, BODY_OFFSET + length))
}

/** Numbers and all else as they were typed, so that what is written again is what was read. */
const EXACTLY = { promoteValues: false, promoteLongs: false, promoteBuffers: false, bsonRegExp: true }

/** The same message, with its command altered. */
export function changedBy(message, change) {
  const length = message.readInt32LE(BODY_OFFSET)
  const command = BSON.deserialize(message.subarray(BODY_OFFSET, BODY_OFFSET + length), EXACTLY)
  change(command)
  const changed = BSON.serialize(command)
  const rest = message.subarray(BODY_OFFSET + length)
  const whole = Buffer.concat([message.subarray(0, BODY_OFFSET), changed, rest])
  whole.writeInt32LE(whole.length, 0)
  return whole
}

/** The document that a message begins with, also of the kind that connections begin with; null if there is none. */
export function firstDocument(message) {
  if (message.readInt32LE(12) !== OP_QUERY) return commandOf(message)
  // Header and flags, a name that ends in a zero byte, two numbers.
  const at = message.indexOf(0, HEADER_BYTES + 4) + 1 + 8
  return BSON.deserialize(message.subarray(at, at + message.readInt32LE(at)))
}

function updates(fits) {
  const changes = ({ u }) => [u].flat().map(({ $set }) => $set ?? {})
  return ({ updates = [] }) => updates.flatMap(changes).some(fits)
}

/** The purpose of a command, by what it does. */
export const is = {
  insert: ({ insert }) => insert !== undefined,
  find: ({ find }) => find !== undefined,
  claim: ({ findAndModify }) => findAndModify !== undefined,
  batchClaim: updates(({ status }) => status === 'active'),
  settlement: updates(({ status }) => status !== undefined && status !== 'active'),
  coalescing: updates(({ data }) => data !== undefined),
  renewal: updates(({ status, claimedAt }) => status === undefined && claimedAt !== undefined),
}
