/** Sleeps, by the harness and its clock. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NondeterminismError } from 'durabl'
import { TEST_STARTED_AT, testOrchestration } from 'durabl/testing'
import { settled } from '../../support/async.mjs'

const HOUR_MS = 3_600_000

/** A step, a sleep, and another step. */
function trial() {
  const ran = []
  const body = async (job, octx) => {
    await octx.step('invite', () => void ran.push('invite'))
    await octx.sleep('an hour', HOUR_MS)
    await octx.step('remind', () => void ran.push('remind'))
  }
  return { ran, body }
}

const at = (ms) => ({ kind: 'sleep', until: new Date(TEST_STARTED_AT + ms) })

test('a sleep parks, and its end is answered in its time, once', async () => {
  const { ran, body } = trial()
  const under = testOrchestration(body)
  await under.run()
  assert.deepEqual([ran, under.parked], [['invite'], at(HOUR_MS)])
  await under.advance(HOUR_MS - 1)
  assert.deepEqual([ran, under.parked], [['invite'], at(HOUR_MS)])
  await under.advance(1)
  assert.deepEqual([ran, under.parked, under.attempts], [['invite', 'remind'], null, 1])
  assert.deepEqual(under.steps, [
    { seq: 0, name: 'invite', result: undefined },
    { seq: 1, name: 'an hour', result: new Date(TEST_STARTED_AT + HOUR_MS) },
    { seq: 2, name: 'remind', result: undefined },
  ])
})

test('the first call fixes the end: another length changes nothing', async () => {
  let ms = HOUR_MS
  const under = testOrchestration(async (job, octx) => octx.sleep('s', ms))
  await under.run()
  ms = 7 * HOUR_MS
  await under.run()
  assert.deepEqual(under.parked, at(HOUR_MS))
  ms = 0
  await under.run()
  assert.deepEqual(under.parked, at(HOUR_MS))
})

test('one advance answers each sleep at its own moment', async () => {
  const woke = []
  const under = testOrchestration(async (job, octx) => {
    for (let n = 0; n < 3; n += 1) {
      await octx.sleep('turn', HOUR_MS)
      await octx.step('note', () => void woke.push(n))
    }
  })
  await under.run()
  await under.advance(10 * HOUR_MS)
  assert.deepEqual(woke, [0, 1, 2])
  assert.deepEqual(
    under.steps.filter(({ name }) => name === 'turn').map(({ result }) => result.getTime() - TEST_STARTED_AT),
    [HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS],
  )
})

test('sleeps beside each other end each in its time, and steps beside them run first', async () => {
  const order = []
  const under = testOrchestration(async (job, octx) => {
    await Promise.all([
      octx.branch('long', async (b) => {
        await b.sleep('s', 2 * HOUR_MS)
        await b.step('n', () => void order.push('long'))
      }),
      octx.branch('short', async (b) => {
        await b.sleep('s', HOUR_MS)
        await b.step('n', () => void order.push('short'))
      }),
      octx.branch('none', (b) => b.step('n', () => void order.push('none'))),
    ])
  })
  await under.run()
  assert.deepEqual([order, under.parked], [['none'], at(HOUR_MS)])
  await under.advance(HOUR_MS)
  assert.deepEqual([order, under.parked], [['none', 'short'], at(2 * HOUR_MS)])
  await under.advance(HOUR_MS)
  assert.deepEqual([order, under.parked], [['none', 'short', 'long'], null])
})

test('a moment that has passed, and a sleep of nothing, do not park', async () => {
  const under = testOrchestration(async (job, octx) => {
    await octx.sleepUntil('past', new Date(0))
    await octx.sleep('nothing', 0)
    await octx.sleepUntil('future', new Date(TEST_STARTED_AT + 5))
  })
  await under.run()
  assert.deepEqual(under.parked, at(5))
  await under.advance(5)
  assert.equal(under.parked, null)
})

