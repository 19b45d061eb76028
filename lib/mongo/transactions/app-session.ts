/** The check of an app's session: writes with it must be able to share one transaction with the app's own. */
import type { ClientSession, Db } from 'mongodb'
import { DurablError, ServerUnsupportedError, argumentError } from '../../base/errors'
import { fromCaller } from '../../base/stack'

/** @throws DurablError, TypeError if the app's driver can't write to the jobs with this session */
export function checkAppSession(where: string, db: Db | null, session: ClientSession): Db {
  const connected = checkTransactions(where, db)
  if ((session as { client?: unknown }).client !== connected.client) {
    throw argumentError(
      TypeError,
      `${where}: option "session" must be a session of the MongoClient whose db the MongoJobQueue was given; got one of another ` +
        'client',
    )
  }
  return connected
}

/** @throws DurablError if there can be no transactions with the app's writes */
export function checkTransactions(where: string, db: Db | null): Db {
  if (db === null) {
    throw fromCaller(
      new DurablError(
        'ERR_DURABL_UNSUPPORTED',
        `${where}: a MongoJobQueue made with { uri } has no client of the app, so no session can belong to it: make it with { db }`,
      ),
    )
  }
  if (isStandalone(db)) {
    throw fromCaller(
      new ServerUnsupportedError(
        'ERR_DURABL_NOT_A_REPLICA_SET',
        `${where}: this is a standalone server, which has no transactions: run it as a replica set (one node is enough)`,
      ),
    )
  }
  return db
}

interface Topology {
  readonly description?: { readonly servers?: ReadonlyMap<string, { readonly type?: unknown }> }
}

/** As far as the client knows: before it has seen a server, the server itself says no. */
function isStandalone(db: Db): boolean {
  const { topology } = db.client as unknown as { readonly topology?: Topology }
  const servers = topology?.description?.servers
  return servers !== undefined && [...servers.values()].some(({ type }) => type === 'Standalone')
}
