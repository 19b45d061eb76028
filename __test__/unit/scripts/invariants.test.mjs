/** The step of the gate that looks after the tests of invariants finds what it is there to find. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { complaintsAbout } from '../../../scripts/check/invariants.mjs'

const page = (...items) =>
  `# Page\n\n## The invariants\n\nEach line.\n\n${items.join('\n')}\n\n## Sharing\n\n- **Not one.**\n`

const files = {
  'a.rs': 'async fn a_job_runs_once() {}',
  'b.mjs': "test('a job runs once', () => {})\n// a job",
}
const complaints = (...items) => complaintsAbout(page(...items), (file) => files[file] ?? null)

test('invariants whose tests exist are fine', () => {
  assert.deepEqual(
    complaints('- **One.** Text. _Guarded by_ `a.rs` “a_job_runs_once”;', '  `b.mjs` “a job runs\n  once”.'),
    [],
  )
})

for (const [name, item, complaint] of [
  ['without a test', '- **One.** Text.', /no test guards “One\.”/],
  ['whose file is gone', '- **One.** `c.rs` “a”.', /c\.rs, which does not exist/],
  [
    'whose test is gone',
    '- **One.** `a.rs` “a_job_runs_twice”.',
    /“a_job_runs_twice”, which is not in a\.rs/,
  ],
])
  test(`an invariant ${name} is found`, () => {
    const found = complaints(item)
    assert.equal(found.length, 1)
    assert.match(found[0], complaint)
  })

test('a page without invariants is no good page', () => {
  assert.equal(complaintsAbout('# Page', () => null).length, 1)
})
