/** Ends of steps and of attempts: which of them count, and how they are recorded. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FatalJobError, LeaseLostError, NonRetryable, NondeterminismError, ShutDownError } from 'durabl'
import { answerOf, endOfWait, failureOf, isFatal, valueOf } from '../../../dist/orchestrator/ends.js'
import { Fate } from '../../../dist/orchestrator/fate.js'

const LOST = new LeaseLostError('ERR_DURABL_LEASE_LOST', 'lost')
const SHUT_DOWN = new ShutDownError('ERR_DURABL_SHUT_DOWN', 'shutting down')
const DIVERGED = new NondeterminismError('j', 1, 'a', 'b')
const RETURNED = { kind: 'returned', isLost: false }
const THREW = { kind: 'threw', error: new Error('app') }
const PARKED = { kind: 'parked', untilMs: 5 }
const CUT_OFF = { kind: 'cut-off' }

const refuseOnce = (fate) => assert.throws(() => fate.check())

/** [what happened, by calls; the end of the attempt; the end that counts] */
const FATES = [
  ['nothing', () => {}, RETURNED, RETURNED],
  ['nothing', () => {}, THREW, THREW],
  ['nothing', () => {}, PARKED, PARKED],
  ['the lease was lost at the end', (fate) => fate.abort(LOST), RETURNED, { kind: 'returned', isLost: true }],
  ['the lease was lost', (fate) => fate.abort(LOST), THREW, CUT_OFF],
  ['the lease was lost', (fate) => fate.abort(LOST), PARKED, CUT_OFF],
  ['the lease was lost before a step', (fate) => [fate.abort(LOST), refuseOnce(fate)], RETURNED, CUT_OFF],
  ['the lease was lost in a step', (fate) => [fate.abort(LOST), fate.cutOff()], RETURNED, CUT_OFF],
  ['a step was cut off for another reason', (fate) => fate.cutOff(), RETURNED, RETURNED],
  ['it diverged', (fate) => fate.fail(DIVERGED), RETURNED, { kind: 'threw', error: DIVERGED }],
  ['it diverged', (fate) => fate.fail(DIVERGED), THREW, { kind: 'threw', error: DIVERGED }],
  ['it diverged and lost its lease', (fate) => [fate.fail(DIVERGED), fate.abort(LOST)], THREW, CUT_OFF],
  ['an ordinary error was caught', (fate) => fate.fail(new Error('app')), RETURNED, RETURNED],
  ['the shutdown began', (fate) => fate.abort(SHUT_DOWN), RETURNED, RETURNED],
  ['the shutdown began', (fate) => fate.abort(SHUT_DOWN), THREW, THREW],
  [
    'the shutdown refused a step',
    (fate) => [fate.abort(SHUT_DOWN), refuseOnce(fate)],
    THREW,
    { kind: 'stopped' },
  ],
  [
    'the shutdown refused a step',
    (fate) => [fate.abort(SHUT_DOWN), refuseOnce(fate)],
    RETURNED,
    { kind: 'stopped' },
  ],
  ['a cancellation refused a step', (fate) => [fate.abort(new Error('c')), refuseOnce(fate)], THREW, THREW],
]

describe('the fate of an attempt', () => {
  for (const [index, [what, happen, outcome, counts]] of FATES.entries()) {
    test(`${index}: where ${what}, and it ${outcome.kind}, is that it ${counts.kind}`, () => {
      const fate = new Fate()
      happen(fate)
      assert.deepEqual(fate.of(outcome), counts)
    })
  }

  test('lets steps begin until there is a reason against it, the first one', () => {
    const fate = new Fate()
    fate.check()
    assert.equal(fate.refuse(SHUT_DOWN), SHUT_DOWN)
    assert.equal(fate.refuse(new Error('later')), SHUT_DOWN)
    assert.throws(
      () => fate.check(),
      (error) => error === SHUT_DOWN,
    )
    fate.abort(LOST)
    assert.throws(
      () => fate.check(),
      (error) => error === LOST,
    )
  })

  test('has the first error after which nothing else may become of the job', () => {
    const fate = new Fate()
    const later = new NondeterminismError('j', 2, 'c', 'd')
    assert.deepEqual([fate.fail(DIVERGED), fate.fail(later)], [DIVERGED, later])
    fate.refuse(SHUT_DOWN)
    assert.throws(
      () => fate.check(),
      (error) => error === DIVERGED,
    )
  })

  test('says in an error why no step begins, also for a reason that is none', () => {
    const refusal = new Fate().refuse('taken away')
    assert.deepEqual([refusal.code, refusal.message], ['ERR_DURABL_LEASE_LOST', 'taken away'])
  })
})

describe('the end of a step', () => {
  const failed = {
    seq: 1,
    name: 's',
    result: null,
    ts: new Date(0),
    error: { name: 'TypeError', message: 'm' },
  }

  test('is recorded by name, message and code', () => {
    assert.deepEqual(failureOf(new TypeError('m')), { name: 'TypeError', message: 'm' })
    assert.deepEqual(failureOf(Object.assign(new Error('m'), { code: 'E' })), {
      name: 'Error',
      message: 'm',
      code: 'E',
    })
    assert.deepEqual(failureOf(Object.assign(new Error('m'), { code: 7 })), { name: 'Error', message: 'm' })
    assert.deepEqual(failureOf('text'), { name: 'Error', message: 'text' })
    assert.deepEqual(failureOf(Object.assign(new Error('m'), { name: 5 })), { name: 'Error', message: 'm' })
    assert.notEqual(failureOf(new Error('')).message, '')
  })

  test('is answered again as it was recorded', async () => {
    assert.equal(await answerOf({ ...failed, error: undefined, result: 5 }), 5)
    const error = await answerOf(failed).catch((reason) => reason)
    assert.ok(error instanceof Error)
    assert.deepEqual([error.name, error.message, 'code' in error], ['TypeError', 'm', false])
    const coded = await answerOf({ ...failed, error: { ...failed.error, code: 'E' } }).catch(
      (reason) => reason,
    )
    assert.equal(coded.code, 'E')
    assert.deepEqual(valueOf(failed), { status: 'failed', error: failed.error })
    assert.deepEqual(valueOf({ ...failed, error: undefined, result: 5 }), { status: 'ok', value: 5 })
  })

  test('is the end of its job if its error says so', () => {
    assert.deepEqual([new FatalJobError('f'), new NonRetryable('n'), DIVERGED].map(isFatal), [
      true,
      true,
      true,
    ])
    assert.deepEqual([new Error('e'), LOST, SHUT_DOWN, null].map(isFatal), [false, false, false, false])
  })

  test('of a wait is a moment, and its record is damaged without one', () => {
    assert.equal(endOfWait('j', { ...failed, name: 'w', result: new Date(5) }), 5)
    for (const result of [null, 5, new Date(NaN)])
      assert.throws(() => endOfWait('j', { ...failed, name: 'w', result }), {
        code: 'ERR_DURABL_JOURNAL_DAMAGED',
        message: /the record of the wait "w" has no moment/,
      })
  })
})
