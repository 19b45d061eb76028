/** A collection with a validator: who is refused hears by which rule, and no value of a job is quoted. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import { atEnd } from '../../support/cleanup.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { recordingLogger } from '../../support/loggers.mjs'
import { connect } from '../../support/mongo.mjs'

const validator = {
  $jsonSchema: {
    properties: { data: { properties: { card: { bsonType: 'string' } }, required: ['tenant'] } },
  },
}

async function setUp(t) {
  const { db } = await connect(t)
  await db.createCollection('jobs', { validator })
  const logger = recordingLogger()
  const backend = new MongoJobQueue({ db, logger })
  const queue = new JobQueue(backend, logger)
  atEnd(t, () => queue.shutdown(0))
  await queue.startup()
  return { db, queue, logger }
}

test('an enqueue that a validator refuses says which rules, and quotes nothing', async (t) => {
  const { queue } = await setUp(t)
  const error = await queue.enqueue('pay', { card: 4_111_111 }).catch((error) => error)
  assert.equal(error.serverCode, 121)
  assert.match(error.message, /data\.card: bsonType \(type did not match\)/)
  assert.match(error.message, /data\.tenant is required/)
  assert.doesNotMatch(error.message, /4111111/)
})

test('of a stored job that a validator refuses, the log says that the validator may be what to change', async (t) => {
  const { db, queue, logger } = await setUp(t)
  const id = await queue.enqueue('pay', { card: 'a', tenant: 't' })
  await db.command({ collMod: 'jobs', validator: { status: { $ne: 'active' } } })
  queue.process('pay', () => {}, { pollInterval: 50 })
  const told = await pollUntil('the job is named', () =>
    logger.entries.find(({ message }) => message.includes(`job "${id}" can't be claimed`)),
  )
  assert.match(told.message, /change the job, or the validator of the collection/)
  assert.match(told.message, /status|\$ne|\$not/)
})
