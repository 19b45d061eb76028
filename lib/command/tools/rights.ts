/** The rights of the connection's user on the collections of a queue. */
import type { Looking, Found } from './findings'

/** With the last one push works; without it the workers poll. */
const NEEDED = ['find', 'insert', 'update', 'remove', 'createIndex', 'listIndexes'] as const

interface Privilege {
  readonly resource: {
    readonly db?: string
    readonly collection?: string
    readonly anyResource?: boolean
    readonly cluster?: boolean
  }
  readonly actions: readonly string[]
}

export async function rights({ db, collection }: Looking): Promise<Found> {
  const { authInfo } = (await db.command({ connectionStatus: 1, showPrivileges: true })) as {
    authInfo: { authenticatedUsers: readonly unknown[]; authenticatedUserPrivileges?: readonly Privilege[] }
  }
  if (authInfo.authenticatedUsers.length === 0)
    return [{ state: 'good', text: 'the server requires no user' }]
  const privileges = authInfo.authenticatedUserPrivileges ?? []
  const lacking = [collection.collectionName, `${collection.collectionName}.durabl`].flatMap((name) => {
    const actions = new Set(
      privileges
        .filter(({ resource }) => covers(resource, db.databaseName, name))
        .flatMap((one) => one.actions),
    )
    return [...NEEDED, 'changeStream']
      .filter((action) => !actions.has(action))
      .map((action) => ({ name, action }))
  })
  if (lacking.length === 0) return [{ state: 'good', text: 'the user has all privileges that durabl needs' }]
  return lacking
    .filter(({ name, action }) => action !== 'changeStream' || name === collection.collectionName)
    .map(({ name, action }) => ({
      state: action === 'changeStream' ? 'warning' : 'bad',
      text: `the user may not ${action} in ${name}`,
    }))
}

/** An empty name of a privilege stands for all. */
function covers(
  { db, collection, anyResource, cluster }: Privilege['resource'],
  database: string,
  name: string,
): boolean {
  if (cluster === true) return false
  if (anyResource === true) return true
  return (db === '' || db === database) && (collection === '' || collection === name)
}
