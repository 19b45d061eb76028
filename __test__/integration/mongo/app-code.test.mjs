/** Calls into the app on MongoDB: the async contexts of jobs, and listeners that fail. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { MongoJobQueue } from 'durabl'
import { ISOLATED, storesSeen } from '../../support/async-context.mjs'
import { runNode } from '../../support/child.mjs'
import { connect, testUrl } from '../../support/mongo.mjs'
import { override } from '../../support/override.mjs'

for (const [name, wrap] of [
  ['driven by the engine', (backend) => backend],
  ['driven in JavaScript', (backend) => override(backend, {})],
]) {
  test(`a store that a handler or listener enters is not seen by any other: ${name}`, async (t) => {
    const { db } = await connect(t)
    const backend = new MongoJobQueue({ db })
    await backend.startup()
    assert.deepEqual(await storesSeen(wrap(backend), 20), ISOLATED)
  })
}

test('async listeners of onStreamState and onJobAvailable that reject leave the process alive', async (t) => {
  const { db } = await connect(t)
  const program = `
    const { MongoJobQueue } = require('durabl')
    const logger = { debug() {}, info() {}, warn() {}, error: ({ err }) => console.log(err.message) }
    const [uri, database] = ${JSON.stringify([testUrl(), db.databaseName])}
    const backend = new MongoJobQueue({ uri, database, useChangeStreams: true, logger })
    ;(async () => {
      const heard = new Set()
      const bothHeard = new Promise((resolve) => {
        const listener = (name) => async () => {
          if (heard.add(name).size === 2) resolve()
          throw new Error(name)
        }
        backend.onStreamState(listener('state'))
        backend.onJobAvailable(listener('job'))
      })
      await backend.startup()
      await backend.enqueue('work', {})
      await bothHeard
      await backend.shutdown()
      console.log('alive')
    })()`
  const { stdout, stderr, code } = await runNode(['-e', program])
  assert.equal(code, 0, stderr)
  const lines = stdout.trim().split('\n')
  assert.equal(lines.at(-1), 'alive')
  assert.deepEqual([...new Set(lines)].sort(), ['alive', 'job', 'state'])
})
