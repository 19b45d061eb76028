/** The reference model by itself, on a clock that stands still until it is told. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DummyBackend } from 'durabl'

const NOW = Date.UTC(2030, 0, 1, 12, 34)
const MINUTE = 60_000

function arrange(options) {
  const time = { now: NOW }
  return { time, backend: new DummyBackend({ clock: () => time.now, random: () => 0, ...options }) }
}

/** A job of type `t`, claimed. */
async function claimed(backend, options) {
  await backend.enqueue('t', {}, options)
  return backend.claimNext('t')
}

const undefinedFields = (job) => Object.keys(job).filter((field) => job[field] === undefined)

describe('claims in memory', () => {
  test('come by priority, then by the time when a job is due, then in order of creation', async () => {
    const { backend, time } = arrange()
    for (const [data, delay, priority] of [
      ['last', 3000, 0],
      ['third', 1000, 0],
      ['fourth', 1000, 0],
      ['second', 500, 0],
      ['first', 3000, -1],
    ])
      await backend.enqueue('t', data, { delay, priority })
    time.now += 3000
    const order = []
    for (let job = await backend.claimNext('t'); job !== null; job = await backend.claimNext('t'))
      order.push(job.data)
    assert.deepEqual(order, ['first', 'second', 'third', 'fourth', 'last'])
  })

  test('take a job at its very moment, and none a millisecond before', async () => {
    const { backend, time } = arrange()
    await backend.enqueue('t', {}, { delay: 1000 })
    time.now += 999
    assert.equal(await backend.claimNext('t'), null)
    time.now += 1
    assert.notEqual(await backend.claimNext('t'), null)
  })

  test('take no job that was to be started by now, and the job says so', async () => {
    const { backend, time } = arrange()
    await backend.enqueue('t', {}, { expiresInMs: 1000 })
    time.now += 1000
    assert.equal(await backend.claimNext('t'), null)
    const { status, ending, failReason, failedAt, logs } = await backend.getJob('dummy-1')
    assert.deepEqual(
      [status, ending, failReason, failedAt, logs.map(({ message }) => message)],
      [
        'failed',
        'expired',
        'it was not started in time',
        new Date(time.now),
        ['Expired: it was not started in time'],
      ],
    )
  })

  test('take a job of a later attempt, whenever it was to be started first', async () => {
    const { backend, time } = arrange()
    const { id, claimToken } = await claimed(backend, { expiresInMs: 1000 })
    await backend.release(id, claimToken)
    await backend.claimNext('t')
    await backend.fail(id, 'no')
    time.now += MINUTE
    assert.equal((await backend.claimNext('t')).attempt, 2)
  })
})

