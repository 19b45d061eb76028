/** `durabl/testing`: the step machine over a journal in memory. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import {
  LeaseLostError,
  NonRetryable,
  NonSerializableStepResult,
  NondeterminismError,
  StepTimeout,
} from 'durabl'
import {
  SimulatedCrash,
  TEST_SEED,
  TEST_STARTED_AT,
  TestOrchestration,
  testOrchestration,
} from 'durabl/testing'

const require = createRequire(import.meta.url)
const vectors = JSON.parse(
  readFileSync(new URL('../../../engine/vectors/uuid.json', import.meta.url), 'utf8'),
)

/** Two steps and a void one. */
function trip() {
  const ran = []
  const body = async (job, octx) => {
    const seat = await octx.step('seat', ({ idempotencyKey }) => ran.push(idempotencyKey) && { n: job.data })
    octx.log(`seat ${seat.n}`)
    await octx.step('pay', async ({ idempotencyKey }) => void ran.push(idempotencyKey))
    await octx.step('mail', ({ idempotencyKey }) => ran.push(idempotencyKey) && 'sent')
  }
  return { ran, body }
}

test('an attempt runs the steps in their order', async () => {
  const { ran, body } = trip()
  const under = testOrchestration(body, { data: 7 })
  await under.run()
  assert.deepEqual(under.steps, [
    { seq: 0, name: 'seat', result: { n: 7 } },
    { seq: 1, name: 'pay', result: undefined },
    { seq: 2, name: 'mail', result: 'sent' },
  ])
  assert.deepEqual(ran, ['test-job-1:0:seat', 'test-job-1:1:pay', 'test-job-1:2:mail'])
  assert.equal(under.attempts, 1)
  assert.deepEqual(under.logs, ['seat 7'])
  const { job } = under
  assert.deepEqual(
    [job.type, job.status, job.attempt, job.maxAttempts, job.claimToken, job.createdAt.getTime()],
    ['test-orchestration', 'active', 1, 25, 'test-claim-token', TEST_STARTED_AT],
  )
})

test('a crash after a step is resumed behind it', async () => {
  const { ran, body } = trip()
  const under = new TestOrchestration(body, { data: 7 })
  await under.crashAfter('pay')
  assert.deepEqual(
    under.steps.map(({ name }) => name),
    ['seat', 'pay'],
  )
  await under.resume()
  assert.deepEqual(ran, ['test-job-1:0:seat', 'test-job-1:1:pay', 'test-job-1:2:mail'])
  assert.deepEqual([under.attempts, under.job.attempt], [2, 2])
  assert.deepEqual(under.logs, ['seat 7', 'seat 7'])
})

test('a crash before the record of a step runs it again, with the same key', async () => {
  const { ran, body } = trip()
  const under = testOrchestration(body, { data: 7, jobId: 'order-9' })
  await under.crashBefore('seat')
  assert.deepEqual(under.steps, [])
  await under.resume()
  assert.deepEqual(ran.slice(0, 2), ['order-9:0:seat', 'order-9:0:seat'])
})

test('now and uuid are the same everywhere, and after a crash', async () => {
  const seen = []
  const body = async (job, octx) => {
    seen.push([octx.now(), ...vectors.map(({ label }) => octx.uuid(label))])
    await octx.step('a', () => 1)
  }
  for (const { seed, label, uuid } of vectors) {
    const under = testOrchestration(body, { seed })
    await under.crashAfter('a')
    await under.resume()
    const [first, second] = seen.splice(0)
    assert.deepEqual(first, second)
    assert.equal(first[1 + vectors.findIndex((vector) => vector.label === label)], uuid)
    assert.equal(first[0], TEST_STARTED_AT)
    assert.deepEqual(under.steps.length, 1)
  }
  assert.equal(vectors[0].seed, TEST_SEED)
})

test('other code diverges: the class is the one of durabl', async () => {
  const { body } = trip()
  const under = testOrchestration(body, { data: 7 })
  await under.crashAfter('seat')
  const diverged = await under.resumeWith((job, octx) => octx.step('flight', () => 1)).catch((error) => error)
  assert.ok(diverged instanceof NondeterminismError)
  assert.deepEqual([diverged.expected, diverged.actual], ['seat', 'flight'])
  for (const resumed of [
    (job, octx) => octx.branch('seat', async () => {}),
    (job, octx) => octx.tryStep('other', () => 1),
    (job, octx) => octx.map('seat', [1], () => 1),
    async (job, octx) => {
      await octx.step('flight', () => 1).catch(() => {})
    },
  ])
    await assert.rejects(under.resumeWith(resumed), NondeterminismError)
})

