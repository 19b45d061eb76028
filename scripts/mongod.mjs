/**
 * Starts a replica set for trying things out, prints its connection string, and ends it on Ctrl-C.
 *
 *     npm run mongod              one node
 *     npm run mongod -- --nodes 3
 */
import { parseArgs } from 'node:util'
import { findMongod } from './mongod/find.mjs'
import { startReplicaSet } from './mongod/replica-set.mjs'
import { ensureInstalled } from './setup/install.mjs'
import { Advice, bold, main, say } from './terminal.mjs'

await main(async () => {
  const { values } = parseArgs({ options: { nodes: { type: 'string', default: '1' } } })
  const nodes = Number(values.nodes)
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > 7)
    throw new Advice('--nodes takes a number from 1 to 7.')
  await ensureInstalled()
  const set = await startReplicaSet(await findMongod(say), { nodes, testCommands: true })
  console.log(bold(set.url))
  say('Ctrl-C ends it')
  const alive = setInterval(() => {}, 1 << 30)
  await new Promise((resolve) => ['SIGINT', 'SIGTERM'].forEach((signal) => process.once(signal, resolve)))
  clearInterval(alive)
  await set.stop()
})
