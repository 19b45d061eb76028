/** A list that changes schedules leaves a trace, as two versions of an app can undo each other's list. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import { atEnd } from '../../support/cleanup.mjs'
import { connect } from '../../support/mongo.mjs'

test('applySchedules logs the ids that it made, changed and removed, and nothing if it changed nothing', async (t) => {
  const { db } = await connect(t)
  const told = []
  const info = (fields, message) => told.push({ ...fields, message })
  const backend = new MongoJobQueue({ db, logger: { debug() {}, info, warn() {}, error() {} } })
  const queue = new JobQueue(backend)
  atEnd(t, () => queue.shutdown(5000))
  await queue.startup()
  const entry = (id, everyMs) => ({ id, spec: { everyMs }, job: { type: 't', data: {} } })
  await queue.applySchedules('app', [entry('a', 60_000), entry('b', 60_000)])
  await queue.applySchedules('app', [entry('a', 60_000), entry('b', 60_000)])
  await queue.applySchedules('app', [entry('a', 90_000), entry('c', 60_000)])
  const message = 'a list has changed schedules'
  assert.deepEqual(told, [
    { owner: 'app', created: ['a', 'b'], updated: [], removed: [], message },
    { owner: 'app', created: ['c'], updated: ['a'], removed: ['b'], message },
  ])
})