test('a crash while it sleeps, and one before the sleep was recorded, change nothing', async () => {
  const { ran, body } = trial()
  const under = testOrchestration(body)
  await under.crashBefore('an hour')
  assert.equal(under.parked, null)
  await under.crashAfter('an hour')
  await under.run()
  assert.deepEqual([ran, under.parked], [['invite'], at(HOUR_MS)])
  await under.advance(HOUR_MS)
  await under.run()
  assert.deepEqual(ran, ['invite', 'remind'])
})

test('code that sleeps is dropped: neither its catch nor its finally runs', async () => {
  const heard = []
  const under = testOrchestration(async (job, octx) => {
    try {
      await octx.sleep('s', HOUR_MS)
      heard.push('woke')
    } catch {
      heard.push('caught')
    } finally {
      heard.push('finally')
    }
  })
  await under.run()
  assert.deepEqual(heard, [])
  await under.advance(HOUR_MS)
  assert.deepEqual(heard, ['woke', 'finally'])
})

test('a failure beside a branch that sleeps ends the attempt at once', async () => {
  const heard = []
  const under = testOrchestration((job, octx) =>
    Promise.all([
      octx.branch('asleep', (b) => b.sleep('s', HOUR_MS).finally(() => heard.push('finally'))),
      octx.branch('failing', (b) =>
        b.step('a', async () => {
          await settled()
          throw new Error('no')
        }),
      ),
    ]),
  )
  const beganAt = performance.now()
  await assert.rejects(under.run(), /^Error: no$/)
  const took = performance.now() - beganAt
  assert.ok(took < 5000, `it took ${took} ms`)
  assert.deepEqual(heard, [])
})

test('a sleep where a step is recorded diverges, and the other way round', async () => {
  const under = testOrchestration((job, octx) => octx.step('a', () => 1))
  await under.run()
  await assert.rejects(
    under.resumeWith((job, octx) => octx.sleep('a', 5)),
    (error) => error instanceof NondeterminismError && /sleep a/.test(error.message),
  )
  const asleep = testOrchestration((job, octx) => octx.sleep('a', 5))
  await asleep.run()
  await assert.rejects(
    asleep.resumeWith((job, octx) => octx.step('a', () => 1)),
    NondeterminismError,
  )
})

test('a sleep that is not awaited holds no orchestration up', async () => {
  const under = testOrchestration(async (job, octx) => {
    void octx.sleep('s', HOUR_MS)
    await octx.step('a', () => 1)
  })
  await under.run()
  assert.equal(under.parked, null)
})

test('a crash at a step behind a sleep moves the clock there', async () => {
  const { ran, body } = trial()
  const under = testOrchestration(body)
  await under.crashAfter('remind')
  assert.deepEqual([ran, under.parked], [['invite', 'remind'], null])
  await under.resume()
  assert.deepEqual(ran, ['invite', 'remind'])
})

test('a crash at a step that never comes is missed, behind a sleep too', async () => {
  const { body } = trial()
  await assert.rejects(testOrchestration(body).crashAfter('other'), /expected a crash at step 'other'/)
})

test('malformed arguments are refused by name', async () => {
  for (const [name, ms, wrong] of [
    ['', 1, 'name'],
    [7, 1, 'name'],
    ['s', -1, 'ms'],
    ['s', NaN, 'ms'],
    ['s', Infinity, 'ms'],
    ['s', '5', 'ms'],
    ['s', undefined, 'ms'],
  ])
    await refused((octx) => octx.sleep(name, ms), wrong)
  for (const date of [new Date(NaN), 5, '2025-01-01', undefined, new Date(8.64e15)])
    await refused((octx) => octx.sleepUntil('s', date), 'date')
})

async function refused(sleep, wrong) {
  const under = testOrchestration((job, octx) => sleep(octx))
  const error = await under.run().catch((thrown) => thrown)
  assert.equal(error.code, 'ERR_DURABL_INVALID_ARGUMENT')
  assert.ok(error.message.includes(wrong), error.message)
  assert.deepEqual(under.steps, [])
}

test('a sleep within a step is refused', async () => {
  const under = testOrchestration((job, octx) => octx.step('a', () => octx.sleep('s', 5)))
  const error = await under.run().catch((thrown) => thrown)
  assert.equal(error.code, 'ERR_DURABL_STEP_REFUSED')
})
