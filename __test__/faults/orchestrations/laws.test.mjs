/** Each law catches a bug that is planted in a story by hand, and none finds fault with a story that is in order. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LAWS, check } from './support/laws.mjs'

const UNTIL = 1_000_000
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
          record(0, 'one'),
          record(1, 'book'),
          record(2, 'nap', { kind: 'sleep', result: new Date(UNTIL) }),
          record(5, 'book again'),
        ],
      },
    ],
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
