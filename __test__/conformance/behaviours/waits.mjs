/** Waits, time limits and expiry of jobs, as handlers, processors and jobs set them. */
import assert from 'node:assert/strict'
import { DeferJobError } from 'durabl'
import { deferred } from '../../support/async.mjs'
import { letPass } from '../../support/time.mjs'

/** Enqueues without waiting for a handler that runs within. */
const enqueued = (queue, type, data, options) =>
  Promise.resolve(queue.enqueue(type, data, options)).catch(() => null)

/** Has a handler fail once in this way; the job as it is stored when it waits again, or has ended. */
async function afterFailure({ makeQueue, arrival, raw, until }, fail, config, type = 't') {
  const queue = makeQueue()
  const ran = deferred()
  queue.process(
    type,
    (job, ctx) => {
      ran.resolve(job)
      return fail(job, ctx)
    },
    config,
  )
  void enqueued(queue, type, 1)
  const { id } = await arrival('the start', ran.promise)
  await until('the end of the run', async () => (await raw(id)).status !== 'active')
  return raw(id)
}

const MINUTES = 60_000

function boom() {
  throw new Error('boom')
}

export default {
  async 'a deferral by a handler is an event'({ makeQueue, until }) {
    const changes = []
    const queue = makeQueue({ onJobChange: (change) => changes.push(change) })
    let isFirst = true
    queue.process('t', () => {
      if (!isFirst) return
      isFirst = false
      throw new DeferJobError(3_600_000)
    })
    const id = await queue.enqueue('t', 1)
    const told = () => changes.find(({ kind }) => kind === 'deferred') ?? null
    assert.deepEqual(await until('the deferral', told), {
      kind: 'deferred',
      type: 't',
      jobId: id,
      delayMs: 3_600_000,
    })
  },

  'a deferred job waits as long as its handler says, its attempt given back': async (env) => {
    const before = Date.now()
    const job = await afterFailure(env, () => {
      throw new DeferJobError(30 * MINUTES)
    })
    assert.equal(job.status, 'pending')
    assert.equal(job.attempt, 0)
    assert.equal(job.errors, undefined)
    assert.equal(job.failReason, undefined)
    assert.ok(job.runAt.getTime() > before + 25 * MINUTES && job.runAt.getTime() < before + 60 * MINUTES)
  },

  'a retry waits as long as the processor says': async (env) => {
    const asked = []
    const before = Date.now()
    const error = new Error('not now')
    const job = await afterFailure(
      env,
      () => {
        throw error
      },
      { retryDelay: (failure) => (asked.push(failure), 30 * MINUTES) },
    )
    assert.equal(job.status, 'pending')
    assert.equal(job.attempt, 1)
    assert.ok(job.runAt.getTime() > before + 25 * MINUTES)
    assert.equal(asked.length, 1)
    assert.equal(asked[0].attempt, 1)
    assert.equal(asked[0].error, error)
    assert.equal(asked[0].job.data, 1)
  },

  'a processor that wants no retry fails the job for good': async (env) => {
    const job = await afterFailure(
      env,
      () => {
        throw new Error('never')
      },
      { retryDelay: () => null },
    )
    assert.deepEqual([job.status, job.ending, job.failReason], ['failed', 'fatal', 'never'])
  },

  'a processor that gives no wait leaves the job to its own back-off': async (env) => {
    const mistaken = () => {
      throw new Error('a mistake')
    }
    for (const [place, retryDelay] of [() => NaN, () => 'soon', () => -1, mistaken].entries()) {
      const job = await afterFailure(env, boom, { retryDelay }, `t-${place}`)
      assert.equal(job.status, 'pending')
      assert.equal(job.failReason, 'boom')
    }
  },

  "a job's own time limit wins over its processor's": async ({ makeQueue, arrival, raw, until }) => {
    const queue = makeQueue()
    const aborted = deferred()
    const never = new Promise(() => {})
    queue.process(
      't',
      (job, ctx) => {
        ctx.signal.addEventListener('abort', () => aborted.resolve([job, ctx.signal.reason]))
        return never
      },
      { timeoutMs: 60 * MINUTES },
    )
    void enqueued(queue, 't', 1, { timeoutMs: 20, maxAttempts: 1 })
    const [job, reason] = await arrival('the time-out', aborted.promise)
    assert.equal(job.timeoutMs, 20)
    assert.equal(reason.code, 'ERR_DURABL_HANDLER_TIMEOUT')
    await until('the end', async () => (await raw(job.id)).status === 'failed')
  },

  'a job that was not started in time ends instead of being claimed': async ({ makeQueue, backend, raw }) => {
    const queue = makeQueue()
    const id = await queue.enqueue('t', 1, { expiresInMs: 1 })
    const other = await queue.enqueue('t', 2, { expiresInMs: 60 * MINUTES })
    await letPass(20, 'the first one expires')
    const claimed = await backend.claimNext('t')
    assert.equal(claimed.id, other)
    assert.ok(claimed.expiresAt instanceof Date)
    const { status, ending, failReason } = await raw(id)
    assert.deepEqual([status, ending, failReason], ['failed', 'expired', 'it was not started in time'])
  },

  'a job does not expire once it was started': async ({ makeQueue, backend }) => {
    const queue = makeQueue()
    const id = await queue.enqueue('t', 1, { expiresInMs: 400, backoffDelay: 0, backoffMaxDelay: 0 })
    const first = await backend.claimNext('t')
    await letPass(450, 'it would expire')
    assert.equal((await backend.fail(id, 'once', first.claimToken)).status, 'retry-scheduled')
    const again = await backend.claimNext('t')
    assert.equal(again?.id, id)
  },

  'times that are none are refused by name': async ({ makeQueue }) => {
    const queue = makeQueue()
    for (const option of ['timeoutMs', 'expiresInMs']) {
      for (const value of ['1', null, {}]) {
        await assert.rejects(queue.enqueue('t', 1, { [option]: value }), { name: 'TypeError' })
      }
      for (const value of [0, -1, NaN]) {
        await assert.rejects(queue.enqueue('t', 1, { [option]: value }), { name: 'RangeError' })
      }
    }
    assert.throws(() => queue.process('t', () => {}, { retryDelay: 5 }), { name: 'TypeError' })
    assert.throws(() => new DeferJobError('soon'), { name: 'TypeError' })
    assert.throws(() => new DeferJobError(-1), { name: 'RangeError' })
  },
}
