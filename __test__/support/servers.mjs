/** Servers of a test's own, for what can't be done to one that others use. */
import { findMongod } from '../../scripts/mongod/find.mjs'
import { startReplicaSet } from '../../scripts/mongod/replica-set.mjs'
import { startServer } from '../../scripts/mongod/server.mjs'
import { atEnd } from './cleanup.mjs'

const silently = () => {}

/** The connection string of a standalone server that ends with the test. */
export async function standalone(t) {
  const server = await startServer(await findMongod(silently))
  atEnd(t, () => server.stop())
  return `mongodb://127.0.0.1:${server.port}/`
}

/** A replica set that ends with the test; see `startReplicaSet`. Fail points are allowed. */
export async function replicaSet(t, options = {}) {
  const set = await startReplicaSet(await findMongod(silently), { testCommands: true, ...options })
  atEnd(t, () => set.stop())
  return set
}
