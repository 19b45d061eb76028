/** A promise that a handler does not await must not end its process when it rejects. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { settled } from '../../support/async.mjs'
import { recordingLogger } from '../../support/loggers.mjs'
import { override } from '../../support/override.mjs'

let backend, queue, unhandled
const onUnhandled = (error) => unhandled.push(error)

beforeEach(() => {
  unhandled = []
  process.on('unhandledRejection', onUnhandled)
  backend = new DummyBackend()
})

afterEach(async () => {
  await queue.shutdown(0)
  await settled()
  process.removeListener('unhandledRejection', onUnhandled)
  assert.deepEqual(unhandled, [])
})

/** Runs one job by this handler, on the backend with these methods replaced. */
async function run(handler, methods = {}) {
  queue = new JobQueue(override(backend, methods), recordingLogger())
  await queue.enqueue('work', {})
  queue.process('work', handler)
  await settled()
  return backend.jobs[0]
}

describe('a promise that a handler does not await ends no process', () => {
  it('a heartbeat that fails in an outage', async () => {
    let beats = 0
    const heartbeat = async () => {
      beats += 1
      throw new Error('away')
    }
    await run((_job, ctx) => void ctx.heartbeat(), { heartbeat })
    assert.equal(beats, 1)
  })

  it('a settlement within a transaction, and a second transaction', async () => {
    const handler = (_job, ctx) =>
      ctx.transaction(async () => {
        void ctx.complete()
        void ctx.transaction(() => {})
      })
    const { transactions } = backend
    const job = await run(handler, { transactions })
    assert.equal(job.status, 'completed')
  })

  it('a session that is asked for too late', async () => {
    let late
    await run((_job, ctx) => void (late = ctx))
    void late.session()
    await settled()
  })
})
