/** A handler holds its slot until it ends, whatever has become of its job: what would wait for it can run elsewhere. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import { deferred, eventLog, never } from '../../support/async.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { SILENT, jobs } from '../../support/jobs.mjs'

/** Leases are four times as long, so that none is lost by accident: no reaper recovers a job here. */
const HEARTBEAT_MS = 500
/** Should it happen all the same, its test must not wait for ever. */
const PATIENCE_MS = 120_000

const ONE_BY_ONE = { concurrency: 1, prefetch: 0, pollInterval: 50 }

function newQueue(t, backend, options) {
  const queue = new JobQueue(backend, SILENT, { autoRecover: false, ...options })
  atEnd(t, () => queue.shutdown(0))
  return queue
}

/** Events that end a job while its handler is at work. */
const ENDS = {
  'has settled it by itself': ({ ctx }) => ctx.complete(),
  'has committed its transaction': ({ ctx }) => ctx.transaction(async () => {}),
  'has lost its lease': async ({ ctx, collection, job }) => {
    const aborted = once(ctx.signal, 'abort')
    await collection.updateOne({ _id: job.id }, { $set: { claimToken: 'thief' } })
    await aborted
  },
}

describe('a slot', { concurrency: true }, () => {
  for (const [name, end] of Object.entries(ENDS)) {
    const title = `is held by a handler that works on when it ${name}, and the next job runs elsewhere`
    test(title, { timeout: PATIENCE_MS }, async (t) => {
      const { backend, collection, db, whenJob } = await jobs(t)
      const [over, gate] = [deferred(), deferred()]
      const ran = []
      const busy = newQueue(t, backend)
      busy.process(
        'work',
        async (job, ctx) => {
          ran.push(job.data)
          if (job.data !== 'first') return
          await end({ ctx, collection, job }).then(over.resolve, over.reject)
          await gate.promise
        },
        { ...ONE_BY_ONE, heartbeatIntervalMs: HEARTBEAT_MS },
      )
      await busy.enqueue('work', 'first')
      await over.promise
      const second = await busy.enqueue('work', 'second')
      const elsewhere = newQueue(t, new MongoJobQueue({ db, logger: SILENT }))
      const there = []
      elsewhere.process('work', ({ data }) => void there.push(data), ONE_BY_ONE)
      await whenJob(second, 'completed')
      await elsewhere.shutdown(1000)
      const third = await busy.enqueue('work', 'third')
      gate.resolve()
      await whenJob(third, 'completed')
      assert.deepEqual({ ran, there }, { ran: ['first', 'third'], there: ['second'] })
    })
  }
})

describe('a queue whose backend is shut down by itself', () => {
  test(
    'its handlers have their signals aborted, and its jobs are given back',
    { timeout: PATIENCE_MS },
    async (t) => {
      const { backend, collection } = await jobs(t)
      const log = eventLog()
      const queue = newQueue(t, backend, { onJobEvent: log.listener })
      const started = deferred()
      queue.process('work', (_job, ctx) => (started.resolve(ctx), never()))
      const id = await queue.enqueue('work', {})
      const ctx = await started.promise
      const aborted = once(ctx.signal, 'abort')
      await backend.shutdown(1000)
      await aborted
      assert.equal(ctx.signal.reason.code, 'ERR_DURABL_SHUT_DOWN')
      assert.deepEqual(await ctx.complete(), { status: 'released' })
      assert.deepEqual(log.kinds(), ['claimed', 'shutdown-released'])
      const job = await collection.findOne({ _id: id })
      assert.deepEqual([job.status, job.attempt], ['pending', 0])
      // It has nothing to wait for, and would wait for a minute.
      const began = performance.now()
      await queue.shutdown(60_000)
      assert.ok(performance.now() - began < 30_000)
    },
  )
})