describe('a job in memory', () => {
  const OPTIONS = {
    ...{ priority: 5, maxAttempts: 7, dedupeKey: 'k', dedupeScope: 'pending', timeoutMs: 9000 },
    ...{ expiresInMs: 5000, delay: 1000, backoff: 'fixed', backoffDelay: 250, backoffMaxDelay: 400 },
  }

  test('has all that it was made with', async () => {
    const { backend, time } = arrange()
    await backend.enqueue('t', { n: 1 }, OPTIONS)
    time.now += 1000
    const { claimToken, ...job } = await backend.claimNext('t')
    assert.equal(typeof claimToken, 'string')
    assert.deepEqual(job, {
      ...{
        id: 'dummy-1',
        type: 't',
        data: { n: 1 },
        status: 'active',
        priority: 5,
        attempt: 1,
        maxAttempts: 7,
      },
      ...{ dedupeKey: 'k', dedupeScope: 'pending', timeoutMs: 9000 },
      ...{ createdAt: new Date(NOW), runAt: new Date(NOW + 1000), expiresAt: new Date(NOW + 6000) },
      claimedAt: new Date(NOW + 1000),
    })
    const { backoff, backoffDelay, backoffMaxDelay } = backend.jobs[0]
    assert.deepEqual([backoff, backoffDelay, backoffMaxDelay], ['fixed', 250, 400])
    await backend.fail('dummy-1', 'no')
    assert.deepEqual(backend.jobs[0].runAt, new Date(time.now + 250))
  })

  test('has no field of what it was made without', async () => {
    const { backend } = arrange()
    for (const step of ['pending', 'active', 'failed']) {
      if (step === 'pending') await backend.enqueue('t', {})
      if (step === 'active') assert.deepEqual(undefinedFields(await backend.claimNext('t')), [])
      if (step === 'failed') await backend.failFatal('dummy-1', 'no')
      const { jobs } = await backend.listJobs({ status: step })
      const seen = [await backend.findOne({ id: 'dummy-1' }), await backend.getJob('dummy-1'), ...jobs]
      assert.equal(seen.length, 3)
      for (const job of [...seen, ...(await backend.ends(['dummy-1'])), backend.jobs[0]])
        assert.deepEqual(undefinedFields(job), [], step)
    }
  })

  test('whose id has a dot is shown without a worker, and without its token', async () => {
    const { backend } = arrange()
    await claimed(backend, { id: 'tenant.7' })
    const [listed] = (await backend.listJobs({ status: 'active' })).jobs
    for (const job of [listed, await backend.getJob('tenant.7')]) {
      assert.equal('worker' in job, false)
      assert.equal('claimToken' in job, false)
    }
  })

  test('that was handed out does not change with the one that is stored', async () => {
    const { backend, time } = arrange()
    const job = await claimed(backend, { expiresInMs: 5000 })
    time.now += 1000
    job.runAt.setTime(0)
    job.claimedAt.setTime(0)
    job.expiresAt.setTime(0)
    job.createdAt.setTime(0)
    const { runAt, claimedAt, expiresAt, createdAt } = backend.jobs[0]
    assert.deepEqual([runAt, claimedAt, createdAt], [new Date(NOW), new Date(NOW), new Date(NOW)])
    assert.deepEqual(expiresAt, new Date(NOW + 5000))
  })

  test('that fails for good says when, why and how', async () => {
    const { backend, time } = arrange()
    const { id, claimToken } = await claimed(backend)
    time.now += 10
    await backend.failFatal(id, 'no such account', claimToken, { stack: 'at charge' })
    const { status, ending, failReason, failedAt, errors, logs } = await backend.getJob(id)
    assert.deepEqual(
      [status, ending, failReason, failedAt],
      ['failed', 'fatal', 'no such account', new Date(NOW + 10)],
    )
    assert.deepEqual(errors, [
      { attempt: 1, at: new Date(NOW + 10), reason: 'no such account', stack: 'at charge' },
    ])
    assert.deepEqual(logs, [{ timestamp: new Date(NOW + 10), message: 'Fatal: no such account' }])
  })

  test('keeps its newest ten errors, each cut between characters', async () => {
    const { backend, time } = arrange()
    await backend.enqueue('t', {}, { maxAttempts: 20, backoff: 'fixed', backoffDelay: 0 })
    for (let n = 1; n <= 12; n += 1) {
      time.now += MINUTE
      const { id, claimToken } = await backend.claimNext('t')
      const [reason, stack] = n === 12 ? ['ü'.repeat(2049), `a${'ü'.repeat(4096)}`] : [`no ${n}`, undefined]
      await backend.fail(id, reason, claimToken, { stack })
    }
    const { errors } = await backend.getJob('dummy-1')
    assert.deepEqual(
      errors.map(({ attempt }) => attempt),
      [3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    )
    assert.equal(errors[0].reason, 'no 3')
    assert.equal(errors[9].reason, 'ü'.repeat(2048))
    assert.equal(errors[9].stack, `a${'ü'.repeat(4095)}`)
  })

  test('keeps texts of errors whole that are just short enough', async () => {
    const { backend } = arrange()
    const { id, claimToken } = await claimed(backend)
    await backend.failFatal(id, 'r'.repeat(4096), claimToken, { stack: 's'.repeat(8192) })
    const [{ reason, stack }] = (await backend.getJob(id)).errors
    assert.deepEqual([reason.length, stack.length], [4096, 8192])
  })

  test('keeps its newest log lines, each cut between characters and marked so', async () => {
    const { backend } = arrange({ maxLogEntries: 2, maxLogMessageBytes: 20 })
    const { id } = await claimed(backend)
    for (const line of ['first', 'ü'.repeat(10), 'ü'.repeat(11)]) await backend.log(id, line)
    const { logs } = await backend.findOne({ id })
    assert.deepEqual(
      logs.map(({ message }) => message),
      ['ü'.repeat(10), `${'ü'.repeat(4)} [truncated]`],
    )
    assert.deepEqual(
      backend.jobs[0].logs,
      logs.map(({ message }) => message),
    )
  })
})

describe('a sweep in memory', () => {
  test('takes leases that have expired, the oldest first, as many as it may', async () => {
    const { backend, time } = arrange()
    for (const id of ['b', 'a', 'c', 'd']) {
      await claimed(backend, { id })
      time.now += 1000
    }
    backend.jobs[2].claimedAt = new Date(NOW - 1)
    // Of a (1000), b (0), c (-1) and d (3000) after the start, these have expired.
    time.now = NOW + 5000
    assert.equal(await backend.recoverStuckJobs(4000, 2), 2)
    const pending = () => backend.jobs.filter(({ status }) => status === 'pending').map(({ id }) => id)
    assert.deepEqual(pending(), ['b', 'c'])
    assert.equal(await backend.recoverStuckJobs(4000), 1)
    assert.deepEqual(pending(), ['b', 'a', 'c'])
    const { claimToken, claimedAt, attempt, failReason } = backend.jobs[0]
    assert.deepEqual([claimToken, claimedAt, attempt, failReason], [undefined, undefined, 1, undefined])
    assert.match(backend.jobs[0].errors[0].reason, /^the lease expired on attempt 1 of 3/)
  })

  test('fails a job whose attempts are used up', async () => {
    const { backend, time } = arrange()
    await claimed(backend, { maxAttempts: 1 })
    time.now += 1000
    assert.equal(await backend.recoverStuckJobs(1000), 1)
    const { status, ending, failReason } = await backend.getJob('dummy-1')
    assert.deepEqual([status, ending], ['failed', 'exhausted'])
    assert.match(failReason, /the lease expired on attempt 1 of 1/)
  })
})

describe('changes by operators in memory', () => {
  test('a retry begins anew, and keeps what happened', async () => {
    const { backend, time } = arrange()
    const { id, claimToken } = await claimed(backend, { expiresInMs: 5000 })
    await backend.cancel(id, { reason: 'a mistake' })
    await backend.fail(id, 'no', claimToken)
    assert.equal((await backend.getJob(id)).ending, 'cancelled')
    time.now += MINUTE
    assert.deepEqual(await backend.retry(id, { delay: 500, maxAttempts: 9 }), { status: 'retried' })
    const { errors, logs, ...job } = backend.jobs[0]
    assert.deepEqual(job, {
      ...{ id, type: 't', data: {}, status: 'pending', priority: 0, attempt: 0, maxAttempts: 9 },
      ...{ createdAt: new Date(NOW), runAt: new Date(time.now + 500) },
    })
    assert.ok(logs.length > 0)
    assert.equal(errors, undefined)
    time.now += 500
    assert.equal((await backend.claimNext('t')).attempt, 1)
  })

  test('a promotion makes a job due now, and does not set one back that is due already', async () => {
    const { backend, time } = arrange()
    await backend.enqueue('t', {}, { delay: MINUTE })
    await backend.enqueue('t', {})
    time.now += 1000
    await backend.promote('dummy-1')
    await backend.promote('dummy-2')
    assert.deepEqual(
      backend.jobs.map(({ runAt }) => runAt.getTime() - NOW),
      [1000, 0],
    )
  })

  test('another time is never one that has passed', async () => {
    const { backend } = arrange()
    const runAt = () => backend.jobs[0].runAt.getTime() - NOW
    await backend.enqueue('t', {})
    await backend.reschedule('dummy-1', { runAt: new Date(NOW - 5) })
    assert.equal(runAt(), 0)
    await backend.reschedule('dummy-1', { runAt: new Date(NOW + 5) })
    assert.equal(runAt(), 5)
    await backend.reschedule('dummy-1', { delay: 7, priority: 3 })
    assert.deepEqual([runAt(), backend.jobs[0].priority], [7, 3])
  })

  test('a removed job is gone from everywhere', async () => {
    const { backend } = arrange()
    await backend.enqueue('t', 1, { dedupeKey: 'k' })
    await backend.enqueue('t', 2)
    assert.deepEqual(await backend.remove('dummy-1'), { status: 'removed' })
    assert.deepEqual(
      backend.jobs.map(({ id }) => id),
      ['dummy-2'],
    )
    assert.equal(await backend.hasOutstanding('t', 'k'), false)
    assert.equal((await backend.claimNext('t')).id, 'dummy-2')
    assert.equal(await backend.claimNext('t'), null)
    assert.deepEqual(await backend.remove('dummy-1'), { status: 'not-found' })
  })

  test('a job that runs is asked to end once, with the first reason', async () => {
    const { backend } = arrange()
    const { id } = await claimed(backend)
    await backend.enqueue('t', {})
    assert.deepEqual(await backend.cancel(id, { reason: 'first' }), { status: 'requested' })
    assert.deepEqual(await backend.cancel(id, { reason: 'second' }), { status: 'requested' })
    assert.deepEqual(await backend.cancelRequests([id, 'dummy-2', 'unknown']), [{ id, reason: 'first' }])
    assert.deepEqual(await backend.cancelEach([id, 'dummy-2', 'unknown'], 'pending'), [
      ...['skipped', 'cancelled', 'skipped'],
    ])
    const { ending, failReason, logs } = await backend.getJob('dummy-2')
    assert.deepEqual([ending, failReason, logs[0].message], ['cancelled', 'cancelled', 'Cancelled'])
  })
})

describe('looks at jobs in memory', () => {
  test('the lag is that of the oldest job that is due', async () => {
    const { backend, time } = arrange()
    assert.equal((await backend.getStats()).oldestPendingRunAt, null)
    await backend.enqueue('t', {}, { delay: 100 })
    await backend.enqueue('t', {}, { delay: 50 })
    await backend.enqueue('t', {}, { delay: MINUTE })
    time.now += 50
    assert.deepEqual(pick(await backend.getStats()), [3, new Date(NOW + 50), 0])
    time.now += 950
    assert.deepEqual(pick(await backend.getStats()), [3, new Date(NOW + 50), 950])
    const [counted] = (await backend.counts()).types
    assert.deepEqual([counted.due.count, counted.oldestDueAt, counted.lagMs], [2, new Date(NOW + 50), 950])
  })
  const pick = (stats) => [stats.pending, stats.oldestPendingRunAt, stats.oldestPendingLagMs]

  test('jobs are counted by type and state; a type can be counted alone', async () => {
    const { backend, time } = arrange()
    const end = {
      completed: (id) => backend.complete(id),
      fatal: (id) => backend.failFatal(id, 'no'),
      exhausted: (id) => backend.fail(id, 'no'),
      active: () => {},
    }
    for (const name of ['completed', 'completed', 'fatal', 'exhausted', 'active', 'active', 'active'])
      await end[name]((await claimed(backend, { maxAttempts: 1 })).id)
    await backend.cancel(await backend.enqueue('t', {}))
    await backend.enqueue('t', {}, { expiresInMs: 1 })
    time.now += 1
    await backend.recoverStuckJobs(MINUTE)
    for (const delay of [0, 0, MINUTE]) await backend.enqueue('t', {}, { delay })
    const held = { dedupeKey: 'k', dedupeScope: 'pending' }
    await backend.claimOrEnqueue('u', {}, held)
    await backend.enqueue('u', {}, held)
    await backend.pause('u')
    time.now += 5

    const { at, completedTotal, types } = await backend.counts()
    assert.deepEqual([at, completedTotal], [new Date(time.now), { count: 2, precision: 'exact' }])
    const exactly = (count) => ({ count, precision: 'exact' })
    const [t, u] = [
      {
        ...{ type: 't', state: 'running', pending: exactly(3), due: exactly(2), blocked: exactly(0) },
        ...{ active: exactly(3), failed: exactly(2), oldestDueAt: new Date(NOW + 1), lagMs: 5 },
      },
      {
        ...{ type: 'u', state: 'paused', pending: exactly(1), due: exactly(1), blocked: exactly(1) },
        ...{ active: exactly(1), failed: exactly(0), oldestDueAt: null, lagMs: 0 },
      },
    ]
    assert.deepEqual(types, [t, u])
    assert.deepEqual((await backend.counts({ type: 'u' })).types, [u])
  })

  test('types are counted in order', async () => {
    const { backend } = arrange()
    for (const type of ['m', 'z', 'a', 'z', 'c']) await backend.enqueue(type, {})
    const { types } = await backend.counts()
    assert.deepEqual(
      types.map(({ type, pending }) => `${type}${pending.count}`),
      ['a1', 'c1', 'm1', 'z2'],
    )
  })

  test('actions come a page at a time, newest first', async () => {
    const { backend, time } = arrange()
    const ids = []
    for (const action of ['a', 'b', 'c', 'd']) {
      ids.push((await backend.recordAction({ action })).id)
      time.now += 1
    }
    const listed = async (query) => (await backend.listActions(query)).map(({ action }) => action)
    assert.deepEqual(await listed(), ['d', 'c', 'b', 'a'])
    assert.deepEqual(await listed({ limit: 2 }), ['d', 'c'])
    assert.deepEqual(await listed({ before: ids[2], limit: 1 }), ['b'])
    assert.deepEqual(await listed({ before: ids[0] }), [])
    assert.deepEqual(await listed({ before: 'unknown' }), [])
    assert.deepEqual((await backend.listActions({ limit: 1 }))[0].at, new Date(NOW + 3))
  })
})
