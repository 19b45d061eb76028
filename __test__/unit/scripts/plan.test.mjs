/** Which parts of the tests a command asks for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kindOf, testFiles } from '../../../scripts/test/node.mjs'
import { plan } from '../../../scripts/test/plan.mjs'

const partsOf = (...args) => plan(args).map(({ name }) => name)

test('everything but what takes the network', () => {
  assert.deepEqual(partsOf(), ['types', 'unit', 'engine', 'server', 'timed'])
})

test('paths of files, and parts by their names', () => {
  assert.deepEqual(partsOf('seed'), ['server'])
  assert.deepEqual(partsOf('packed', 'hosts'), ['server', 'packed'])
  assert.deepEqual(partsOf('types'), ['types'])
  assert.deepEqual(partsOf('odd-options', 'at-random', 'engine'), ['unit', 'engine'])
})

test('after `engine`, a piece of a Rust test’s name chooses among those, and no file', () => {
  assert.deepEqual(partsOf('engine'), ['engine'])
  assert.deepEqual(partsOf('engine', 'enqueue'), ['engine'])
  assert.deepEqual(partsOf('enqueue', 'engine'), ['engine', 'server'])
  assert.deepEqual(partsOf('engine', 'odd-options', 'at-random'), ['unit', 'engine'])
  assert.throws(() => plan(['engine', 'no-such-test']), /contains no-such-test/)
})

test('each test file is run by one part', () => {
  const kinds = new Set(testFiles([]).map(kindOf))
  assert.deepEqual(
    [...kinds].sort(),
    ['conformance', 'faults', 'integration', 'packed', 'timed', 'unit'],
    'plan.mjs has to know each kind',
  )
})

test('files that take long begin first', () => {
  const order = testFiles([
    'scenarios.test',
    'integration/mongo/backend',
    'conformance/mongo',
    'memory/vectors',
  ])
  assert.deepEqual(order.map(kindOf), ['faults', 'integration', 'conformance', 'unit'])
})
