/** The jobs of dead workers, as `onJobEvent` and the log tell of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import { eventLog } from '../../support/async.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { recordingLogger } from '../../support/loggers.mjs'
import { connect } from '../../support/mongo.mjs'

test('a job that dies with its worker on its last attempt is named by the event and by an error in the log', async (t) => {
  const { db } = await connect(t)
  const logger = recordingLogger()
  const log = eventLog()
  const backend = new MongoJobQueue({ db })
  const queue = new JobQueue(backend, logger, {
    onJobEvent: log.listener,
    visibilityTimeoutMs: 2000,
  })
  atEnd(t, () => queue.shutdown(5000))
  await queue.startup()
  const ids = { again: { maxAttempts: 2 }, last: { maxAttempts: 1 }, cancelled: { maxAttempts: 1 } }
  for (const [id, options] of Object.entries(ids)) await queue.enqueue('t', {}, { id, ...options })
  for (let n = 0; n < 3; n += 1) await backend.claimNext('t')
  await queue.cancel('cancelled')
  const ago = new Date(Date.now() - 3_600_000)
  await db.collection('jobs').updateMany({}, { $set: { claimedAt: ago }, $unset: { lease: '' } })

  // Sweeps come with the first processor.
  queue.process('other', () => {})
  const event = await log.next('reaper-recovered')
  assert.deepEqual(event, { kind: 'reaper-recovered', handled: 3, saturated: false })
  const byId = (a, b) => a.jobId.localeCompare(b.jobId)
  assert.deepEqual([...event.jobs].sort(byId), [
    { jobId: 'again', type: 't', attempt: 1, maxAttempts: 2 },
    { jobId: 'cancelled', type: 't', attempt: 1, maxAttempts: 1, ending: 'cancelled' },
    { jobId: 'last', type: 't', attempt: 1, maxAttempts: 1, ending: 'exhausted' },
  ])
  assert.deepEqual(logger.at('error'), [
    {
      ...{ level: 'error', type: 't', jobId: 'last', attempt: 1, maxAttempts: 1 },
      message: 'job failed for good: its worker is gone, and its last attempt with it',
    },
  ])
})
