/** Each law catches a bug that is planted in a story by hand, and none finds fault with a story that is in order. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resultOf } from '../../support/workers/orchestrations.mjs'
import { LAWS, check } from './support/laws.mjs'

const UNTIL = 1_000_000
const LENGTH = 100
const record = (seq, name, more) => ({ seq, name, result: null, ...more })

/** One job, killed after its first step and resumed after its sleep. */
function story() {
  const one = { job: 'a', run: 'one' }
  const two = { job: 'a', run: 'two' }
  const three = { job: 'a', run: 'three' }
  return {
    lines: [
      { kind: 'body-began', at: 1, ...one },
      { kind: 'step-began', at: 2, name: 'one', ...one },
      { kind: 'step-answered', at: 3, name: 'one', ...one },
      { kind: 'step-began', at: 4, name: 'book', ...one },
      { kind: 'body-began', at: 5, ...two },
      { kind: 'step-answered', at: 6, name: 'one', ...two },
      { kind: 'step-began', at: 7, name: 'book', ...two },
      { kind: 'step-answered', at: 8, name: 'book', ...two },
      { kind: 'parked', at: 9, jobId: 'a', wall: UNTIL - 500 },
      { kind: 'body-began', at: 10, ...three },
      { kind: 'woke', at: 11, wall: UNTIL + 5, ...three },
      { kind: 'returned', at: 12, ...three },
    ],
    jobs: [
      {
        _id: 'a',
        status: 'completed',
        steps: [
          { seq: 0, name: '$spilled:one', spilled: 'v0' },
          record(1, 'book'),
          record(2, 'nap', { kind: 'sleep', result: new Date(UNTIL) }),
          { seq: 3, name: '$spilled:left', spilled: 'v1' },
          { seq: 4, name: '$spilled:right', spilled: 'v2' },
          record(5, 'book again'),
        ],
      },
    ],
    length: LENGTH,
    values: ['one', 'left', 'right'].map((name, n) => ({
      ...{ _id: { job: 'a', value: `v${n}` }, result: resultOf('a', name, LENGTH) },
    })),
    ledger: [
      { job: 'a', name: 'book' },
      { job: 'a', name: 'book again' },
    ],
  }
}

/** Bugs, by the law that they break. */
const PLANTED = {
  recordedRunsNoMore: [
    ({ lines }) => lines.push({ kind: 'step-began', at: 13, name: 'book', job: 'a', run: 'three' }),
  ],
  completesOnceReturned: [({ lines }) => lines.pop(), ({ jobs }) => (jobs[0].status = 'failed')],
  wakesOnTimeAndOnce: [
    ({ lines }) => (lines.find(({ kind }) => kind === 'woke').wall = UNTIL - 50),
    ({ lines }) => (lines.find(({ kind }) => kind === 'woke').wall = UNTIL + 60_000),
    ({ lines }) => lines.push({ kind: 'parked', at: 14, jobId: 'a', wall: UNTIL + 60_000 }),
    ({ jobs }) => jobs[0].steps.push(record(7, 'nap', { kind: 'sleep', result: new Date(UNTIL) })),
  ],
  bothOrNeither: [
    ({ ledger }) => ledger.pop(),
    ({ ledger }) => ledger.push({ job: 'a', name: 'book' }),
    ({ jobs }) => jobs[0].steps.splice(1, 1),
  ],
  valuesOutliveTheirSteps: [
    ({ values }) => values.pop(),
    ({ values }) => (values[0]._id.job = 'b'),
    ({ values }) => ([values[0].result, values[1].result] = [values[1].result, values[0].result]),
    ({ values }) => (values[2].result = values[2].result.slice(1)),
    ({ jobs }) => (jobs[0].steps[0] = record(0, 'one')),
    ({ lines }) => (lines.find(({ kind }) => kind === 'step-answered').isWhole = false),
  ],
  placesAreRecordedOnce: [({ jobs }) => jobs[0].steps.push(record(0, 'one'))],
}

test('a story in order breaks no law', () => {
  assert.deepEqual(check(story()), [])
})

for (const law of Object.keys(LAWS)) {
  test(`${law} catches the bug that is planted`, () => {
    assert.ok(PLANTED[law]?.length > 0, 'nothing is planted')
    for (const plant of PLANTED[law]) {
      const broken = story()
      plant(broken)
      assert.ok(
        check(broken).some((finding) => finding.law === law),
        `${plant}`,
      )
    }
  })
}
