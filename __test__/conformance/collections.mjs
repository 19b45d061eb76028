/** The number of collections: one is used again long after its last test has ended. */
const COUNT = 40

/**
 * Names of empty collections, used in turn. A server keeps a file open for every index of every collection, and a machine allows only so many
 * open files. With a collection for each test the server dies of that.
 *
 * @param name that theirs begin with
 * @returns the next name, and whether the collection is `isNew`
 */
export function collectionsInTurn(db, name) {
  let taken = 0
  return async () => {
    const collectionName = `${name}_${taken % COUNT}`
    const isNew = taken < COUNT
    taken += 1
    if (!isNew)
      for (const each of [collectionName, `${collectionName}.durabl`])
        await db.collection(each).deleteMany({})
    return { collectionName, isNew }
  }
}
