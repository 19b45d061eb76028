/** Two hundred callers at once after one key, in four processes that also run what they make. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { assertAlways, follow } from '../../support/history.mjs'
import { jobs } from '../../support/jobs.mjs'
import { assertNoOverlap, runsOf } from '../../support/runs.mjs'
import { heardOut, startWorkers } from '../../support/workers/workers.mjs'

const PROCESSES = 4
const CALLS = 200
const ROUNDS = 3

/** The jobs that may be outstanding under one key at any moment. */
const RULES = {
  pending: [({ active, pending }) => active <= 1 && pending <= 1, 'one active and one pending job at most'],
  'pending+active': [({ active, pending }) => active + pending <= 1, 'one job at most'],
}

/** All of it, round by round under a key each: what the callers were told, and how the runs went. */
async function race(t, env, dedupeScope, keys) {
  const processors = { work: { handler: 'mishap', ms: 4, config: { concurrency: 8, pollInterval: 50 } } }
  const workers = await startWorkers(t, PROCESSES, { ...env.config, processors })
  const history = await follow(t, env.collection)
  const answers = []
  for (const dedupeKey of keys) {
    // Enough attempts for mishaps never to be a job's last one: that would be told as an error, and rightly.
    const options = { dedupeKey, dedupeScope, maxAttempts: 100, backoffDelay: 1, backoffMaxDelay: 5 }
    const call = { type: 'work', count: CALLS / PROCESSES, options }
    const replies = await Promise.all(workers.map((worker) => worker.call('worker', 'race', call)))
    answers.push(...replies.map((reply) => ({ ...reply, key: dedupeKey })))
  }
  await env.whenDone()
  await heardOut(workers)
  return { workers, answers, runs: runsOf(workers), moments: await history.moments(env.collection) }
}

for (const [dedupeScope, [holds, rule]] of Object.entries(RULES)) {
  test(`two hundred callers at once after one key of scope ${dedupeScope}`, async (t) => {
    const keys = Array.from({ length: ROUNDS }, (_, n) => `key-${n}`)
    const env = await jobs(t)
    const { workers, answers, runs, moments } = await race(t, env, dedupeScope, keys)

    await t.test(`${rule}, at every moment of the history`, () => assertAlways(moments, holds, rule))

    await t.test('no two runs overlap', () => {
      assert.ok(runs.length >= ROUNDS)
      assertNoOverlap(runs, 'key')
    })

    await t.test('every job that was made has come to an end', async () => {
      const made = answers.reduce((sum, answer) => sum + answer.made, 0)
      const total = await env.collection.countDocuments({ type: 'work' })
      const ended = { type: 'work', status: { $in: ['completed', 'failed', 'superseded'] } }
      assert.equal(await env.collection.countDocuments(ended), total)
      // A follower that claimOrEnqueue made counts as a held key.
      assert.ok(made >= ROUNDS && total >= made, `${made} made, ${total} there`)
    })

    if (dedupeScope === 'pending') {
      await t.test('whoever found the key held is covered by a run that began later', () => {
        for (const { key, held } of answers) {
          const lastStart = Math.max(...runs.filter((run) => run.key === key).map(({ from }) => from))
          for (const began of held) assert.ok(lastStart > began, `a call for ${key} was not covered`)
        }
      })
    }

    await t.test('no process reported a failure', () => {
      for (const worker of workers) assert.deepEqual([worker.all('error'), worker.stderr], [[], ''])
    })

    await t.test('every key is free again', async () => {
      for (const dedupeKey of keys) {
        assert.equal(await env.queue.hasOutstanding('work', dedupeKey), false)
        const handle = await env.queue.claimOrEnqueue('other', {}, { dedupeKey, dedupeScope })
        assert.deepEqual(await handle.complete(), { status: 'completed' })
        assert.notEqual(await env.queue.enqueue('nobody', {}, { dedupeKey, dedupeScope }), null)
      }
    })
  })
}
