import assert from 'node:assert/strict'

const EACH_SECOND = { cron: '* * * * * *' }
const JOB = { type: 't', data: { n: 1 } }

/** Where schedules are refused, that shows as every other deviation does. */
async function scheduled(queue, ...args) {
  let result
  await assert.doesNotReject(async () => (result = await queue.schedule(...args)))
  return result
}

/** The jobs of a schedule's occurrences, in the order in which they ran. */
function watched(queue, type = 't') {
  const seen = []
  queue.process(type, (job) => void seen.push(job))
  return seen
}

export default {
  async 'a schedule makes a job at each of its occurrences, which says which one it is'({
    makeQueue,
    until,
    stored,
  }) {
    const queue = makeQueue()
    const seen = watched(queue)
    const options = { priority: 3, maxAttempts: 5, backoff: 'fixed', backoffDelay: 10, backoffMaxDelay: 20 }
    assert.deepEqual(await scheduled(queue, 'a:b', EACH_SECOND, { ...JOB, options }), { status: 'created' })
    await until('two jobs have run', () => seen.length >= 2)
    const [first, second] = seen
    assert.equal(first.schedule.id, 'a:b')
    const at = first.schedule.occurrenceAt.getTime()
    assert.equal(at % 1000, 0)
    assert.equal(second.schedule.occurrenceAt.getTime(), at + 1000)
    assert.equal(first.id, `durabl:schedule:a:b:${at}`)
    assert.deepEqual([first.data, first.priority, first.maxAttempts], [{ n: 1 }, 3, 5])
    assert.equal(first.runAt.getTime(), at)
    assert.deepEqual((await stored(first.id)).schedule, first.schedule)
  },

  async 'jobs of a schedule have its bounds of time, and the defaults of the queue that made it'({
    makeQueue,
    until,
  }) {
    const defaults = { all: { maxAttempts: 7, timeoutMs: 1 }, types: { t: { timeoutMs: 4_000 } } }
    const queue = makeQueue({ defaults })
    const seen = watched(queue)
    const options = { expiresInMs: 60_000, maxAttempts: 2 }
    await scheduled(queue, 's', EACH_SECOND, { ...JOB, options })
    const [job] = await until('a job has run', () => seen.length > 0 && seen)
    assert.deepEqual([job.timeoutMs, job.maxAttempts], [4_000, 2])
    assert.equal(job.expiresAt - job.schedule.occurrenceAt, 60_000)
    const [listed] = await queue.listSchedules()
    assert.deepEqual(listed.job.options, { priority: 0, timeoutMs: 4_000, ...options })
    assert.deepEqual(await queue.schedule('s', EACH_SECOND, { ...JOB, options }), { status: 'unchanged' })
    const list = [{ id: 's', spec: EACH_SECOND, job: { ...JOB, options } }]
    assert.equal((await queue.applySchedules('owner', list)).updated, 1)
    assert.deepEqual((await queue.listSchedules())[0].job, listed.job)
  },

  async 'a schedule is created, unchanged, updated, removed'({ makeQueue }) {
    const queue = makeQueue()
    const daily = { cron: '0 2 * * *', timezone: 'Europe/Berlin' }
    assert.deepEqual(await scheduled(queue, 's', daily, JOB), { status: 'created' })
    assert.deepEqual(await queue.schedule('s', daily, structuredClone(JOB)), { status: 'unchanged' })
    for (const [spec, job] of [
      [{ ...daily, missed: 'skip' }, JOB],
      [{ everyMs: 60_000, startAt: new Date(5) }, JOB],
      [{ everyMs: 60_000 }, { ...JOB, data: { n: 2 } }],
      [{ everyMs: 60_000 }, { ...JOB, options: { priority: 1 } }],
    ]) {
      assert.deepEqual(await queue.schedule('s', spec, job), { status: 'updated' })
      assert.deepEqual(await queue.schedule('s', spec, job), { status: 'unchanged' })
    }
    assert.deepEqual(await queue.unschedule('s'), { status: 'removed' })
    assert.deepEqual(await queue.unschedule('s'), { status: 'not-found' })
    assert.deepEqual(await queue.listSchedules(), [])
  },

  async 'a schedule is listed as it was given, with all defaults and without its payload'({ makeQueue }) {
    const queue = makeQueue()
    const [startAt, endAt] = [new Date('2040-01-01'), new Date('2050-01-01')]
    await scheduled(
      queue,
      'b',
      { cron: '0 9 * * MON', startAt, endAt },
      { ...JOB, options: { backoffDelay: 7 } },
    )
    await queue.schedule('a', { everyMs: 3_600_000, missed: 'all', overlap: 'allow', maxLateMs: 5000 }, JOB)
    const [a, b] = await queue.listSchedules()
    assert.equal(a.nextAt.getTime() % 3_600_000, 0)
    assert.deepEqual(
      [a.id, a.status, a.skipped, 'lastAt' in a, 'owner' in a],
      ['a', 'running', [], false, false],
    )
    assert.deepEqual(a.spec, {
      everyMs: 3_600_000,
      missed: 'all',
      overlap: 'allow',
      maxLateMs: 5000,
      maxCatchUp: 100,
    })
    assert.deepEqual(b, {
      ...{ id: 'b', status: 'running', skipped: [], nextAt: new Date('2040-01-02T09:00:00Z') },
      job: { type: 't', options: { priority: 0, maxAttempts: 3, backoffDelay: 7 } },
      spec: {
        ...{ cron: '0 9 * * MON', timezone: 'UTC', startAt, endAt },
        ...{ missed: 'once', maxCatchUp: 100, overlap: 'skip' },
      },
    })
  },

  async 'a paused schedule does not come; resumed, it goes on'({ makeQueue, until }) {
    const queue = makeQueue()
    await scheduled(queue, 's', EACH_SECOND, JOB)
    assert.deepEqual(await queue.pauseSchedule('s'), { status: 'paused' })
    assert.deepEqual(await queue.pauseSchedule('s'), { status: 'unchanged' })
    const seen = watched(queue)
    await queue.schedule('other', EACH_SECOND, { ...JOB, type: 'u' })
    const others = watched(queue, 'u')
    await until('another schedule has come twice', () => others.length >= 2)
    assert.deepEqual(seen, [])
    assert.equal((await queue.listSchedules()).find(({ id }) => id === 's').status, 'paused')
    const resumedAt = Date.now()
    assert.deepEqual(await queue.resumeSchedule('s'), { status: 'resumed' })
    assert.deepEqual(await queue.resumeSchedule('s'), { status: 'unchanged' })
    await until('it has come', () => seen.length > 0)
    assert.ok(seen[0].schedule.occurrenceAt.getTime() > resumedAt - 100, 'it makes up for nothing')
    for (const call of ['pauseSchedule', 'resumeSchedule', 'triggerSchedule'])
      assert.deepEqual(await queue[call]('none'), { status: 'not-found' })
  },

  async 'an occurrence whose predecessor is outstanding is left out'({ makeQueue, backend, until }) {
    const queue = makeQueue()
    await scheduled(queue, 's', EACH_SECOND, JOB)
    watched(queue, 'nothing')
    await queue.schedule('beside', { ...EACH_SECOND, overlap: 'allow' }, { ...JOB, type: 'u' })
    const { schedule } = await until('the first one', () => backend.findOne({ type: 't', status: 'pending' }))
    await until('three have come beside it', async () => (await backend.getStats('u')).pending >= 3)
    await until('a later one was left out', async () => {
      const { lastAt } = (await queue.listSchedules()).find(({ id }) => id === 's')
      return lastAt > schedule.occurrenceAt
    })
    assert.equal((await backend.getStats('t')).pending, 1)
  },

  async 'an occurrence may wait behind its predecessor, and one more is left out'({
    makeQueue,
    backend,
    until,
  }) {
    const queue = makeQueue()
    await scheduled(queue, 's', { ...EACH_SECOND, overlap: 'queue' }, JOB)
    watched(queue, 'nothing')
    const first = await until('the first one', () => backend.claimNext('t'))
    await queue.schedule('beside', { ...EACH_SECOND, overlap: 'allow' }, { ...JOB, type: 'u' })
    await until('three have come beside it', async () => (await backend.getStats('u')).pending >= 3)
    assert.equal((await backend.getStats('t')).pending, 1)
    assert.equal(await backend.claimNext('t'), null)
    await backend.complete(first.id, first.claimToken)
    assert.ok(await backend.claimNext('t'))
  },

  async 'a triggered schedule makes a job now, which is no occurrence'({ makeQueue, stored }) {
    const queue = makeQueue()
    await scheduled(queue, 's', { cron: '0 0 1 1 *' }, JOB)
    const { status, id } = await queue.triggerSchedule('s')
    assert.equal(status, 'created')
    const job = await stored(id)
    assert.deepEqual([job.type, job.data, job.schedule], ['t', { n: 1 }, undefined])
    assert.deepEqual(await queue.triggerSchedule('s'), { status: 'duplicate' })
  },

  async 'an occurrence that is to be left out makes no job'({ makeQueue, until }) {
    const queue = makeQueue()
    await scheduled(queue, 's', { ...EACH_SECOND, overlap: 'allow' }, JOB)
    const [{ nextAt }] = await queue.listSchedules()
    const left = new Date(nextAt.getTime() + 2000)
    assert.deepEqual(await queue.skipSchedule('s', left), { status: 'skipped' })
    assert.deepEqual(await queue.skipSchedule('s', left), { status: 'unchanged' })
    assert.deepEqual((await queue.listSchedules())[0].skipped, [left])
    for (const wrong of [new Date(0), new Date(left.getTime() + 1)])
      assert.deepEqual(await queue.skipSchedule('s', wrong), { status: 'no-occurrence' })
    assert.deepEqual(await queue.skipSchedule('none', left), { status: 'not-found' })
    const seen = watched(queue)
    await until('the one after it', () => seen.some(({ schedule }) => schedule.occurrenceAt > left))
    assert.ok(seen.every(({ schedule }) => schedule.occurrenceAt.getTime() !== left.getTime()))
    assert.deepEqual((await queue.listSchedules())[0].skipped, [])
  },

  async 'the schedules of an owner become those of its list'({ makeQueue }) {
    const queue = makeQueue()
    const entry = (id, everyMs = 60_000) => ({ id, spec: { everyMs }, job: JOB })
    await scheduled(queue, 'free', { everyMs: 60_000 }, JOB)
    const none = { created: 0, updated: 0, unchanged: 0, removed: 0 }
    const apply = (owner, ...list) => queue.applySchedules(owner, list)
    assert.deepEqual(await apply('other', entry('theirs')), { ...none, created: 1 })
    assert.deepEqual(await apply('app', entry('a'), entry('b')), { ...none, created: 2 })
    assert.deepEqual(await apply('app', entry('a'), entry('b', 5000), entry('c')), {
      ...{ created: 1, updated: 1, unchanged: 1, removed: 0 },
    })
    assert.deepEqual(await apply('app', entry('c')), { ...none, unchanged: 1, removed: 2 })
    const refused = { code: 'ERR_DURABL_SCHEDULE_OWNED', message: /"theirs" belongs to owner "other"/ }
    await assert.rejects(apply('app', entry('new'), entry('theirs')), refused)
    await assert.rejects(queue.schedule('theirs', { everyMs: 5000 }, JOB), refused)
    assert.deepEqual(await apply('app', entry('c'), entry('free')), { ...none, unchanged: 1, updated: 1 })
    const left = (await queue.listSchedules()).map(({ id, owner }) => `${id} of ${owner}`)
    assert.deepEqual(left, ['c of app', 'free of app', 'theirs of other'])
  },

  async 'of two that change a schedule at once, both do, one after the other'({ makeQueue }) {
    const queue = makeQueue()
    await scheduled(queue, 's', { everyMs: 60_000 }, JOB)
    const results = await Promise.all([
      ...[1, 2, 3, 4].map((n) => queue.schedule('s', { everyMs: n * 10_000 }, JOB)),
      queue.pauseSchedule('s'),
    ])
    assert.deepEqual(results.map(({ status }) => status).toSorted(), [
      ...['paused', 'updated', 'updated', 'updated', 'updated'],
    ])
    assert.equal((await queue.listSchedules())[0].status, 'paused')
  },

  async 'an id may have all characters that the database keeps'({ makeQueue, until }) {
    const queue = makeQueue()
    const ids = ['a:1', '$where', 'a.b', '__proto__', 'ü/日本/🦀', ' ', '"\n%2F', 'x'.repeat(1000)]
    for (const id of ids)
      assert.deepEqual(await scheduled(queue, id, EACH_SECOND, JOB), { status: 'created' })
    const seen = watched(queue)
    await until('each has come', () => new Set(seen.map(({ schedule }) => schedule.id)).size === ids.length)
    for (const { id, schedule } of seen)
      assert.equal(id, `durabl:schedule:${schedule.id}:${schedule.occurrenceAt.getTime()}`)
    assert.deepEqual((await queue.listSchedules()).map(({ id }) => id).toSorted(), ids.toSorted())
    for (const id of ids) assert.deepEqual(await queue.unschedule(id), { status: 'removed' })
    assert.deepEqual(await queue.listSchedules(), [])
  },

  async 'a schedule that has ended comes no more'({ makeQueue, until }) {
    const queue = makeQueue()
    const seen = watched(queue)
    const endAt = new Date(Date.now() + 1500)
    await scheduled(queue, 's', { ...EACH_SECOND, endAt }, JOB)
    const ended = await until('it has ended', async () => {
      const [info] = await queue.listSchedules()
      return info.status === 'ended' && info
    })
    assert.equal('nextAt' in ended, false)
    assert.ok(ended.lastAt <= endAt)
    await until('its job has run', () => seen.length > 0)
  },
}
