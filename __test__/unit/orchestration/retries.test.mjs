/** Long waits between the tries of a step, by the harness and its clock. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NondeterminismError } from 'durabl'
import { TEST_STARTED_AT, testOrchestration } from 'durabl/testing'

const HOUR_MS = 3_600_000
/** Spread by a tenth at most. */
const HOURLY = { maxAttempts: 3, backoff: 'fixed', backoffDelay: HOUR_MS }
const LONGEST_MS = 1.1 * HOUR_MS

/** A step that fails so many times. */
function flaky(failures, retry = HOURLY) {
  const tries = []
  const call = ({ idempotencyKey }) => {
    tries.push(idempotencyKey)
    if (tries.length <= failures) throw new Error(`no luck ${tries.length}`)
    return 'done'
  }
  return { tries, call, body: (job, octx) => octx.step('flaky', call, { retry }) }
}

test('a wait of an hour between two tries parks, and the tries count on', async () => {
  const { tries, body } = flaky(2)
  const under = testOrchestration(body)
  await under.run()
  const first = under.parked.until.getTime() - TEST_STARTED_AT
  assert.ok(first >= HOUR_MS && first <= LONGEST_MS, `${first}`)
  await under.advance(first - 1)
  assert.deepEqual([tries.length, under.steps], [1, []])
  await under.advance(1)
  assert.equal(tries.length, 2)
  await under.advance(LONGEST_MS)
  assert.deepEqual(tries, Array(3).fill('test-job-1:0:flaky'))
  assert.deepEqual(
    [under.steps, under.parked, under.attempts],
    [[{ seq: 0, name: 'flaky', result: 'done' }], null, 1],
  )
})

test('used up, the last failure is thrown, and no further try begins', async () => {
  const { tries, body } = flaky(9)
  const under = testOrchestration(body)
  await under.run()
  await under.advance(LONGEST_MS)
  await assert.rejects(under.advance(LONGEST_MS), /^Error: no luck 3$/)
  assert.equal(tries.length, 3)
})

test('a crash while it is parked, and one in the next try, lose no count', async () => {
  const { tries, body } = flaky(2, { ...HOURLY, maxAttempts: 2 })
  const under = testOrchestration(body)
  await under.run()
  await under.run()
  await under.run()
  assert.equal(tries.length, 1)
  await assert.rejects(under.advance(LONGEST_MS), /no luck 2/)
  // A further attempt of the job has one try.
  await under.run()
  assert.equal(tries.length, 3)
})

test('tryStep and map wait alike, and the end is recorded as any other', async () => {
  const [tried, mapped] = [flaky(1), flaky(9)]
  const ends = []
  const under = testOrchestration(async (job, octx) => {
    ends.push(await octx.tryStep('try', tried.call, { retry: HOURLY }))
    ends.push(
      await octx.map('map', [1], (item, keys) => mapped.call(keys), {
        ...{ retry: { ...HOURLY, maxAttempts: 2 }, onFailure: 'collect' },
      }),
    )
  })
  await under.run()
  await under.advance(3 * LONGEST_MS)
  const [ok, [failed]] = ends.slice(-2)
  assert.deepEqual([ok.value, failed], ['done', { status: 'failed', reason: 'no luck 2' }])
  assert.deepEqual([tried.tries.length, mapped.tries.length], [2, 2])
})

test('steps that wait beside each other are tried each in its time', async () => {
  const order = []
  const under = testOrchestration((job, octx) =>
    Promise.all(
      [1, 2].map((hours) =>
        octx.step(
          `after ${hours}`,
          () => {
            order.push(hours)
            if (order.filter((other) => other === hours).length === 1) throw new Error('no luck')
          },
          { retry: { ...HOURLY, backoffDelay: hours * HOUR_MS } },
        ),
      ),
    ),
  )
  await under.run()
  assert.deepEqual(order, [1, 2])
  await under.advance(LONGEST_MS)
  assert.deepEqual(order, [1, 2, 1])
  await under.advance(LONGEST_MS)
  assert.deepEqual([order, under.parked], [[1, 2, 1, 2], null])
})

test('a failure beside a step that waits ends the attempt at once', async () => {
  const { call } = flaky(9)
  const under = testOrchestration(async (job, octx) => {
    void octx.step('patient', call, { retry: HOURLY })
    await octx.step('failing', async () => {
      // Its sibling has failed, and has its wait recorded.
      for (let n = 0; n < 3; n += 1) await new Promise((resolve) => setImmediate(resolve))
      throw new Error('no')
    })
  })
  const beganAt = performance.now()
  await assert.rejects(under.run(), /^Error: no$/)
  assert.ok(performance.now() - beganAt < 5000)
})

test('another step, a branch or a sleep where a step waits diverges', async () => {
  for (const other of [
    (octx) => octx.step('other', () => 1),
    (octx) => octx.branch('flaky', () => {}),
    (octx) => octx.sleep('flaky', 5),
  ]) {
    const under = testOrchestration(flaky(9).body)
    await under.run()
    await assert.rejects(
      under.resumeWith((job, octx) => other(octx)),
      (error) => error instanceof NondeterminismError && error.message.includes('flaky'),
    )
  }
})

test('a place within a branch, and one of the same numbers outside, are not mixed up', async () => {
  const [inner, outer] = [flaky(1), flaky(1)]
  const under = testOrchestration(async (job, octx) => {
    await octx.branch('b', async (b) => {
      await b.step('first', () => 1)
      await b.step('inner', inner.call, { retry: HOURLY })
    })
    await octx.step('outer', outer.call, { retry: HOURLY })
  })
  await under.run()
  await under.advance(LONGEST_MS)
  assert.deepEqual([inner.tries, outer.tries.length], [['test-job-1:0.1:inner', 'test-job-1:0.1:inner'], 1])
  await under.advance(LONGEST_MS)
  assert.equal(outer.tries.length, 2)
})
