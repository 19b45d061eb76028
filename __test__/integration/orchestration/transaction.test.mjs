/** `octx.transaction`: a step's writes and its record, both or neither. On both drivers of processors, and in memory. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DummyBackend, JobQueue, LeaseLostError, NonSerializableStepResult, Orchestrator } from 'durabl'
import { testOrchestration } from 'durabl/testing'
import { WAYS, app } from '../../support/app.mjs'
import { SILENT } from '../../support/jobs.mjs'
import { pollUntil } from '../../support/wait.mjs'

const QUICK = { backoffDelay: 1, backoffMaxDelay: 1 }
const ENDED = ['completed', 'failed']

for (const [way, options] of Object.entries(WAYS)) {
  /** An orchestration of one job, until that has ended. */
  async function run(t, body, { job, queue } = {}) {
    const env = await app(t, { ...options, queue })
    new Orchestrator(env.queue, SILENT).define('work', (...args) => body(env, ...args), { pollInterval: 100 })
    const id = await env.queue.enqueue('work', {}, { ...QUICK, ...job })
    const ended = await pollUntil('the job has ended', async () => {
      const stored = await env.stored(id)
      return ENDED.includes(stored.status) && stored
    })
    const steps = (await env.backend.readSteps(id)).map(({ seq, name, result }) => [seq, name, result])
    return { ...env, id, job: ended, steps, booked: await env.things.distinct('_id') }
  }

  describe(`octx.transaction, driven ${way}`, { concurrency: 3 }, () => {
    test('commits writes, follow-up jobs and the record together, and the run goes on', async (t) => {
      let inside
      const { job, steps, booked, jobs, id } = await run(t, async ({ things, queue, stored }, its, octx) => {
        await octx.step('before', () => 1)
        const result = await octx.transaction('book', async (session, keys) => {
          await things.insertOne({ _id: keys.idempotencyKey }, { session })
          await queue.enqueue('next', {}, { session })
          inside = (await stored(its.id)).steps.length
          return { booked: true }
        })
        await octx.step('after', () => result)
      })
      assert.deepEqual([job.status, job.attempt, inside], ['completed', 1, 1])
      assert.deepEqual(steps, [
        [0, 'before', 1],
        [1, 'book', { booked: true }],
        [2, 'after', { booked: true }],
      ])
      assert.deepEqual(booked, [`${id}:1:book`])
      assert.equal(await jobs.countDocuments({ type: 'next', status: 'pending' }), 1)
    })

    test('a recorded one is answered without a transaction', async (t) => {
      let calls = 0
      const { job, booked } = await run(t, async ({ things }, its, octx) => {
        const n = await octx.transaction('book', async (session) => {
          calls += 1
          await things.insertOne({ _id: its.attempt }, { session })
          return calls
        })
        if (its.attempt === 1) throw new Error('crash')
        assert.equal(n, 1)
      })
      assert.deepEqual([job.status, calls, booked], ['completed', 1, [1]])
    })

    test('an error of the function leaves nothing, and the next attempt does it', async (t) => {
      const { job, booked, steps } = await run(t, async ({ things }, its, octx) => {
        await octx.transaction('book', async (session) => {
          await things.insertOne({ _id: its.attempt }, { session })
          if (its.attempt === 1) throw new Error('no luck')
        })
      })
      assert.deepEqual([job.status, job.attempt, booked], ['completed', 2, [2]])
      assert.deepEqual(steps, [[0, 'book', { __durablVoid: true }]])
    })

    test('a result that cannot be kept fails the job for good, and leaves nothing', async (t) => {
      const { job, booked } = await run(t, ({ things }, its, octx) =>
        octx.transaction('book', async (session) => {
          await things.insertOne({ _id: 1 }, { session })
          return new Map()
        }),
      )
      assert.deepEqual([job.status, job.attempt, booked], ['failed', 1, []])
      assert.match(job.failReason, /book.*class Map/)
    })

    test('a lease that is lost meanwhile leaves nothing', async (t) => {
      const seen = []
      const { booked, steps } = await run(t, async ({ things, jobs }, its, octx) => {
        if (its.attempt > 1) return
        const done = octx.transaction('book', async (session) => {
          await things.insertOne({ _id: 1 }, { session })
          const given = { status: 'pending', runAt: new Date(0) }
          await jobs.updateOne({ _id: its.id }, { $set: given, $unset: { claimToken: 1, claimedAt: 1 } })
        })
        seen.push(await done.catch((error) => error))
        await done
      })
      await pollUntil('the first run has heard of it', () => seen.length > 0)
      assert.ok(seen[0] instanceof LeaseLostError, `${seen[0]}`)
      assert.deepEqual([booked, steps], [[], []])
    })

    test('several at once come one after the other, beside steps', async (t) => {
      const { job, booked, steps } = await run(t, async ({ things }, its, octx) => {
        const book = (_id) =>
          octx.transaction('book', (session) => things.insertOne({ _id }, { session }).then(() => _id))
        await Promise.all([book(0), octx.step('beside', () => 'b'), book(2), octx.step('beside', () => 'b')])
      })
      assert.deepEqual([job.status, job.attempt, booked], ['completed', 1, [0, 2]])
      assert.deepEqual(
        steps.map(([, , result]) => result),
        [0, 'b', 2, 'b'],
      )
    })

    for (const [what, body] of [
      ['a step inside it', (octx) => octx.transaction('t', () => octx.step('s', () => 1))],
      ['one inside a step', (octx) => octx.step('s', () => octx.transaction('t', () => 1))],
    ]) {
      test(`${what} fails the job for good`, async (t) => {
        const { job } = await run(t, (_env, its, octx) => body(octx))
        assert.deepEqual([job.status, job.attempt], ['failed', 1])
        assert.match(job.failReason, /is called within a step/)
      })
    }

    test('a sleep after it parks, and the attempt that wakes up goes on behind both', async (t) => {
      const { job, booked } = await run(t, async ({ things }, its, octx) => {
        await octx.transaction('book', (session) => things.insertOne({ _id: 1 }, { session }).then(() => {}))
        await octx.sleep('pause', 1100)
        await octx.transaction('book again', (session) =>
          things.insertOne({ _id: 2 }, { session }).then(() => {}),
        )
      })
      assert.deepEqual([job.status, job.attempt, booked], ['completed', 1, [1, 2]])
    })
  })
}

