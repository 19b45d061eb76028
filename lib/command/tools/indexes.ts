/** The existing indexes, compared with those that `startup()` makes. */
import type { Collection, Document } from 'mongodb'
import { isDeepStrictEqual } from 'node:util'
import { installedPackage } from '../../mongo/bson/package'
import { nativeAddon } from '../../mongo/native/loader'

export interface Definition {
  readonly name: string
  readonly key: Document
  readonly partialFilterExpression?: Document
  readonly unique?: boolean
  readonly expireAfterSeconds?: number
}

export interface Comparison {
  readonly missing: readonly Definition[]
  readonly changed: readonly {
    readonly name: string
    readonly wanted: Definition
    readonly found: Definition
  }[]
}

type Which = 'indexes' | 'beside'

/** From the engine, as it makes them. */
function wanted(which: Which): readonly Definition[] {
  const all = installedPackage().BSON.deserialize(nativeAddon().indexDefinitions())
  return all[which] as Definition[]
}

/** @param which indexes of the jobs, or those of the side collection */
export async function compared(collection: Collection, which: Which = 'indexes'): Promise<Comparison> {
  const found = new Map((await listed(collection)).map((index) => [index.name, comparable(index)]))
  const missing: Definition[] = []
  const changed: { name: string; wanted: Definition; found: Definition }[] = []
  for (const index of wanted(which).map(comparable)) {
    const there = found.get(index.name)
    if (there === undefined) missing.push(index)
    // The order of the fields counts, and a deep comparison does not look at it.
    else if (
      !isDeepStrictEqual(there, index) ||
      !isDeepStrictEqual(Object.keys(there.key), Object.keys(index.key))
    ) {
      changed.push({ name: index.name, wanted: index, found: there })
    }
  }
  return { missing, changed }
}

const NAMESPACE_NOT_FOUND = 26

async function listed(collection: Collection): Promise<Definition[]> {
  try {
    const indexes: unknown = await collection.listIndexes().toArray()
    return indexes as Definition[]
  } catch (error) {
    if ((error as { code?: unknown }).code === NAMESPACE_NOT_FOUND) return []
    throw error
  }
}

function comparable(index: Definition): Definition {
  const { name, key, partialFilterExpression, unique, expireAfterSeconds } = index
  return {
    name,
    key,
    ...(partialFilterExpression && { partialFilterExpression }),
    ...(unique === true && { unique }),
    ...(expireAfterSeconds !== undefined && { expireAfterSeconds: Number(expireAfterSeconds) }),
  }
}

/** For the shell of MongoDB. */
export function commandOf(collection: string, { name, key, ...options }: Definition): string {
  return `db.getCollection(${JSON.stringify(collection)}).createIndex(${JSON.stringify(key)}, ${JSON.stringify({ name, ...options })})`
}
