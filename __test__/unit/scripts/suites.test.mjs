/** The gate's check of what tests import. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { complaintsOf, sleepsIn } from '../../../scripts/check/suites.mjs'

const imports = (path) => `import { x } from '${path}'\n`
const good = (file, path) => assert.deepEqual(complaintsOf(file, imports(path)), [])
const bad = (file, path, complaint) =>
  assert.match(complaintsOf(file, imports(path)).join('\n'), complaint, `${file} imports ${path}`)

test('a suite imports its own files, the shared tools, and what it tests', () => {
  good('__test__/integration/seed/a.test.mjs', './scenarios.cjs')
  good('__test__/integration/seed/a.test.mjs', '../../support/wait.mjs')
  good('__test__/unit/scripts/a.test.mjs', '../../../scripts/cargo.mjs')
  good('__test__/conformance/behaviours/claim.mjs', '../support.mjs')
})

test('a suite imports nothing of another one', () => {
  bad('__test__/integration/seed/a.test.mjs', '../wakeups/support/told.mjs', /of another suite/)
  bad('__test__/faults/failover/a.test.mjs', '../harness/check.mjs', /of another suite/)
  bad('__test__/conformance/suite.mjs', '../unit/queue/support/x.mjs', /of another suite/)
})

test('the shared tools import no suite', () => {
  bad('__test__/support/app.mjs', '../integration/seed/scenarios.cjs', /of another suite/)
})

test('an import is found in each of its forms', () => {
  // In pieces, so that the gate does not take them for imports of this file.
  const forms = (path) => [
    `import {\n  x,\n  y,\n} from ${path}`,
    `import ${path}`,
    `export * from ${path}`,
    `const x = await import(${path})`,
    `const x = require(${path})`,
  ]
  const texts = forms("'../wakeups/told.mjs'")
  for (const text of texts) assert.equal(complaintsOf('__test__/unit/a/b.test.mjs', text).length, 1, text)
})

test('nothing outside imports a test', () => {
  bad('scripts/faults.mjs', '../__test__/faults/harness/campaign.mjs', /imports a test/)
  bad('bench/run.mjs', '../__test__/support/wait.mjs', /imports a test/)
})

test('a test file stands in a suite of a kind', () => {
  for (const file of ['__test__/a.test.mjs', '__test__/unit/a.test.mjs', '__test__/queue/a.test.mjs'])
    assert.match(complaintsOf(file, '').join('\n'), /stands in no suite/)
})

test('the engine’s tests sleep in one place', () => {
  const text = 'fn wait() {\n    tokio::time::sleep(LEASE).await;\n}\n'
  assert.match(sleepsIn('engine/tests/suite/claim.rs', text).join(), /claim\.rs:2 sleeps/)
  assert.deepEqual(sleepsIn('engine/tests/suite/support/waiting.rs', text), [])
  assert.deepEqual(sleepsIn('engine/src/wake.rs', text), [])
})
