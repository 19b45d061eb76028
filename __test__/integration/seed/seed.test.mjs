/** The first release's samples, imported as an ES module. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as durabl from 'durabl'
import { findMongod } from '../../../scripts/mongod/find.mjs'
import { startServer } from '../../../scripts/mongod/server.mjs'
import { MongoClient } from 'mongodb'
import { seedScenarios } from './scenarios.cjs'
import { atEnd } from '../../support/cleanup.mjs'
import { connect } from '../../support/mongo.mjs'
import { pollUntil } from '../../support/wait.mjs'

seedScenarios({ durabl, test, connect, atEnd, pollUntil })

test('on a standalone server, startup with change streams throws, and polling works', async (t) => {
  const server = await startServer(await findMongod(() => {}))
  atEnd(t, server.stop)
  const client = await MongoClient.connect(`mongodb://127.0.0.1:${server.port}`)
  atEnd(t, () => client.close())
  const db = client.db('app')

  const pushed = new durabl.MongoJobQueue({ db, useChangeStreams: true })
  await assert.rejects(pushed.startup(), { code: 'ERR_DURABL_NOT_A_REPLICA_SET' })
  await pushed.shutdown()

  const queue = new durabl.JobQueue(new durabl.MongoJobQueue({ db }))
  atEnd(t, () => queue.shutdown())
  await queue.startup()
  const ran = new Promise((resolve) =>
    queue.process('polled', (job) => resolve(job.data), { pollInterval: 50 }),
  )
  await queue.enqueue('polled', { by: 'poll' })
  assert.deepEqual(await ran, { by: 'poll' })
})
