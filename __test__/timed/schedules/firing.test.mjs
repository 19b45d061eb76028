/** How soon occurrences make their jobs, and how soon those start. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { jobs } from '../../support/jobs.mjs'
import { pollUntil } from '../../support/wait.mjs'

const MANY = 10_000
const JOB = { type: 't', data: { n: 1 } }

/** A machine that stands still for a moment makes one round late, and seldom several. */
const ROUNDS = 3

describe('schedules', () => {
  test('start their jobs on an idle worker within 100 ms of their time', async (t) => {
    const { queue } = await jobs(t)
    const late = []
    queue.process('t', (job) => void late.push(Date.now() - job.schedule.occurrenceAt.getTime()))
    await queue.schedule('s', { cron: '* * * * * *' }, JOB)
    await pollUntil('seven have come', () => late.length >= 7)
    const sorted = late.toSorted((a, b) => a - b)
    t.diagnostic(`late by ${late.join(', ')} ms`)
    assert.ok(sorted[0] >= 0, `none is early: ${late}`)
    assert.ok(sorted[3] < 100, `half of them, in milliseconds: ${late}`)
  })

  test(`of which ${MANY} are due in one second are all fired within 5 s by one worker`, async (t) => {
    const { queue, db, collection } = await jobs(t)
    const spec = { everyMs: 3_600_000, startAt: new Date(Date.now() + 86_400_000), overlap: 'allow' }
    const list = Array.from({ length: MANY }, (_, n) => ({ id: `s-${n}`, spec, job: JOB }))
    assert.equal((await queue.applySchedules('load', list)).created, MANY)
    assert.equal((await queue.applySchedules('load', list)).unchanged, MANY)
    const side = db.collection(`${collection.collectionName}.durabl`)
    const count = (where, filter) => where.countDocuments(filter)
    queue.process('nothing', () => {})
    const took = []
    while (took.length < ROUNDS && !took.some((ms) => ms < 5000)) {
      const due = new Date(Date.now() + 2000)
      await side.updateMany({ kind: 'schedule' }, { $set: { nextRunAt: due } })
      const made = { 'schedule.occurrenceAt': due }
      await pollUntil('all are made', async () => (await count(collection, made)) === MANY, { everyMs: 50 })
      took.push(Date.now() - due.getTime())
      const later = { kind: 'schedule', nextRunAt: { $gt: due } }
      await pollUntil('all have moved on', async () => (await count(side, later)) === MANY)
      assert.equal(await count(collection, {}), took.length * MANY)
    }
    t.diagnostic(`took ${took.join(', ')} ms`)
    assert.ok(took.at(-1) < 5000, `in milliseconds: ${took}`)
  })
})
