/** MongoDB: a replica set of one node with the durability that it comes with, majority and journaled. */
import { versionOf } from '../../scripts/mongod/binary.mjs'
import { findMongod } from '../../scripts/mongod/find.mjs'
import { startReplicaSet } from '../../scripts/mongod/replica-set.mjs'
import { say } from '../../scripts/terminal.mjs'

export const settings = 'a replica set of one node, as it comes: write concern majority, journaled'

export const start = () => startWith()

/** @param options.args for the server, beside those of every run */
export async function startWith({ args = [] } = {}) {
  const { MongoClient } = await import('../mongodb.mjs')
  const mongod = await findMongod(say)
  const set = await startReplicaSet(mongod, { cacheGB: null, args })
  const client = await MongoClient.connect(set.url)
  let databases = 0
  const fresh = async () => {
    const database = `bench_${(databases += 1)}`
    return {
      place: { url: set.url, database, pid: set.servers[0].pid },
      dispose: () => client.db(database).dropDatabase(),
    }
  }
  const stop = async () => {
    await client.close()
    await set.stop()
  }
  return { version: `MongoDB ${await versionOf(mongod)}`, fresh, stop }
}
