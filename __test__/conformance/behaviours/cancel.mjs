/** Behaviours of cancelled jobs, and of failed jobs that tell how they ended. */
import assert from 'node:assert/strict'
import { FatalJobError } from 'durabl'
import { deferred } from '../../support/async.mjs'
import { EXCLUSIVE, QUICK_RETRY, SINGLE_FLIGHT } from '../support.mjs'

const CANCELLED = { status: 'cancelled' }
const REQUESTED = { status: 'requested' }

/** A handler that ends as soon as it is told to. */
function obedient(end) {
  const started = deferred()
  const handler = (job, ctx) => {
    started.resolve(job)
    return new Promise((resolve, reject) => {
      ctx.signal.addEventListener('abort', () => end({ resolve, reject, reason: ctx.signal.reason, ctx }))
    })
  }
  return { handler, started: started.promise }
}

/** Enqueues without waiting for a handler that runs within. */
function enqueued(queue, type, data, options) {
  return Promise.resolve(queue.enqueue(type, data, options)).catch(() => null)
}

async function endsCancelled({ makeQueue, raw, until, arrival }, end) {
  const queue = makeQueue()
  const { handler, started } = obedient(end)
  queue.process('t', handler)
  void enqueued(queue, 't', 1)
  const { id } = await arrival('the start', started)
  assert.deepEqual(await queue.cancel(id, { reason: 'withdrawn' }), REQUESTED)
  await until('the end', async () => (await raw(id)).status === 'failed')
  const job = await raw(id)
  assert.equal(job.ending, 'cancelled')
  assert.equal(job.failReason, 'withdrawn')
  assert.equal(job.attempt, 1)
  assert.deepEqual(await queue.cancel(id), { status: 'already-terminal', terminalStatus: 'failed' })
}

