/** The operations on a collection, by the server's own record. */

/** Room for some 10,000 operations: the usual one forgets after a thousand. */
const RECORD_BYTES = 32 * 1024 * 1024

/** Starts to record every operation in the database. */
export async function record(db) {
  await db.command({ profile: 0 })
  await db.collection('system.profile').drop()
  await db.createCollection('system.profile', { capped: true, size: RECORD_BYTES })
  await db.command({ profile: 2 })
}

const typeIn = ({ command }) =>
  command.filter?.type ??
  command.query?.type ??
  command.q?.type ??
  command.pipeline?.[0]?.$match?.type ??
  null

/** The kind of an operation, by the verbs of the server. */
const kindOf = ({ op, command }) => (op === 'command' ? Object.keys(command)[0] : op)

/**
 * The operations on a collection that were about jobs of one type, oldest first: `findAndModify` and `update` for claims, `query` and
 * `aggregate` for looks. Each with its `type`, `at` and `kind`.
 */
export async function operationsByType(db, collection) {
  const operations = await db
    .collection('system.profile')
    .find({ ns: collection.namespace })
    .sort({ ts: 1 })
    .toArray()
  return operations
    .map((operation) => ({ type: typeIn(operation), kind: kindOf(operation), at: operation.ts.getTime() }))
    .filter(({ type }) => typeof type === 'string')
}
