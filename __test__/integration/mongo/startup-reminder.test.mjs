/** An app that forgot `startup()` finds out by a warning, not by jobs that ran twice. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import { StartupReminder } from '../../../dist/mongo/startup-reminder.js'
import { atEnd } from '../../support/cleanup.mjs'
import { connect } from '../../support/mongo.mjs'

/** A logger, and what it was warned of; `first` settles with the first warning. */
function listening() {
  const warnings = []
  const { promise: first, resolve } = deferred()
  const warn = (fields, message) => {
    warnings.push({ fields, message })
    resolve()
  }
  return { warnings, first, logger: { debug() {}, info() {}, warn, error() {} } }
}

function deferred() {
  let resolve
  const promise = new Promise((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

const KEY = { dedupeKey: 'k' }

test('keys used before any startup are warned of, once, with the way out', async (t) => {
  const { db } = await connect(t)
  const { warnings, first, logger } = listening()
  const queue = new JobQueue(new MongoJobQueue({ db, logger }))
  atEnd(t, () => queue.shutdown(5000))
  await queue.enqueue('t', {})
  await queue.enqueue('t', {}, KEY)
  await queue.enqueue('t', {}, KEY)
  await first
  assert.equal(warnings.length, 1)
  assert.match(warnings[0].message, /startup\(\)/)
  assert.equal(warnings[0].fields.collection, `${db.databaseName}.jobs`)
})

for (const [call, use] of Object.entries({
  schedule: (queue) => queue.schedule('s', { everyMs: 3_600_000 }, { type: 't', data: {} }),
  applySchedules: (queue) => queue.applySchedules('app', []),
  process: (queue) => queue.process('t', async () => {}),
})) {
  test(`${call} before any startup warns as a key does`, async (t) => {
    const { db } = await connect(t)
    const { warnings, first, logger } = listening()
    const queue = new JobQueue(new MongoJobQueue({ db, logger }))
    atEnd(t, () => queue.shutdown(5000))
    await use(queue)
    await first
    assert.equal(warnings.length, 1)
    assert.match(warnings[0].message, /dedupe keys are not enforced.*startup\(\)/)
  })
}

test('a process that leaves startup to another hears nothing', async (t) => {
  const { db } = await connect(t)
  const worker = new MongoJobQueue({ db })
  atEnd(t, () => worker.shutdown(5000))
  await worker.startup()
  const { warnings, logger } = listening()
  const looked = deferred()
  const collection = {
    namespace: 'd.jobs',
    async indexes() {
      const found = await db.collection('jobs').indexes()
      setImmediate(looked.resolve)
      return found
    },
  }
  new StartupReminder(() => collection, logger).keyUsed()
  await looked.promise
  assert.deepEqual(warnings, [])
})

test('a startup that is on its way counts', async () => {
  const { warnings, logger } = listening()
  const answer = deferred()
  const reminder = new StartupReminder(() => ({ namespace: 'd.jobs', indexes: () => answer.promise }), logger)
  reminder.keyUsed()
  reminder.started()
  answer.resolve([])
  await new Promise(setImmediate)
  assert.deepEqual(warnings, [])
})

test('indexes that cannot be listed are no reason to warn', async () => {
  const { warnings, logger } = listening()
  const refused = Object.assign(new Error('not authorized'), { code: 13 })
  const collection = { namespace: 'd.jobs', indexes: () => Promise.reject(refused) }
  new StartupReminder(() => collection, logger).keyUsed()
  await new Promise(setImmediate)
  assert.deepEqual(warnings, [])
})
