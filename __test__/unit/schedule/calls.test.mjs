/** Schedules in memory, by fake timers: what the calls do, and which occurrences make jobs. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MINUTE, START, clockwork } from './support.mjs'

const EACH_MINUTE = { cron: '* * * * *' }
const JOB = { type: 't', data: { n: 1 } }

describe('an occurrence', () => {
  test('makes a job that says which one it is', async (t) => {
    const { queue, backend, pass } = await clockwork(t)
    const seen = []
    queue.process('t', (job) => void seen.push(job))
    await queue.schedule('nightly', EACH_MINUTE, { ...JOB, options: { priority: 5, maxAttempts: 7 } })
    await pass(MINUTE - 1)
    assert.equal(backend.jobs.length, 0)
    await pass(1)
    const [job] = seen
    const occurrenceAt = new Date(START + MINUTE)
    assert.deepEqual(job.schedule, { id: 'nightly', occurrenceAt })
    assert.equal(job.id, `durabl:schedule:nightly:${START + MINUTE}`)
    assert.deepEqual([job.data, job.priority, job.maxAttempts], [{ n: 1 }, 5, 7])
    assert.deepEqual(job.runAt, occurrenceAt)
    assert.deepEqual((await backend.findOne({ id: job.id })).schedule, { id: 'nightly', occurrenceAt })
    await pass(2 * MINUTE)
    assert.equal(seen.length, 3)
  })

  test('expires as long after its moment as its job may wait, however late it was made', async (t) => {
    const { queue, backend, begin, pass, away } = await clockwork(t)
    await queue.schedule('s', EACH_MINUTE, { ...JOB, options: { expiresInMs: 20 * MINUTE } })
    away(2 * MINUTE + 30_000)
    begin()
    await pass(1)
    const [{ runAt, expiresAt }] = backend.jobs
    assert.deepEqual([runAt, expiresAt], [new Date(START + 2 * MINUTE), new Date(START + 22 * MINUTE)])
  })

  test('comes only while a queue has a processor', async (t) => {
    const { queue, backend, begin, pass, made } = await clockwork(t)
    await queue.schedule('s', EACH_MINUTE, JOB)
    await pass(5 * MINUTE)
    assert.deepEqual(backend.jobs, [])
    begin()
    await pass(1)
    assert.deepEqual(made(), [5 * MINUTE])
  })

  test('every so often counts from startAt, or from 1970', async (t) => {
    const { queue, begin, pass, made } = await clockwork(t)
    begin()
    await queue.schedule('aligned', { everyMs: 7 * MINUTE, overlap: 'allow' }, JOB)
    const startAt = new Date(START + 90_000)
    await queue.schedule(
      'started',
      { everyMs: 10 * MINUTE, startAt, overlap: 'allow' },
      { ...JOB, type: 'u' },
    )
    await pass(12 * MINUTE)
    const first = 7 * MINUTE - (START % (7 * MINUTE))
    assert.deepEqual(
      made().toSorted((a, b) => a - b),
      [90_000, first, 90_000 + 10 * MINUTE, first + 7 * MINUTE]
        .filter((at) => at <= 12 * MINUTE)
        .toSorted((a, b) => a - b),
    )
  })

  test('does not come after endAt', async (t) => {
    const { queue, begin, pass, made } = await clockwork(t)
    begin()
    await queue.schedule('s', { ...EACH_MINUTE, overlap: 'allow', endAt: new Date(START + 2 * MINUTE) }, JOB)
    await pass(9 * MINUTE)
    assert.deepEqual(made(), [MINUTE, 2 * MINUTE])
    const [info] = await queue.listSchedules()
    assert.equal(info.status, 'ended')
    assert.equal('nextAt' in info, false)
    assert.deepEqual(info.lastAt, new Date(START + 2 * MINUTE))
  })
})

describe('occurrences that were missed', () => {
  const after = async (t, spec, away = 10 * MINUTE + 30_000) => {
    const clock = await clockwork(t)
    await clock.queue.schedule('s', { ...EACH_MINUTE, overlap: 'allow', ...spec }, JOB)
    clock.away(away)
    clock.begin()
    await clock.pass(1)
    return clock
  }
  const minutes = (...numbers) => numbers.map((number) => number * MINUTE)

  test('are made up for once, by the newest', async (t) => {
    const { made, pass } = await after(t, {})
    assert.deepEqual(made(), minutes(10))
    await pass(MINUTE)
    assert.deepEqual(made(), minutes(10, 11))
  })

  test('are all made up for', async (t) => {
    const { made } = await after(t, { missed: 'all' })
    assert.deepEqual(made(), minutes(1, 2, 3, 4, 5, 6, 7, 8, 9, 10))
  })

  test('are made up for as far as maxCatchUp goes, the newest', async (t) => {
    const { made } = await after(t, { missed: 'all', maxCatchUp: 3 })
    assert.deepEqual(made(), minutes(8, 9, 10))
  })

  test('are made up for as far as maxLateMs goes', async (t) => {
    const { made } = await after(t, { missed: 'all', maxLateMs: 150_000 })
    assert.deepEqual(made(), minutes(9, 10))
  })

  test('are not made up for once they are later than maxLateMs', async (t) => {
    const { made, pass } = await after(t, { maxLateMs: 20_000 })
    assert.deepEqual(made(), [])
    await pass(MINUTE)
    assert.deepEqual(made(), minutes(11))
  })

  test('are left out, but for one that is on time still', async (t) => {
    const hourly = { cron: '0 * * * *', missed: 'skip' }
    const { made } = await after(t, hourly, 63 * MINUTE)
    assert.deepEqual(made(), [])
    const late = await after(t, hourly, 60 * MINUTE + 59_000)
    assert.deepEqual(late.made(), minutes(60))
  })

  test('cost no more if they are a million', async (t) => {
    const { made } = await after(t, { cron: '* * * * * *', missed: 'all', maxCatchUp: 2 }, 2_000_000_000)
    assert.deepEqual(made(), [1_999_999_000, 2_000_000_000])
  })

  test('that an operator had left out are not made up for', async (t) => {
    const clock = await clockwork(t)
    const { queue } = clock
    await queue.schedule('s', { ...EACH_MINUTE, overlap: 'allow', missed: 'all' }, JOB)
    for (const minute of [2, 3]) await queue.skipSchedule('s', new Date(START + minute * MINUTE))
    clock.away(4 * MINUTE)
    clock.begin()
    await clock.pass(1)
    assert.deepEqual(clock.made(), minutes(1, 4))
  })
})

describe('an occurrence that meets the job of an earlier one', () => {
  const started = async (t, overlap) => {
    const clock = await clockwork(t)
    clock.begin()
    await clock.queue.schedule('s', { ...EACH_MINUTE, overlap }, JOB)
    return clock
  }

  test('is left out', async (t) => {
    const { backend, pass, made } = await started(t, 'skip')
    await pass(2 * MINUTE)
    assert.deepEqual(made(), [MINUTE])
    const { id, claimToken } = await backend.claimNext('t')
    await pass(MINUTE)
    assert.deepEqual(made(), [MINUTE])
    await backend.complete(id, claimToken)
    await pass(MINUTE)
    assert.deepEqual(made(), [MINUTE, 4 * MINUTE])
  })

  test('waits behind it, alone', async (t) => {
    const { backend, pass, made } = await started(t, 'queue')
    await pass(MINUTE)
    await backend.claimNext('t')
    await pass(3 * MINUTE)
    assert.deepEqual(made(), [MINUTE, 2 * MINUTE])
    assert.equal(await backend.claimNext('t'), null)
  })

  test('runs beside it', async (t) => {
    const { backend, pass } = await started(t, 'allow')
    await pass(3 * MINUTE)
    for (let n = 0; n < 3; n += 1) assert.notEqual(await backend.claimNext('t'), null)
  })
})

describe('a schedule', () => {
  test('is created, unchanged, updated', async (t) => {
    const { queue } = await clockwork(t)
    const call = (spec, job = JOB) => queue.schedule('s', spec, job)
    assert.deepEqual(await call(EACH_MINUTE), { status: 'created' })
    assert.deepEqual(await call({ ...EACH_MINUTE }, structuredClone(JOB)), { status: 'unchanged' })
    assert.deepEqual(await call({ ...EACH_MINUTE, timezone: 'UTC', missed: 'once' }), { status: 'unchanged' })
    for (const [spec, job] of [
      [{ cron: '*/5 * * * *' }, JOB],
      [{ cron: '*/5 * * * *', timezone: 'Asia/Tokyo' }, JOB],
      [{ cron: '*/5 * * * *', timezone: 'Asia/Tokyo', maxLateMs: 5000 }, JOB],
      [{ everyMs: 5000 }, JOB],
      [{ everyMs: 5000 }, { ...JOB, data: { n: 2 } }],
      [{ everyMs: 5000 }, { ...JOB, type: 'u', data: { n: 2 } }],
      [{ everyMs: 5000 }, { type: 'u', data: { n: 2 }, options: { backoff: 'fixed' } }],
    ]) {
      assert.deepEqual(await call(spec, job), { status: 'updated' })
      assert.deepEqual(await call(spec, job), { status: 'unchanged' })
    }
  })

  test('with other times counts them from now on', async (t) => {
    const { queue, begin, pass, made } = await clockwork(t)
    begin()
    await queue.schedule('s', { cron: '0 0 * * *' }, JOB)
    await queue.schedule('s', { cron: '*/2 * * * *' }, JOB)
    await pass(2 * MINUTE)
    assert.deepEqual(made(), [2 * MINUTE])
  })

  test('keeps an occurrence that was due before its times, or its job, changed', async (t) => {
    for (const cron of ['* * * * *', '0 0 * * *']) {
      const { queue, backend, begin, pass, away, made } = await clockwork(t)
      await queue.schedule('s', EACH_MINUTE, JOB)
      away(90_000)
      await queue.schedule('s', { cron }, { ...JOB, data: 'new' })
      begin()
      await pass(1)
      assert.deepEqual(made(), [MINUTE])
      assert.equal(backend.jobs[0].data, 'new')
    }
  })

  for (const [what, bounds, made] of [
    ['at its new startAt', { startAt: new Date(START + MINUTE) }, [MINUTE]],
    ['at its new endAt', { endAt: new Date(START + MINUTE) }, [MINUTE]],
    ['before its new startAt', { startAt: new Date(START + MINUTE + 1) }, []],
    ['after its new endAt', { endAt: new Date(START + MINUTE - 1) }, []],
  ]) {
    const fate = made.length > 0 ? 'keeps' : 'drops'
    test(`${fate} an occurrence that was due ${what}`, async (t) => {
      const clock = await clockwork(t)
      await clock.queue.schedule('s', EACH_MINUTE, JOB)
      clock.away(MINUTE)
      await clock.queue.schedule('s', { cron: '0 0 * * *', ...bounds }, JOB)
      clock.begin()
      await clock.pass(1)
      assert.deepEqual(clock.made(), made)
    })
  }

  test('that is paused does not come, nor after it is updated; resumed, it makes up for nothing', async (t) => {
    const { queue, begin, pass, made } = await clockwork(t)
    begin()
    await queue.schedule('s', { ...EACH_MINUTE, overlap: 'allow' }, JOB)
    assert.deepEqual(await queue.pauseSchedule('s'), { status: 'paused' })
    assert.deepEqual(await queue.pauseSchedule('s'), { status: 'unchanged' })
    await pass(3 * MINUTE)
    await queue.schedule('s', { cron: '*/2 * * * *', overlap: 'allow' }, JOB)
    await pass(3 * MINUTE)
    assert.deepEqual(made(), [])
    assert.equal((await queue.listSchedules())[0].status, 'paused')
    assert.deepEqual(await queue.resumeSchedule('s'), { status: 'resumed' })
    assert.deepEqual(await queue.resumeSchedule('s'), { status: 'unchanged' })
    await pass(2 * MINUTE)
    assert.deepEqual(made(), [8 * MINUTE])
  })

  test('that is removed does not come; its jobs stay', async (t) => {
    const { queue, backend, begin, pass } = await clockwork(t)
    begin()
    await queue.schedule('s', EACH_MINUTE, JOB)
    await pass(MINUTE)
    assert.deepEqual(await queue.unschedule('s'), { status: 'removed' })
    assert.deepEqual(await queue.unschedule('s'), { status: 'not-found' })
    await pass(3 * MINUTE)
    assert.equal(backend.jobs.length, 1)
    assert.deepEqual(await queue.listSchedules(), [])
  })

  test('is triggered, which is no occurrence, within what overlap allows', async (t) => {
    const { queue, backend } = await clockwork(t)
    await queue.schedule('s', EACH_MINUTE, JOB)
    await queue.pauseSchedule('s')
    assert.deepEqual(await queue.triggerSchedule('s'), { status: 'created', id: 'dummy-1' })
    assert.deepEqual(await queue.triggerSchedule('s'), { status: 'duplicate' })
    const { schedule, data, type } = await backend.findOne({ id: 'dummy-1' })
    assert.deepEqual([schedule, data, type], [undefined, { n: 1 }, 't'])
  })

  test('leaves an occurrence out', async (t) => {
    const { queue, begin, pass, made } = await clockwork(t)
    begin()
    await queue.schedule('s', { ...EACH_MINUTE, overlap: 'allow' }, JOB)
    const second = new Date(START + 2 * MINUTE)
    assert.deepEqual(await queue.skipSchedule('s', second), { status: 'skipped' })
    assert.deepEqual(await queue.skipSchedule('s', second), { status: 'unchanged' })
    assert.deepEqual((await queue.listSchedules())[0].skipped, [second])
    for (const off of [0, 90_000, -MINUTE])
      assert.deepEqual(await queue.skipSchedule('s', new Date(START + off)), { status: 'no-occurrence' })
    await pass(3 * MINUTE)
    assert.deepEqual(made(), [MINUTE, 3 * MINUTE])
    assert.deepEqual((await queue.listSchedules())[0].skipped, [])
    assert.deepEqual(await queue.skipSchedule('s', second), { status: 'no-occurrence' })
  })

  test('that is paused leaves out occurrences to come, and not the one of this moment', async (t) => {
    const { queue } = await clockwork(t)
    await queue.schedule('s', EACH_MINUTE, JOB)
    await queue.pauseSchedule('s')
    assert.deepEqual(await queue.skipSchedule('s', new Date(START)), { status: 'no-occurrence' })
    assert.deepEqual(await queue.skipSchedule('s', new Date(START + MINUTE)), { status: 'skipped' })
  })

  test('that is to leave out the next occurrence names the one after it', async (t) => {
    const { queue } = await clockwork(t)
    await queue.schedule('s', EACH_MINUTE, JOB)
    const occurrences = [1, 2, 3].map((minute) => new Date(START + minute * MINUTE))
    await queue.skipSchedule('s', occurrences[1])
    await queue.skipSchedule('s', occurrences[0])
    const [{ nextAt, skipped }] = await queue.listSchedules()
    assert.deepEqual([nextAt, skipped], [occurrences[2], occurrences.slice(0, 2)])
  })

  test('leaves out a thousand occurrences, and no more', async (t) => {
    const { queue } = await clockwork(t)
    await queue.schedule('s', { everyMs: 1000 }, JOB)
    for (let n = 1; n <= 1000; n += 1) await queue.skipSchedule('s', new Date(START + n * 1000))
    await assert.rejects(
      queue.skipSchedule('s', new Date(START + 1_001_000)),
      /RangeError.*1000 occurrences of "s"/,
    )
  })

  test('leaves out a thousand more once the first thousand are over', async (t) => {
    const { queue, away } = await clockwork(t)
    await queue.schedule('s', { everyMs: 1000 }, JOB)
    for (let n = 1; n <= 1000; n += 1) await queue.skipSchedule('s', new Date(START + n * 1000))
    await queue.pauseSchedule('s')
    away(1_000_000)
    await queue.resumeSchedule('s')
    assert.deepEqual((await queue.listSchedules())[0].skipped, [])
    const next = new Date(START + 1_001_000)
    assert.deepEqual(await queue.skipSchedule('s', next), { status: 'skipped' })
    assert.deepEqual((await queue.listSchedules())[0].skipped, [next])
  })

  test('is listed by id, as it was given, with all defaults and without its payload', async (t) => {
    const { queue } = await clockwork(t)
    const endAt = new Date(START + 1e9)
    await queue.schedule('b', { cron: '0 9 * * MON-FRI', timezone: 'Europe/Berlin', endAt }, JOB)
    await queue.schedule(
      'a',
      { everyMs: 5000, missed: 'skip' },
      { type: 'u', data: 1, options: { backoffDelay: 7 } },
    )
    assert.deepEqual(await queue.listSchedules(), [
      {
        id: 'a',
        status: 'running',
        spec: { everyMs: 5000, missed: 'skip', maxLateMs: 60_000, maxCatchUp: 100, overlap: 'skip' },
        job: { type: 'u', options: { priority: 0, maxAttempts: 3, backoffDelay: 7 } },
        nextAt: new Date(START + 5000),
        skipped: [],
      },
      {
        id: 'b',
        status: 'running',
        spec: {
          ...{ cron: '0 9 * * MON-FRI', timezone: 'Europe/Berlin', endAt },
          ...{ missed: 'once', maxCatchUp: 100, overlap: 'skip' },
        },
        job: { type: 't', options: { priority: 0, maxAttempts: 3 } },
        nextAt: new Date('2030-01-02T08:00:00Z'),
        skipped: [],
      },
    ])
  })

  test('is previewed by the queue as by the plain function', async (t) => {
    const { queue } = await clockwork(t)
    const expected = [1, 2].map((minute) => new Date(START + minute * MINUTE))
    assert.deepEqual(queue.previewSchedule({ ...EACH_MINUTE, missed: 'skip' }, { count: 2 }), expected)
  })
})