test('in memory it is a step, on a session that stands in', async (t) => {
  const backend = new DummyBackend()
  const queue = new JobQueue(backend, SILENT, { autoRecover: false })
  t.after(() => queue.shutdown(0))
  new Orchestrator(queue, SILENT).define('work', async (job, octx) => {
    await octx.transaction('book', async (session) => session.inTransaction())
  })
  await queue.enqueue('work', {})
  await pollUntil('it has ended', () => backend.jobs[0].status === 'completed')
  assert.deepEqual(
    backend.jobs[0].steps.map(({ name, result }) => [name, result]),
    [['book', true]],
  )
})

test('in the harness it is a step that can crash and be refused', async () => {
  let calls = 0
  const under = testOrchestration((job, octx) => octx.transaction('book', async () => (calls += 1)))
  await under.crashBefore('book')
  await under.loseLease('book')
  await under.crashAfter('book')
  await under.run()
  assert.equal(calls, 3)
  assert.deepEqual(under.steps, [{ seq: 0, name: 'book', result: 3 }])
  const odd = testOrchestration((job, octx) => octx.transaction('odd', () => () => {}))
  await assert.rejects(odd.run(), NonSerializableStepResult)
  for (const [name, fn] of [
    ['', () => 1],
    ['t', null],
  ]) {
    const malformed = testOrchestration((job, octx) => octx.transaction(name, fn))
    assert.equal((await malformed.run().catch((error) => error)).code, 'ERR_DURABL_INVALID_ARGUMENT')
  }
})
