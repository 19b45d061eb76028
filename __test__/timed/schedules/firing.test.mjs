/** Occurrences make their jobs soon, and those start soon. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { elsewhere } from '../../support/elsewhere.mjs'
import { jobs } from '../../support/jobs.mjs'
import { pollUntil } from '../../support/wait.mjs'

const MANY = 10_000
const JOB = { type: 't', data: { n: 1 } }

/** A machine that stands still for a moment makes one round late, and seldom several. */
const ROUNDS = 3

/** A change by another process is seen after 5 s at most, and the first occurrence may be a second away. */
const SEEN_WITHIN_MS = 6000

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

  test('that another process makes are seen within 5 s', async (t) => {
    const { db, queue, config, collection } = await jobs(t)
    const appName = 'idle'
    await db.command({ profile: 1, filter: { appName } })
    const { queue: worker } = await elsewhere(t, config, { appName })
    worker.process('t', () => {})
    const looks = db.collection('system.profile').find({ appName, 'command.sort.nextRunAt': 1 })
    const looked = async () => (await looks.clone().toArray()).length
    const took = []
    while (took.length < ROUNDS && !took.some((ms) => ms < SEEN_WITHIN_MS)) {
      // It looks twice at once; after the third look the next one is as far away as it can be.
      const before = await looked()
      await pollUntil('it has looked while it was idle', async () => (await looked()) >= before + 3)
      const calledAt = Date.now()
      await queue.schedule('s', { everyMs: 1000 }, JOB)
      const job = await pollUntil('it has come', () => collection.findOne({}))
      took.push(job.createdAt.getTime() - calledAt)
      await queue.unschedule('s')
      await collection.deleteMany({})
    }
    t.diagnostic(`made after ${took.join(', ')} ms`)
    assert.ok(took.at(-1) < SEEN_WITHIN_MS, `in milliseconds: ${took}`)
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
