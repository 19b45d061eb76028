/** The servers that scripts and tests start: there when wanted, and gone afterwards, whatever happens to who started them. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { MongoClient } from 'mongodb'
import { findMongod } from '../../../scripts/mongod/find.mjs'
import { startReplicaSet } from '../../../scripts/mongod/replica-set.mjs'
import { runNode } from '../../support/child.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { pollUntil } from '../../support/wait.mjs'

const isAlive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Starts a server in a child, which then does what it is told, and says which server it was. */
async function startedBy(ending) {
  const program = `
    import { findMongod } from './scripts/mongod/find.mjs'
    import { startServer } from './scripts/mongod/server.mjs'
    const server = await startServer(await findMongod(() => {}))
    console.log(JSON.stringify({ pid: server.pid, directory: server.directory }))
    ${ending}`
  const { stdout } = await runNode(['--input-type=module', '-e', program])
  return JSON.parse(stdout.split('\n')[0])
}

for (const [end, ending] of [
  ['ends without stopping it', ''],
  ['stops it', 'await server.stop()'],
  ['crashes', "throw new Error('on purpose')"],
  ['is killed', "process.kill(process.pid, 'SIGKILL')"],
]) {
  test(`a server is gone, with its data, soon after the process that started it ${end}`, async () => {
    const { pid, directory } = await startedBy(ending)
    await pollUntil('both are gone', () => !isAlive(pid) && !existsSync(directory))
  })
}

test('a replica set of three has a primary and two secondaries, and takes majority writes', async (t) => {
  const set = await startReplicaSet(await findMongod(() => {}), { nodes: 3 })
  atEnd(t, set.stop)
  const client = await MongoClient.connect(set.url)
  atEnd(t, () => client.close())
  const { members } = await client.db('admin').command({ replSetGetStatus: 1 })
  assert.deepEqual(members.map(({ stateStr }) => stateStr).sort(), ['PRIMARY', 'SECONDARY', 'SECONDARY'])
  await client
    .db('app')
    .collection('x')
    .insertOne({}, { writeConcern: { w: 'majority' } })
})

test('a server of another version than the one that is asked for is not used', async () => {
  const program = `
    import { findMongod } from './scripts/mongod/find.mjs'
    await findMongod(() => {}).then(console.log, (error) => console.log(error.message))`
  const path = await findMongod(() => {})
  const env = { DURABL_MONGOD: path, DURABL_MONGOD_VERSION: '6.0.0' }
  const { stdout } = await runNode(['--input-type=module', '-e', program], { env })
  assert.match(stdout, /but it is \S+, and DURABL_MONGOD_VERSION asks for 6\.0\.0/)
})
