/**
 * The servers' account of a collection: each change that a majority has, in the order in which it was made. Read when all is over, from
 * the oplog, so that nothing done to the servers meanwhile can make it miss any.
 */
import { randomUUID } from 'node:crypto'

/** Fields that are not needed, and may be large. */
const UNREAD = ['fullDocument.data.blob', 'fullDocument.logs', 'updateDescription.updatedFields.data.blob']

const MEASUREMENTS = 20

/**
 * Milliseconds of the monotonic clock at which the wall clock was zero, as far as this machine can tell. The greatest of some: who is
 * interrupted between the two reads finds too little.
 */
export function clockOffset() {
  const measure = () => Number(process.hrtime.bigint() / 1000n) / 1000 - Date.now()
  return Math.max(...Array.from({ length: MEASUREMENTS }, measure))
}

function changed({ updatedFields, removedFields, truncatedArrays = [] }, all) {
  const shortened = Object.fromEntries(truncatedArrays.map(({ field, newSize }) => [field, newSize]))
  return { set: all(updatedFields), removed: removedFields, shortened }
}

/** A change, as a line of a history. All its times are by the clock of the processes; `at` is when the server began to write it. */
function lineOf(change, offset) {
  const { operationType: op, documentKey, wallTime, fullDocument, updateDescription } = change
  const told = (value) => (value instanceof Date ? value.getTime() + offset : value)
  const all = (fields) =>
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, told(value)]))
  return {
    ...{ by: 'servers', kind: 'change', at: told(wallTime), op, job: documentKey._id },
    ...(fullDocument ? { document: all(fullDocument) } : {}),
    ...(op === 'update' ? changed(updateDescription, all) : {}),
  }
}

/**
 * @param collection that the jobs are in
 * @param since the cluster time to begin with
 * @returns the changes up to now, as lines of a history
 */
export async function readChanges(collection, since) {
  const offset = clockOffset()
  const marker = `marker-${randomUUID()}`
  await collection.insertOne({ _id: marker, type: 'marker', status: 'completed' })
  const stream = collection.watch([{ $unset: UNREAD }], { startAtOperationTime: since })
  const lines = []
  try {
    for await (const change of stream) {
      if (change.documentKey?._id === marker) break
      if (change.documentKey) lines.push(lineOf(change, offset))
    }
  } finally {
    await stream.close()
    await collection.deleteOne({ _id: marker })
  }
  return lines
}