test('results that could not be recorded are refused', async () => {
  const under = testOrchestration((job, octx) => octx.step('load', () => ({ save() {} })))
  await assert.rejects(under.run(), (error) => {
    assert.ok(error instanceof NonSerializableStepResult)
    return /"load".*<result>\.save is a function/.test(error.message)
  })
  const marked = testOrchestration((job, octx) => octx.step('load', () => ({ __durablVoid: true })))
  await assert.rejects(marked.run(), NonSerializableStepResult)
})

test('errors come out as they were thrown', async () => {
  const odd = { any: 'thing' }
  const thrown = [new NonRetryable('no'), odd, new Error('x')]
  for (const error of thrown) {
    const rejected = testOrchestration(async () => {
      throw error
    }).run()
    assert.equal(await rejected.catch((caught) => caught), error)
  }
})

test('a crash that does not come fails the test by name', async () => {
  const { body } = trip()
  await assert.rejects(
    testOrchestration(body, { data: 1 }).crashAfter('nope'),
    /^Error: expected a crash at step 'nope'/,
  )
  await assert.rejects(
    testOrchestration(async () => {
      throw new Error('own')
    }).crashBefore('nope'),
    /own/,
  )
  assert.ok(new SimulatedCrash('a', 'after') instanceof Error)
})

test('nothing of an attempt goes on after its crash', async () => {
  const after = []
  const under = testOrchestration(async (job, octx) => {
    const other = octx.step('other', () => 2)
    try {
      await octx.step('a', () => 1)
    } catch (error) {
      after.push(error)
    } finally {
      after.push('finally')
    }
    await other
    await octx.step('b', () => after.push('b'))
    octx.log('b')
  })
  await under.crashAfter('other')
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(after, [])
  assert.deepEqual(under.logs, [])
  assert.deepEqual(
    under.steps.map(({ name }) => name),
    ['other'],
  )
})

test('a later change of a result does not change the journal', async () => {
  const kept = { list: [1] }
  const seen = []
  const under = testOrchestration(async (job, octx) => {
    const result = await octx.step('a', () => kept)
    seen.push(JSON.stringify(result))
    result.list.push(2)
    await octx.step('b', () => 1)
  })
  await under.crashAfter('b')
  await under.resume()
  assert.deepEqual(seen, ['{"list":[1]}', '{"list":[1]}'])
})

test('of several steps of one name the given one is hit', async () => {
  const under = testOrchestration(async (job, octx) => {
    for (let n = 0; n < 5; n += 1) await octx.step('turn', () => n)
  })
  await under.crashAfter('turn', { occurrence: 3 })
  assert.equal(under.steps.length, 3)
  await under.crashAfter('turn')
  assert.equal(under.steps.length, 4)
})

test('a lost lease can’t be hidden, and a limit that passes fails the attempt', async () => {
  const signals = []
  const under = testOrchestration(async (job, octx) => {
    const a = octx.step('a', (keys, signal) => {
      signals.push(signal)
      return signal.aborted ? 1 : new Promise((resolve) => signal.addEventListener('abort', resolve))
    })
    await a.catch((error) => {
      if (error instanceof StepTimeout) throw error
    })
  })
  await under.timeOut('a')
  assert.ok(signals[0].aborted && signals[0].reason instanceof StepTimeout)
  const lost = testOrchestration(async (job, octx) => {
    await octx.step('a', () => 1).catch(() => {})
    await octx.step('b', () => 1).catch(() => {})
  })
  await lost.loseLease('a')
  assert.deepEqual(lost.steps, [])
  await lost.run()
  assert.equal(lost.steps.length, 2)
  assert.ok(LeaseLostError)
})

test('one class of each error, in both module systems', () => {
  const commonjs = { ...require('durabl'), ...require('durabl/testing') }
  for (const [name, value] of Object.entries({
    NondeterminismError,
    NonRetryable,
    SimulatedCrash,
    TestOrchestration,
  }))
    assert.equal(commonjs[name], value)
})
