/** A name that another job queue uses is refused with the name, or the place, that durabl has for it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { SILENT } from '../../support/jobs.mjs'

const handler = async () => {}
const SPEC = { everyMs: 5000 }
const JOB = { type: 't', data: {} }

const CALLS = {
  enqueue: (queue, options) => queue.enqueue('t', {}, options),
  enqueueMany: (queue, fields) => queue.enqueueMany([{ ...JOB, ...fields }]),
  process: (queue, options) => queue.process('t', handler, options),
  schedule: (queue, times) => queue.schedule('s', times, JOB),
  'schedule, its job': (queue, fields) => queue.schedule('s', SPEC, { ...JOB, ...fields }),
}

/** [the call, the name, the end of its refusal] */
const REFUSED = [
  ['enqueue', 'jobId', 'did you mean "id"?'],
  ['enqueue', 'attempts', 'did you mean "maxAttempts"?'],
  ['enqueue', 'deduplication', 'did you mean "dedupeKey"?'],
  ['enqueue', 'debounce', 'did you mean "dedupeKey"?'],
  ['enqueue', 'singletonKey', 'did you mean "dedupeKey"?'],
  ['enqueue', 'startAfter', 'did you mean "runAt"?'],
  ['enqueue', 'removeOnComplete', 'the option "retention" of MongoJobQueue removes jobs that have ended'],
  ['enqueue', 'removeOnFail', 'the option "retention" of MongoJobQueue removes jobs that have ended'],
  [
    'enqueue',
    'repeat',
    'queue.schedule(id, { cron } or { everyMs }, { type, data }) makes jobs again and again',
  ],
  ['enqueue', 'lifo', 'give later jobs a lower "priority"'],
  ['enqueueMany', 'opts', 'did you mean "options"?'],
  ['enqueueMany', 'name', 'did you mean "type"?'],
  ['process', 'limiter', 'see "Rate limits" in docs/guide/jobs.md'],
  // A lease lasts several of its intervals, so the value must not move over.
  ['process', 'lockDuration', 'leave it out: durabl renews leases by itself'],
  ['process', 'lockLifetime', 'leave it out: durabl renews leases by itself'],
  ['process', 'lockLimit', 'did you mean "prefetch"?'],
  ['process', 'processEvery', 'did you mean "pollInterval"?'],
  ['process', 'maxConcurrency', 'did you mean "concurrency"?'],
  ['schedule', 'every', 'did you mean "everyMs"?'],
  ['schedule', 'pattern', 'did you mean "cron"?'],
  ['schedule', 'tz', 'did you mean "timezone"?'],
  ['schedule', 'startDate', 'did you mean "startAt"?'],
  ['schedule', 'endDate', 'did you mean "endAt"?'],
  ['schedule', 'immediately', 'queue.triggerSchedule(id) makes a job of a schedule now'],
  ['schedule, its job', 'opts', 'did you mean "options"?'],
  ['schedule, its job', 'name', 'did you mean "type"?'],
  // Names of objects, and names that mean nothing.
  ['enqueue', 'constructor', 'known are id, priority'],
  ['enqueue', 'zzzzzz', 'known are id, priority'],
]

describe('a name of another queue', () => {
  for (const [call, name, hint] of REFUSED) {
    test(`${call}: ${name}`, async () => {
      const queue = new JobQueue(new DummyBackend(), SILENT)
      await assert.rejects(
        async () => CALLS[call](queue, { [name]: 1 }),
        (error) => {
          assert.ok(error instanceof TypeError)
          assert.equal(error.code, 'ERR_DURABL_INVALID_ARGUMENT')
          assert.ok(error.message.includes(`"${name}"`), error.message)
          assert.ok(error.message.includes(hint), error.message)
          return true
        },
      )
      await queue.shutdown()
    })
  }
})
