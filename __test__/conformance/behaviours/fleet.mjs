import assert from 'node:assert/strict'
import { letPass } from '../../support/time.mjs'
import { SINGLE_FLIGHT } from '../support.mjs'

export default {
  async 'a pause and its end are answered, and twice is once'({ makeQueue }) {
    const queue = makeQueue()
    assert.deepEqual(await queue.resume('t'), { status: 'unchanged' })
    assert.deepEqual(await queue.pause('t', { reason: 'the mail server is down' }), { status: 'paused' })
    assert.deepEqual(await queue.pause('t'), { status: 'unchanged' })
    assert.deepEqual(await queue.resume('t'), { status: 'resumed' })
    assert.deepEqual(await queue.resume('t'), { status: 'unchanged' })
  },

  async 'a processor starts nothing of a paused type, and all of it afterwards'({ makeQueue, until }) {
    const queue = makeQueue()
    const ran = []
    queue.process('t', async (job) => void ran.push(job.data), { pollInterval: 20 })
    queue.process('u', async (job) => void ran.push(job.data), { pollInterval: 20 })
    await queue.pause('t')
    await queue.enqueue('t', 'paused')
    await queue.enqueue('u', 'running')
    await until('the other type runs', () => ran.length > 0)
    await letPass(100, 'a processor that looked would have found the job')
    assert.deepEqual(ran, ['running'])
    await queue.resume('t')
    await until('the job has run', () => ran.length === 2)
    assert.deepEqual(ran, ['running', 'paused'])
  },

  async 'claims by hand get nothing of a paused type'({ backend, makeQueue }) {
    const queue = makeQueue()
    await queue.enqueue('t', 1, SINGLE_FLIGHT)
    await queue.pause('t')
    assert.equal(await backend.claimNext('t'), null)
    assert.equal(await backend.claimNextByKey('t', SINGLE_FLIGHT.dedupeKey), null)
    await queue.resume('t')
    assert.notEqual(await backend.claimNextByKey('t', SINGLE_FLIGHT.dedupeKey), null)
  },

  async 'claimOrEnqueue enqueues a job of a paused type'({ backend, makeQueue }) {
    const queue = makeQueue()
    await queue.pause('t')
    assert.equal(await queue.claimOrEnqueue('t', 1), null)
    assert.equal((await queue.getStats('t')).pending, 1)
    await queue.resume('t')
    assert.equal((await backend.claimNext('t')).data, 1)
  },

  async 'a claim that was made before a pause runs, and its followers wait'({ makeQueue }) {
    const queue = makeQueue()
    const handle = await queue.claimOrEnqueue('t', 1, SINGLE_FLIGHT)
    assert.equal(await queue.claimOrEnqueue('t', 2, SINGLE_FLIGHT), null)
    await queue.pause('t')
    const ran = []
    await queue.runClaimed(handle, async (job) => void ran.push(job.data))
    assert.deepEqual(ran, [1])
    assert.equal((await queue.getStats('t')).pending, 1)
  },

  async 'counts are of each type, and leave the lag of a paused one out'({ backend, makeQueue }) {
    const queue = makeQueue()
    for (let n = 0; n < 3; n += 1) await queue.enqueue('t', n)
    const claimed = await backend.claimNext('t')
    await backend.failFatal((await backend.claimNext('t')).id, 'no', undefined)
    await queue.enqueue('u', 1)
    await queue.pause('u')
    const { at, types, completedTotal } = await queue.counts()
    assert.ok(at instanceof Date && claimed !== null)
    assert.equal(completedTotal.count, 0)
    const exactly = (count) => ({ count, precision: 'exact' })
    const [t, u] = types
    assert.deepEqual([t.type, t.state, u.type, u.state], ['t', 'running', 'u', 'paused'])
    const numbers = ({ pending, due, blocked, active, failed }) => [pending, due, blocked, active, failed]
    assert.deepEqual(numbers(t), [1, 1, 0, 1, 1].map(exactly))
    assert.deepEqual(numbers(u), [1, 1, 0, 0, 0].map(exactly))
    assert.ok(t.oldestDueAt instanceof Date && t.lagMs >= 0)
    assert.deepEqual([u.oldestDueAt, u.lagMs], [null, 0])
  },

  async 'a job that was cancelled or has expired is no failure'({ backend, makeQueue }) {
    const queue = makeQueue()
    await queue.cancel(await queue.enqueue('t', 1))
    const expired = await queue.enqueue('t', 2, { expiresInMs: 1 })
    await letPass(30, 'the job expires meanwhile')
    assert.equal(await backend.claimNext('t'), null)
    assert.equal((await backend.getJob(expired)).ending, 'expired')
    await queue.enqueue('t', 3)
    await backend.failFatal((await backend.claimNext('t')).id, 'no')
    const [{ failed }] = (await queue.counts()).types
    assert.deepEqual(failed, { count: 1, precision: 'exact' })
    assert.equal((await queue.getStats('t')).failed, 3)
  },

  async 'a due job behind a held key is counted as blocked'({ makeQueue }) {
    const queue = makeQueue()
    await queue.claimOrEnqueue('t', 1, SINGLE_FLIGHT)
    await queue.enqueue('t', 2, SINGLE_FLIGHT)
    const { types } = await queue.counts({ type: 't' })
    assert.deepEqual(
      types.map(({ pending, due, blocked }) => [pending.count, due.count, blocked.count]),
      [[1, 1, 1]],
    )
    assert.deepEqual((await queue.counts({ type: 'nobody' })).types, [])
  },

  async 'actions of operators are listed, newest first, a page at a time'({ makeQueue }) {
    const queue = makeQueue()
    await queue.recordAction({ by: 'ann', action: 'retry', target: 'job-1', note: '$5' })
    const { id, status } = await queue.recordAction({ action: 'pause' })
    assert.equal(status, 'recorded')
    const [newest, ...none] = await queue.listActions({ limit: 1 })
    assert.deepEqual([newest.id, newest.action, newest.by, none], [id, 'pause', null, []])
    const [older] = await queue.listActions({ before: id })
    assert.ok(older.at instanceof Date)
    assert.deepEqual([older.by, older.action, older.target, older.note], ['ann', 'retry', 'job-1', '$5'])
  },

  async 'a history of nothing is empty, and has its bounds'({ makeQueue }) {
    const { boundsMs, types } = await makeQueue().history({ fromMs: 0, toMs: 1000 })
    assert.deepEqual(types, [])
    assert.deepEqual([boundsMs.length, boundsMs[0], boundsMs[25]], [26, 0.01, 335_544.32])
  },

  async 'malformed arguments are refused by name'({ makeQueue }) {
    const queue = makeQueue()
    const refused = (call, named) =>
      assert.rejects(call, (error) => {
        assert.equal(error.code, 'ERR_DURABL_INVALID_ARGUMENT')
        assert.match(error.message, named)
        return true
      })
    await refused(queue.pause({ $gt: '' }), /^pause: type/)
    await refused(queue.pause('t', { reason: 7 }), /^pause: option "reason"/)
    await refused(queue.pause('t', { why: 'x' }), /^pause: unknown option "why"/)
    await refused(queue.resume(''), /^resume: type/)
    await refused(queue.counts({ type: { $ne: '' } }), /^counts: option "type"/)
    await refused(queue.history({ fromMs: 1 }), /^history: option "toMs"/)
    await refused(queue.history({ fromMs: 2, toMs: 1 }), /^history: option "toMs"/)
    await refused(queue.history({ fromMs: 0, toMs: 73 * 3_600_000 }), /72 hours/)
    await refused(queue.recordAction({ by: 'ann' }), /^recordAction: option "action"/)
    await refused(queue.listActions({ limit: -1 }), /^listActions: option "limit"/)
    await refused(queue.listActions({ before: {} }), /^listActions: option "before"/)
  },
}
