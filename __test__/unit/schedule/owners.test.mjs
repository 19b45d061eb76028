/** The schedules of an owner, and backends with and without schedules. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DummyBackend, ImmediateBackend, JobQueue } from 'durabl'
import { SILENT } from '../../support/jobs.mjs'
import { MINUTE, clockwork } from './support.mjs'

const EACH_MINUTE = { cron: '* * * * *' }
const JOB = { type: 't', data: { n: 1 } }

describe('the schedules of an owner', () => {
  const entry = (id, spec = EACH_MINUTE, job = JOB) => ({ id, spec, job })

  test('become those of the list; those of others stay', async (t) => {
    const { queue } = await clockwork(t)
    const apply = (...list) => queue.applySchedules('app', list)
    await queue.schedule('free', EACH_MINUTE, JOB)
    await queue.applySchedules('other', [entry('theirs')])
    assert.deepEqual(await apply(entry('a'), entry('b')), {
      created: 2,
      updated: 0,
      unchanged: 0,
      removed: 0,
    })
    assert.deepEqual(await apply(entry('a'), entry('b', { everyMs: 1000 }), entry('c')), {
      ...{ created: 1, updated: 1, unchanged: 1, removed: 0 },
    })
    assert.deepEqual(await apply(entry('c')), { created: 0, updated: 0, unchanged: 1, removed: 2 })
    const left = (await queue.listSchedules()).map(({ id, owner }) => [id, owner])
    assert.deepEqual(left, [
      ['c', 'app'],
      ['free', undefined],
      ['theirs', 'other'],
    ])
    assert.deepEqual(await apply(), { created: 0, updated: 0, unchanged: 0, removed: 1 })
  })

  test('are refused to others, by the name of the owner, and then nothing is written', async (t) => {
    const { queue } = await clockwork(t)
    await queue.applySchedules('billing', [entry('invoices')])
    const refused = {
      code: 'ERR_DURABL_SCHEDULE_OWNED',
      message: /schedule "invoices" belongs to owner "billing"/,
    }
    await assert.rejects(queue.applySchedules('shop', [entry('mine'), entry('invoices')]), refused)
    await assert.rejects(queue.schedule('invoices', EACH_MINUTE, JOB), refused)
    assert.equal((await queue.listSchedules()).length, 1)
  })

  test('may take in one that stood in no list', async (t) => {
    const { queue } = await clockwork(t)
    await queue.schedule('free', EACH_MINUTE, JOB)
    assert.equal((await queue.applySchedules('app', [entry('free')])).updated, 1)
    assert.equal((await queue.listSchedules())[0].owner, 'app')
  })
})

describe('a backend', () => {
  test('without schedules refuses each call by name', async () => {
    const queue = new JobQueue(new ImmediateBackend(), SILENT)
    for (const call of [
      ...['schedule', 'applySchedules', 'unschedule', 'pauseSchedule', 'resumeSchedule'],
      ...['triggerSchedule', 'skipSchedule', 'listSchedules'],
    ]) {
      await assert.rejects(queue[call]('s', EACH_MINUTE, JOB), {
        code: 'ERR_DURABL_UNSUPPORTED',
        message: `${call}: this backend has no ${call}()`,
      })
    }
  })

  test('in memory forgets its schedules with its jobs', async () => {
    const backend = new DummyBackend()
    await backend.schedule('s', EACH_MINUTE, JOB)
    await backend.resetStorage()
    assert.deepEqual(await backend.listSchedules(), [])
  })

  test('that was shut down has no timer left', async (t) => {
    const { queue, backend, begin, pass, made } = await clockwork(t)
    begin()
    await queue.schedule('s', EACH_MINUTE, JOB)
    await queue.shutdown(0)
    await pass(2 * MINUTE)
    assert.deepEqual(made(), [])
    await assert.rejects(queue.listSchedules(), { code: 'ERR_DURABL_SHUT_DOWN' })
    assert.equal(backend.jobs.length, 0)
  })
})
