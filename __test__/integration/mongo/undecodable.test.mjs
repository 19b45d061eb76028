/** A job that JavaScript can't read must not become a claim that no worker can settle. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PayloadError } from 'durabl'
import { BSONRegExp } from 'mongodb'
import { jobs } from '../../support/jobs.mjs'

/** The server knows more of regular expressions than JavaScript. */
const UNREADABLE = new BSONRegExp('(?<', '')

async function plant(collection, fields = {}) {
  const now = new Date()
  await collection.insertOne({
    ...{ _id: 'job', type: 'work', status: 'pending', data: { pattern: UNREADABLE } },
    ...{ priority: 0, attempt: 0, maxAttempts: 2, runAt: now, createdAt: now, logs: [] },
    ...{ backoff: 'fixed', backoffDelay: 1, backoffMaxDelay: 1 },
    ...fields,
  })
}

const KEY = { dedupeKey: 'k', dedupeScope: 'pending' }

const CLAIMS = {
  claimNext: (backend) => backend.claimNext('work'),
  claimNextByKey: (backend) => backend.claimNextByKey('work', 'k'),
}

describe('a claim by hand of a job that cannot be decoded', () => {
  for (const [name, claim] of Object.entries(CLAIMS)) {
    test(`${name} fails its attempt, and says which job it is`, async (t) => {
      const { backend, collection } = await jobs(t)
      await plant(collection, KEY)
      await assert.rejects(claim(backend), (error) => {
        assert.ok(error instanceof PayloadError)
        assert.equal(error.code, 'ERR_DURABL_PAYLOAD_NOT_DECODABLE')
        assert.match(error.message, new RegExp(`^${name}: .*could not be decoded.*job`))
        assert.ok(error.cause instanceof Error)
        return true
      })
      const job = await collection.findOne({ _id: 'job' }, { bsonRegExp: true })
      assert.deepEqual([job.status, job.attempt, job.claimToken ?? null], ['pending', 1, null])
      await assert.rejects(async () => {
        while ((await claim(backend)) === null);
      }, PayloadError)
      const ended = await collection.findOne({ _id: 'job' }, { bsonRegExp: true })
      assert.equal(ended.status, 'failed')
      assert.match(ended.failReason, /decoded/)
    })
  }
})
