/** A look at the collection that the user named, before anything is done with it: a mistyped name must not make a collection. */
import type { Collection, Db } from 'mongodb'

interface Place {
  readonly db: Db
  readonly collection: Collection
}

/** The reason that a collection is no queue's. */
export interface Misplaced {
  readonly text: string
  /** True if there is no such collection; false if it has documents of others. */
  readonly isAbsent: boolean
}

const MOST_LOOKED_AT = 20
const MOST_MS = 5000
const STATUSES: readonly unknown[] = ['pending', 'active', 'completed', 'failed', 'superseded']

/** The reason that the collection is no queue's; null if it may be one. An empty collection is a queue without jobs. */
export async function problemWith({ db, collection }: Place): Promise<Misplaced | null> {
  const { collectionName, dbName } = collection
  const name = JSON.stringify(collectionName)
  const documents = await collection
    .find({}, { projection: { type: 1, status: 1 }, limit: MOST_LOOKED_AT, maxTimeMS: MOST_MS })
    .toArray()
  if (documents.length > 0) {
    const isJob = documents.some(({ type, status }) => typeof type === 'string' && STATUSES.includes(status))
    return isJob
      ? null
      : {
          text: `the documents of ${name} in the database ${JSON.stringify(dbName)} are not durabl's`,
          isAbsent: false,
        }
  }
  // An empty collection, or none.
  const there = db.listCollections({ name: collectionName }, { nameOnly: true, authorizedCollections: true })
  return (await there.hasNext())
    ? null
    : { text: `there is no collection ${name} in the database ${JSON.stringify(dbName)}`, isAbsent: true }
}
