/** A replica set of throwaway servers on loopback. */
import { setTimeout as sleep } from 'node:timers/promises'
import { startServer } from './server.mjs'

const NAME = 'rs0'
const PRIMARY_TIMEOUT_MS = 60_000

const ownAddress = ({ port }) => `127.0.0.1:${port}`

/** Waits for a primary, and does not wait out the election timeout for the first one of a set of several. */
async function electPrimary(admin) {
  const deadline = Date.now() + PRIMARY_TIMEOUT_MS
  while (Date.now() < deadline) {
    const { members = [] } = await admin.command({ replSetGetStatus: 1 }).catch(() => ({}))
    const states = members.map((member) => member.stateStr)
    if (states.includes('PRIMARY') && states.every((state) => state === 'PRIMARY' || state === 'SECONDARY'))
      return
    if (!states.includes('PRIMARY')) await admin.command({ replSetStepUp: 1 }).catch(() => {})
    await sleep(50)
  }
  throw new Error(`the replica set has no primary after ${PRIMARY_TIMEOUT_MS / 1000} s`)
}

async function initiate(servers, hosts, settings) {
  // Imported late: the scripts must be loadable before the dependencies are there.
  const { MongoClient } = await import('mongodb')
  const client = await MongoClient.connect(`mongodb://127.0.0.1:${servers[0].port}/?directConnection=true`)
  try {
    const members = hosts.map((host, _id) => ({ _id, host }))
    await client.db('admin').command({ replSetInitiate: { _id: NAME, members, settings } })
    await electPrimary(client.db('admin'))
  } finally {
    await client.close()
  }
}

/**
 * @param mongod the path of the server, from `findMongod`
 * @param options.nodes how many servers; 1 by default
 * @param options.testCommands allow fail points; false by default
 * @param options.cacheGB as for `startServer`
 * @param options.args more arguments for each mongod
 * @param options.addressOf under which `host:port` the members and clients are to reach a server; its own by default
 * @param options.settings `settings` of the replica set's configuration, such as `electionTimeoutMillis`
 * @returns the `url`, the `servers` (see `startServer`), and `stop()`. Whatever ends this process ends them too
 */
export async function startReplicaSet(
  mongod,
  { nodes = 1, testCommands, cacheGB, args, settings = {}, addressOf = ownAddress } = {},
) {
  const options = { replicaSet: NAME, testCommands, cacheGB, args }
  const started = await Promise.allSettled(Array.from({ length: nodes }, () => startServer(mongod, options)))
  const servers = started.filter(({ value }) => value).map(({ value }) => value)
  const stop = async () => void (await Promise.all(servers.map((server) => server.stop())))
  let hosts
  try {
    const failed = started.find(({ status }) => status === 'rejected')
    if (failed) throw failed.reason
    hosts = await Promise.all(servers.map(addressOf))
    await initiate(servers, hosts, settings)
  } catch (error) {
    await stop()
    throw error
  }
  return { url: `mongodb://${hosts.join(',')}/?replicaSet=${NAME}`, servers, stop }
}
