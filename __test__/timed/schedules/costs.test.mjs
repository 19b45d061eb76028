/** Costs of schedules, by the server's own counters: while none is due, and while many are due at once. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { elsewhere } from '../../support/elsewhere.mjs'
import { jobs } from '../../support/jobs.mjs'
import { pollUntil } from '../../support/wait.mjs'

const JOB = { type: 't', data: { n: 1 } }
const LATER = { everyMs: 3_600_000, startAt: new Date(Date.now() + 86_400_000), overlap: 'allow' }
const schedules = (count) =>
  Array.from({ length: count }, (_, n) => ({ id: `s-${n}`, spec: LATER, job: JOB }))

const FEW = 10
const MANY = 1000
const LOOKS = 3
/** A processor that begins looks at once, and perhaps again; the idle looks come after these. */
const FIRST_LOOKS = 2
/** The types that are paused, a few times, and the worker's own record. */
const MOST_OTHERS = 6

const isLook = ({ command }) => command.sort?.nextRunAt === 1
const summaryOf = ({ ns, op, command, keysExamined, docsExamined }) => ({
  ...{ ns, op, filter: command.filter ?? command.q, keysExamined, docsExamined },
})

/** Commands of one idle worker beside so many schedules, between two of its looks at them. */
async function idleWorker(t, count) {
  const { db, config, queue } = await jobs(t)
  await queue.applySchedules('load', schedules(count))
  const appName = `idle-beside-${count}`
  await db.command({ profile: 1, filter: { appName } })
  const { queue: worker } = await elsewhere(t, config, { appName, useChangeStreams: true })
  worker.process('nothing', () => {})
  const profile = db.collection('system.profile').find({ appName, op: { $ne: 'getmore' } })
  const commands = await pollUntil(
    `the worker beside ${count} schedules has looked ${LOOKS} times more`,
    async () => {
      const told = await profile.clone().sort({ ts: 1 }).toArray()
      const looks = told.flatMap((command, place) => (isLook(command) ? [place] : []))
      const [first, ...more] = looks.slice(FIRST_LOOKS)
      return more.length >= LOOKS && told.slice(first, more[LOOKS - 1])
    },
    { everyMs: 250 },
  )
  const others = commands.filter((command) => !isLook(command))
  return { looks: commands.filter(isLook).map(summaryOf), others: others.map(summaryOf) }
}

/** Commands of these names that the server has carried out. */
async function carriedOut(db) {
  const { metrics } = await db.admin().command({ serverStatus: 1 })
  return Object.fromEntries(NAMES.map((name) => [name, Number(metrics.commands[name].total)]))
}

const NAMES = ['find', 'getMore', 'insert', 'update', 'findAndModify']
const ROUND = 500
/** Of each round: the look, the read, the jobs, and the schedules moved on. */
const PER_ROUND = { find: 2, insert: 1, update: 1 }
/** Meanwhile the worker also looks for paused types, and tells of itself. */
const BESIDE = 4

describe('schedules', () => {
  test(`far in the future cost an idle worker the same, be they ${FEW} or ${MANY}`, async (t) => {
    const [few, many] = await Promise.all([idleWorker(t, FEW), idleWorker(t, MANY)])
    for (const { looks, others } of [few, many]) {
      assert.deepEqual(
        looks.map(({ keysExamined, docsExamined }) => [keysExamined, docsExamined]),
        Array.from({ length: LOOKS }, () => [1, 1]),
      )
      assert.ok(others.length <= MOST_OTHERS, JSON.stringify(others))
      for (const other of others) assert.ok((other.keysExamined ?? 0) <= 1, JSON.stringify(other))
    }
  })

  for (const count of [200, 2000]) {
    const rounds = Math.ceil(count / ROUND)
    test(`that are due at once go together: ${count} in ${rounds === 1 ? 'one round' : `${rounds} rounds`}`, async (t) => {
      const { queue, db, collection } = await jobs(t, { useChangeStreams: true })
      await queue.applySchedules('load', schedules(count))
      const side = db.collection(`${collection.collectionName}.durabl`)
      queue.process('nothing', () => {})
      const due = new Date(Date.now() + 1000)
      await side.updateMany({ kind: 'schedule' }, { $set: { nextRunAt: due } })
      const before = await carriedOut(db)
      const later = { kind: 'schedule', nextRunAt: { $gt: due } }
      // A count is an aggregation, which is none of the commands that are counted.
      await pollUntil('all have moved on', async () => (await side.countDocuments(later)) === count)
      const after = await carriedOut(db)
      assert.equal(await collection.countDocuments({ 'schedule.occurrenceAt': due }), count)
      const sent = Object.fromEntries(NAMES.map((name) => [name, after[name] - before[name]]))
      t.diagnostic(JSON.stringify(sent))
      for (const name of NAMES) {
        const expected = rounds * (PER_ROUND[name] ?? 0)
        assert.ok(sent[name] <= expected + BESIDE, `${sent[name]} × ${name}, at most ${expected + BESIDE}`)
      }
    })
  }
})
