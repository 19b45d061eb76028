/** Schedules whose processes are killed: what they missed is made up for as their rules say. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jobs } from '../../support/jobs.mjs'
import { letPass } from '../../support/time.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { startWorker, startWorkers } from '../../support/workers/workers.mjs'

const PERIOD_MS = 1000
const PERIODS = 10

const TIMES = { everyMs: PERIOD_MS, overlap: 'allow' }
const RULES = {
  all: { ...TIMES, missed: 'all' },
  'at most four': { ...TIMES, missed: 'all', maxCatchUp: 4 },
  once: { ...TIMES, missed: 'once' },
  skip: { ...TIMES, missed: 'skip', maxLateMs: PERIOD_MS },
}

/** One job for each moment from the first to the last, and no other. */
function assertUnbroken(moments, name) {
  const expected = Array.from(moments, (_, n) => moments[0] + n * PERIOD_MS)
  assert.deepEqual(moments, expected, name)
}

test('with all processes dead for ten periods the rule of each schedule decides', async (t) => {
  const { queue, config, collection } = await jobs(t)
  const working = { ...config, processors: { work: { handler: 'nothing', config: { pollInterval: 100 } } } }
  const workers = await startWorkers(t, 2, working)
  const job = { type: 'work', data: {} }
  for (const [id, spec] of Object.entries(RULES)) await queue.schedule(id, spec, job)

  /** The moments of which there are jobs, after this one, by schedule. */
  async function momentsAfter(moment) {
    const found = await collection
      .find({ 'schedule.occurrenceAt': { $gt: new Date(moment) } })
      .sort({ 'schedule.occurrenceAt': 1 })
      .toArray()
    const of = (name) => found.filter(({ schedule }) => schedule.id === name)
    return Object.fromEntries(
      Object.keys(RULES).map((name) => [
        name,
        of(name).map(({ schedule }) => schedule.occurrenceAt.getTime()),
      ]),
    )
  }
  const haveCome = (after, count) =>
    pollUntil(`each has come ${count} times`, async () => {
      const moments = await momentsAfter(after)
      return Object.values(moments).every(({ length }) => length >= count) && moments
    })

  await haveCome(0, 2)
  await Promise.all(workers.map((worker) => worker.kill()))
  const before = await momentsAfter(0)
  await letPass(PERIODS * PERIOD_MS, 'ten occurrences are missed')
  const back = Date.now()
  await startWorker(t, working)
  await haveCome(back, 2)

  const made = await momentsAfter(0)
  for (const name of Object.keys(RULES)) {
    assert.deepEqual(made[name].slice(0, before[name].length), before[name], 'what has come stays')
    assertUnbroken(
      made[name].filter((moment) => moment > back),
      name,
    )
  }
  assertUnbroken(made.all, 'all')
  const missed = (name, until) =>
    made[name].filter((moment) => moment > before[name].at(-1) && moment <= until).length
  assert.ok(missed('all', back) >= PERIODS - 1)
  // The newest ones: while the worker starts, some more may be missed, which count as well.
  assert.ok(missed('at most four', back) <= 4)
  assertUnbroken(made['at most four'].slice(before['at most four'].length), 'the newest')
  assert.ok(missed('once', back) <= 1)
  assert.equal(missed('skip', back - PERIOD_MS), 0)
})