export default {
  'a pending job ends at once': async ({ makeQueue, backend, raw }) => {
    const queue = makeQueue()
    const id = await queue.enqueue('t', 1)
    assert.deepEqual(await queue.cancel(id, { reason: 'no longer wanted' }), CANCELLED)
    const { status, ending, failReason, failedAt, attempt } = await raw(id)
    assert.deepEqual(
      { status, ending, failReason, attempt },
      {
        status: 'failed',
        ending: 'cancelled',
        failReason: 'no longer wanted',
        attempt: 0,
      },
    )
    assert.ok(failedAt instanceof Date)
    assert.equal(await backend.claimNext('t'), null)
    assert.deepEqual(await queue.cancel(id), { status: 'already-terminal', terminalStatus: 'failed' })
  },

  'without a reason it says that it was cancelled': async ({ makeQueue, stored }) => {
    const queue = makeQueue()
    const id = await queue.enqueue('t', 1)
    assert.deepEqual(await queue.cancel(id), CANCELLED)
    assert.equal((await stored(id)).failReason, 'cancelled')
  },

  'the key of a cancelled job is free': async ({ makeQueue }) => {
    const queue = makeQueue()
    for (const options of [EXCLUSIVE, { ...SINGLE_FLIGHT, dedupeKey: 'other' }]) {
      const id = await queue.enqueue('t', 1, options)
      assert.equal(await queue.enqueue('t', 2, options), null)
      assert.deepEqual(await queue.cancel(id), CANCELLED)
      assert.notEqual(await queue.enqueue('t', 3, options), null)
    }
  },

  'a job that there is not is not found': async ({ makeQueue }) => {
    assert.deepEqual(await makeQueue().cancel('no-such-job'), { status: 'not-found' })
  },

  'a completed job stays completed': async ({ makeQueue, backend, raw }) => {
    const queue = makeQueue()
    await queue.enqueue('t', 1)
    const { id, claimToken } = await backend.claimNext('t')
    await backend.complete(id, claimToken)
    assert.deepEqual(await queue.cancel(id), { status: 'already-terminal', terminalStatus: 'completed' })
    assert.equal((await raw(id)).ending, undefined)
  },

  'a handler that throws when it is told ends its job as cancelled': (env) =>
    endsCancelled(env, ({ reject, reason }) => reject(reason)),
  'a handler that returns when it is told ends its job as cancelled': (env) =>
    endsCancelled(env, ({ resolve }) => resolve()),
  'a handler that fails for good when it is told ends its job as cancelled': (env) =>
    endsCancelled(env, ({ reject }) => reject(new FatalJobError('of its own'))),
  'a handler that fails by hand when it is told ends its job as cancelled': (env) =>
    endsCancelled(env, async ({ resolve, ctx }) => {
      assert.deepEqual(await ctx.fail('told to stop'), { status: 'failed-terminal' })
      resolve()
    }),

  'the reason of the signal says that the job was cancelled': async ({ makeQueue, arrival }) => {
    const queue = makeQueue()
    const told = deferred()
    const { handler, started } = obedient(({ reject, reason }) => {
      told.resolve(reason)
      reject(reason)
    })
    queue.process('t', handler)
    void enqueued(queue, 't', 1)
    const { id } = await arrival('the start', started)
    await queue.cancel(id, { reason: 'withdrawn' })
    const { code, message } = await arrival('the signal', told.promise)
    assert.equal(code, 'ERR_DURABL_CANCELLED')
    assert.match(message, /withdrawn/)
  },

  'a handler that completes by hand all the same has completed': async ({
    makeQueue,
    arrival,
    whenJob,
    raw,
  }) => {
    const queue = makeQueue()
    const { handler, started } = obedient(async ({ resolve, ctx }) => {
      assert.deepEqual(await ctx.complete(), { status: 'completed' })
      resolve()
    })
    queue.process('t', handler)
    void enqueued(queue, 't', 1)
    const { id } = await arrival('the start', started)
    assert.deepEqual(await queue.cancel(id), REQUESTED)
    await whenJob(id, 'completed')
    assert.equal((await raw(id)).ending, undefined)
  },

  'a running job keeps its key until its handler has ended': async ({ makeQueue, arrival, raw, until }) => {
    const queue = makeQueue()
    const [goOn, started] = [deferred(), deferred()]
    queue.process('t', async (job) => {
      started.resolve(job)
      await goOn.promise
    })
    void enqueued(queue, 't', 1, EXCLUSIVE)
    const { id } = await arrival('the start', started.promise)
    assert.deepEqual(await queue.cancel(id), REQUESTED)
    assert.deepEqual(await queue.cancel(id, { reason: 'again' }), REQUESTED)
    assert.equal(await queue.enqueue('t', 2, EXCLUSIVE), null)
    assert.equal((await raw(id)).status, 'active')
    goOn.resolve()
    await until('the end', async () => (await raw(id)).status === 'failed')
    assert.equal((await raw(id)).failReason, 'cancelled')
  },

  'a claim by hand that would have its job tried again ends it as cancelled': async ({
    makeQueue,
    backend,
    raw,
  }) => {
    const queue = makeQueue()
    for (const [settle, told] of [
      [(id, token) => backend.fail(id, 'went wrong', token), { status: 'failed-terminal' }],
      [(id, token) => backend.release(id, token), { status: 'already-terminal', terminalStatus: 'failed' }],
    ]) {
      await queue.enqueue('t', 1)
      const { id, claimToken } = await backend.claimNext('t')
      assert.deepEqual(await queue.cancel(id, { reason: 'withdrawn' }), REQUESTED)
      assert.deepEqual(await settle(id, claimToken), told)
      const { status, ending, failReason } = await raw(id)
      assert.deepEqual([status, ending, failReason], ['failed', 'cancelled', 'withdrawn'])
    }
  },

  'a claim by hand that settles for good has settled': async ({ makeQueue, backend, raw }) => {
    const queue = makeQueue()
    await queue.enqueue('t', 1)
    const { id, claimToken } = await backend.claimNext('t')
    await queue.cancel(id)
    assert.deepEqual(await backend.failFatal(id, 'of its own', claimToken), { status: 'failed-terminal' })
    const { ending, failReason } = await raw(id)
    assert.deepEqual([ending, failReason], ['fatal', 'of its own'])
  },

  'a job whose worker is gone ends as cancelled when its lease does': async ({ makeQueue, backend, raw }) => {
    const queue = makeQueue()
    await queue.enqueue('t', 1)
    const { id } = await backend.claimNext('t')
    assert.deepEqual(await queue.cancel(id, { reason: 'withdrawn' }), REQUESTED)
    assert.equal(await backend.recoverStuckJobs(0), 1)
    const { status, ending, failReason } = await raw(id)
    assert.deepEqual([status, ending, failReason], ['failed', 'cancelled', 'withdrawn'])
  },

  'the backend names the running jobs that were asked to be cancelled': async ({ makeQueue, backend }) => {
    const queue = makeQueue()
    const ids = await Promise.all([1, 2, 3].map((data) => queue.enqueue('t', data)))
    const claimed = await backend.claimNext('t')
    const other = await backend.claimNext('t')
    await queue.cancel(claimed.id, { reason: 'withdrawn' })
    assert.deepEqual(await backend.cancelRequests(ids), [{ id: claimed.id, reason: 'withdrawn' }])
    assert.deepEqual(await backend.cancelRequests([other.id]), [])
  },

  'two who cancel at once cancel once': async ({ makeQueue }) => {
    const queue = makeQueue()
    const id = await queue.enqueue('t', 1)
    const results = await Promise.all([queue.cancel(id), queue.cancel(id), queue.cancel(id)])
    const statuses = results.map(({ status }) => status).sort()
    assert.deepEqual(statuses, ['already-terminal', 'already-terminal', 'cancelled'])
  },

  'a handle that is run ends as cancelled': async ({ makeQueue, arrival, raw }) => {
    const queue = makeQueue()
    const handle = await queue.claimOrEnqueue('t', 1)
    const { handler, started } = obedient(({ resolve }) => resolve())
    const run = queue.runClaimed(handle, handler)
    await arrival('the start', started)
    assert.deepEqual(await queue.cancel(handle.id), REQUESTED)
    await assert.rejects(arrival('the end', run), { code: 'ERR_DURABL_CANCELLED' })
    assert.equal((await raw(handle.id)).ending, 'cancelled')
  },

  'malformed arguments are refused by name': async ({ makeQueue }) => {
    const queue = makeQueue()
    for (const id of [undefined, null, '', 7, { $ne: null }, ['a']]) {
      await assert.rejects(queue.cancel(id), { name: 'TypeError', code: 'ERR_DURABL_INVALID_ARGUMENT' })
    }
    for (const options of [{ reason: 7 }, { reason: { $ne: '' } }, { why: 'x' }, 'x']) {
      await assert.rejects(queue.cancel('a', options), {
        name: 'TypeError',
        code: 'ERR_DURABL_INVALID_ARGUMENT',
      })
    }
    await assert.rejects(queue.cancel('a', { reason: 'x'.repeat(5000) }), { name: 'RangeError' })
  },

  'a failed job tells how it ended': async ({ makeQueue, backend, raw }) => {
    const queue = makeQueue()
    const claim = async (options) => {
      await queue.enqueue('t', 1, options)
      return backend.claimNext('t')
    }
    const exhausted = await claim({ maxAttempts: 1 })
    await backend.fail(exhausted.id, 'no luck', exhausted.claimToken)
    assert.equal((await raw(exhausted.id)).ending, 'exhausted')
    const fatal = await claim()
    await backend.failFatal(fatal.id, 'no hope', fatal.claimToken)
    assert.equal((await raw(fatal.id)).ending, 'fatal')
    const stalled = await claim({ maxAttempts: 1 })
    await backend.recoverStuckJobs(0)
    assert.equal((await raw(stalled.id)).ending, 'exhausted')
    const completed = await claim()
    await backend.complete(completed.id, completed.claimToken)
    assert.equal((await raw(completed.id)).ending, undefined)
  },

  'each failed attempt leaves its error, the newest ten': async ({ makeQueue, backend, raw, until }) => {
    const queue = makeQueue()
    const id = await queue.enqueue('t', 1, { ...QUICK_RETRY, maxAttempts: 12 })
    const before = Date.now() - 60_000
    for (let attempt = 1; attempt <= 12; attempt += 1) {
      await backend.recoverStuckJobs(300_000)
      const claimed = await until('the job is due', () => backend.claimNext('t'))
      await backend.fail(id, `failure ${attempt}`, claimed.claimToken)
    }
    const { errors } = await raw(id)
    assert.deepEqual(
      errors.map(({ attempt, reason }) => [attempt, reason]),
      Array.from({ length: 10 }, (_, i) => [i + 3, `failure ${i + 3}`]),
    )
    for (const { at } of errors) assert.ok(at instanceof Date && at.getTime() > before)
  },

  'an error that was thrown leaves its stack, cut to its bound': async ({
    makeQueue,
    arrival,
    raw,
    until,
  }) => {
    const queue = makeQueue()
    const ran = deferred()
    queue.process('t', (job) => {
      ran.resolve(job)
      throw Object.assign(new Error('€'.repeat(9000)), {})
    })
    void enqueued(queue, 't', 1, { maxAttempts: 1 })
    const { id } = await arrival('the start', ran.promise)
    await until('the end', async () => (await raw(id)).status === 'failed')
    const [{ attempt, reason, stack }] = (await raw(id)).errors
    assert.equal(attempt, 1)
    assert.ok(Buffer.byteLength(reason) <= 4096 && Buffer.byteLength(reason) > 4000)
    assert.ok(Buffer.byteLength(stack) <= 8192 && Buffer.byteLength(stack) > 8000)
    assert.match(stack, /^Error: €/)
  },

  'an attempt whose worker is gone leaves its error, too': async ({ makeQueue, backend, raw }) => {
    const queue = makeQueue()
    const id = await queue.enqueue('t', 1)
    await backend.claimNext('t')
    await backend.recoverStuckJobs(0)
    const [{ attempt, reason, stack }] = (await raw(id)).errors
    assert.equal(attempt, 1)
    assert.match(reason, /lease expired/)
    assert.equal(stack, undefined)
  },

  'jobs that do not fail carry nothing of all this': async ({ makeQueue, backend, raw }) => {
    const queue = makeQueue()
    const id = await queue.enqueue('t', 1)
    const first = await backend.claimNext('t')
    await backend.release(id, first.claimToken)
    const second = await backend.claimNext('t')
    await backend.complete(id, second.claimToken)
    const fields = Object.keys(await raw(id))
    for (const field of ['ending', 'errors', 'cancelRequestedAt', 'cancelReason']) {
      assert.ok(!fields.includes(field), field)
    }
  },
}
