/** Construction of an orchestrator, definitions, and their errors. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as durabl from 'durabl'
import {
  DummyBackend,
  DurablError,
  FatalJobError,
  HeartbeatConfigConflict,
  ImmediateBackend,
  JobQueue,
  JournalTooLarge,
  MaxDurationExceeded,
  NonRetryable,
  NonSerializableStepResult,
  NondeterminismError,
  OrchestrationUnsupportedError,
  Orchestrator,
  OrchestratorTypeConflict,
  StepTimeout,
  isFatalOrchestrationError,
} from 'durabl'
import { SILENT } from '../../support/jobs.mjs'

const METHODS = ['readSteps', 'appendStep', 'completeClaimed', 'heartbeatClaimed']
const body = async () => {}

function queueOn(t, backend = new DummyBackend(), options) {
  const queue = new JobQueue(backend, SILENT, { autoRecover: false, ...options })
  t.after(() => queue.shutdown(0))
  return queue
}

for (const method of METHODS) {
  test(`a backend without ${method} is refused by name`, async (t) => {
    const backend = new DummyBackend()
    backend[method] = undefined
    const queue = queueOn(t, backend)
    const refused = (error) => {
      assert.ok(error instanceof OrchestrationUnsupportedError)
      assert.equal(error.method, method)
      return error.message.includes(method) && error.message.includes('durable orchestration')
    }
    assert.throws(() => new Orchestrator(queue, SILENT), refused)
    assert.throws(() => queue.assertJournalCapable(), refused)
    const record = { seq: 0, name: 'a', result: 1, ts: new Date() }
    await assert.rejects(queue[method]('id', 'token', record), refused)
  })
}

test('a backend that runs handlers inline is refused', (t) => {
  assert.throws(
    () => new Orchestrator(queueOn(t, new ImmediateBackend())),
    (error) => {
      assert.ok(error instanceof OrchestrationUnsupportedError)
      return /inline/.test(error.message)
    },
  )
})

test('a value that is no queue is refused', () => {
  for (const queue of [undefined, null, {}, new DummyBackend()])
    assert.throws(() => new Orchestrator(queue), { code: 'ERR_DURABL_INVALID_ARGUMENT' })
})

test('a type has one definition or processor', (t) => {
  const queue = queueOn(t)
  const orchestrator = new Orchestrator(queue, SILENT)
  orchestrator.define('a', body)
  assert.throws(() => queue.process('a', () => {}), { code: 'ERR_DURABL_DUPLICATE_PROCESSOR' })
  queue.process('b', () => {})
  for (const type of ['a', 'b']) {
    assert.throws(
      () => orchestrator.define(type, body),
      (error) => {
        assert.ok(error instanceof OrchestratorTypeConflict)
        return error.type === type && error.message.includes(type)
      },
    )
  }
})

describe('options', () => {
  for (const [name, values] of Object.entries({
    visibilityTimeoutMs: [0, -1, NaN, Infinity, '7', null],
    stepTimeoutMs: [0, NaN],
    heartbeatIntervalMs: [0],
    maxDurationMs: [-5, 0],
    deadlineMs: [0],
    pollInterval: [0],
    concurrency: [-1, 1.5],
    unknown: [1],
  })) {
    for (const value of values) {
      test(`${name}: ${value} is refused by name`, (t) => {
        const orchestrator = new Orchestrator(queueOn(t), SILENT)
        assert.throws(
          () => orchestrator.define('a', body, { [name]: value }),
          (error) => error.code === 'ERR_DURABL_INVALID_ARGUMENT' && error.message.includes(name),
        )
      })
    }
  }

  test('all of them, shorter than the queue’s, are taken', (t) => {
    const orchestrator = new Orchestrator(queueOn(t), SILENT)
    orchestrator.define('a', body, {
      ...{ visibilityTimeoutMs: 2000, stepTimeoutMs: 1000, heartbeatIntervalMs: 100, maxDurationMs: 5000 },
      ...{ deadlineMs: 50_000, pollInterval: 50, concurrency: 2, prefetch: 0, timeoutMs: 10_000 },
    })
  })

  test('a looser visibility timeout than the queue’s is refused', (t) => {
    const orchestrator = new Orchestrator(queueOn(t, undefined, { visibilityTimeoutMs: 1000 }), SILENT)
    assert.throws(
      () => orchestrator.define('a', body, { visibilityTimeoutMs: 5000 }),
      (error) => {
        assert.ok(error instanceof HeartbeatConfigConflict)
        return (
          /looser/.test(error.message) && error.message.includes('5000') && error.message.includes('1000')
        )
      },
    )
    orchestrator.define('a', body, { visibilityTimeoutMs: 900 })
  })

  for (const malformed of [undefined, null, 'f', {}, class {}, function* () {}])
    test(`an orchestration that is ${String(malformed).slice(0, 20)}`, (t) => {
      const orchestrator = new Orchestrator(queueOn(t), SILENT)
      assert.throws(() => orchestrator.define('a', malformed), { code: 'ERR_DURABL_INVALID_ARGUMENT' })
    })
})

test('a queue says its visibility timeout, and refuses a malformed one', () => {
  for (const visibilityTimeoutMs of [0, -5, NaN])
    assert.throws(
      () => new JobQueue(new DummyBackend(), SILENT, { visibilityTimeoutMs }),
      /visibilityTimeoutMs/,
    )
  assert.equal(new JobQueue(new DummyBackend(), SILENT).visibilityTimeoutMs, 300_000)
  assert.equal(new JobQueue(new DummyBackend(), SILENT, { visibilityTimeoutMs: 77 }).visibilityTimeoutMs, 77)
})

test('each error has its fields, its code and its words', () => {
  const cause = new Error('why')
  for (const [error, fields, words, isFatal] of [
    [new NonRetryable('no', { cause }), { cause }, ['no'], true],
    [
      new NondeterminismError('j', 3, 'a', 'b'),
      { jobId: 'j', seq: 3, expected: 'a', actual: 'b' },
      ['nondeterminism', '3', 'j', 'a', 'b'],
      true,
    ],
    [new NonSerializableStepResult('s', 'why'), { step: 's', reason: 'why' }, ['s', 'why'], true],
    [new JournalTooLarge('s', 77), { step: 's', approxBytes: 77 }, ['s', '77'], true],
    [
      new OrchestrationUnsupportedError('m', 'd'),
      { method: 'm', detail: 'd' },
      ['durable orchestration', 'm', 'd'],
      true,
    ],
    [new StepTimeout('s', 77), { step: 's', timeoutMs: 77 }, ['s', '77'], false],
    [new MaxDurationExceeded(77), { maxDurationMs: 77 }, ['77'], false],
    [new OrchestratorTypeConflict('t'), { type: 't' }, ['t'], false],
    [new HeartbeatConfigConflict(5, 3), { overrideMs: 5, reaperMs: 3 }, ['5', '3', 'looser'], false],
  ]) {
    assert.ok(error instanceof DurablError)
    assert.equal(error.name, error.constructor.name)
    assert.equal(durabl[error.name], error.constructor)
    for (const [field, value] of Object.entries(fields))
      assert.equal(error[field], value, `${error.name}.${field}`)
    for (const word of words) assert.ok(error.message.includes(word), `${error.message} has ${word}`)
    assert.match(error.code, /^ERR_DURABL_/)
    assert.equal(isFatalOrchestrationError(error), isFatal)
    // Of another copy of the package.
    assert.equal(isFatalOrchestrationError(Object.assign(new Error('x'), { code: error.code })), isFatal)
  }
  for (const other of [
    null,
    undefined,
    7,
    'x',
    new Error('x'),
    new FatalJobError('x'),
    { code: 'ERR_DURABL_NON_RETRYABLE' },
  ])
    assert.equal(isFatalOrchestrationError(other), false)
})
