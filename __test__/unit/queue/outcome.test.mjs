import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import vm from 'node:vm'
import { FatalJobError } from 'durabl'
import { reasonOf } from '../../../dist/base/reason.js'
import { bothFailed, verdictOnThrow } from '../../../dist/run/outcome.js'

const hostile = {
  toString() {
    throw new Error('no')
  },
  get message() {
    throw new Error('no')
  },
}

function circular() {
  const error = new Error('round')
  error.cause = new Error('and round', { cause: error })
  return error
}

const MANY = 'many (0; 1; 2; 3; 4; 5; 6; 7; 8; 9; …)'

describe('the reason of a throw', () => {
  const table = [
    ['an error', new Error('boom'), 'boom'],
    ['an error without a message', new TypeError(), 'TypeError'],
    ['an error whose message is no string', Object.assign(new Error(), { message: 42 }), 'Error'],
    ['an error of another realm', vm.runInNewContext('new Error("from afar")'), 'from afar'],
    ['a string', 'boom', 'boom'],
    ['an empty string', '', 'an empty string was thrown'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a number', 42, '42'],
    ['a bigint', 42n, '42n'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['an object with a message', { message: 'boom' }, 'boom'],
    ['a plain object', { code: 7 }, '{ code: 7 }'],
    [
      'a fetch that failed',
      new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:1') }),
      'fetch failed (connect ECONNREFUSED 127.0.0.1:1)',
    ],
    [
      'promises that all failed',
      new AggregateError([new Error('one'), new Error('two'), 'three'], 'All promises were rejected'),
      'All promises were rejected (one; two; three)',
    ],
    [
      'a cause behind a cause',
      new Error('a', { cause: new Error('b', { cause: { code: 7 } }) }),
      'a (b; { code: 7 })',
    ],
    ['a cause that says the same', new Error('a', { cause: new Error('a') }), 'a'],
    ['an error that is its own cause', circular(), 'round (and round)'],
    [
      'more errors than are shown',
      new AggregateError(
        Array.from({ length: 5000 }, (_, i) => i),
        'many',
      ),
      MANY,
    ],
    ['an object without a prototype', Object.create(null), '[Object: null prototype] {}'],
    ['a hostile object', hostile, 'a value was thrown that cannot be shown'],
  ]
  for (const [name, thrown, reason] of table) {
    it(`is told for ${name}`, () => assert.equal(reasonOf(thrown), reason))
  }

  it('is never empty for a function, a proxy or a revoked proxy', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    for (const thrown of [() => {}, new Proxy({}, {}), proxy]) assert.notEqual(reasonOf(thrown), '')
  })

  it('is cut, so that it cannot make a document too large to write', () => {
    assert.equal(reasonOf(new Error('x'.repeat(1_000_000))).length, 8192)
  })
})

describe('the verdict on a throw', () => {
  it('is to fail, with the stack of what was thrown', () => {
    const error = new Error('boom')
    const { stack } = error
    assert.deepEqual(verdictOnThrow(error, null), {
      kind: 'fail',
      reason: 'boom',
      stack,
      byHand: false,
      result: null,
      delayMs: null,
    })
    assert.equal(verdictOnThrow('a word', null).stack, null)
  })

  it('is to fail for good after a FatalJobError', () => {
    const { kind, reason } = verdictOnThrow(new FatalJobError('boom'), null)
    assert.deepEqual({ kind, reason }, { kind: 'failFatal', reason: 'boom' })
  })

  it('knows the FatalJobError of another copy of the package', () => {
    const foreign = Object.assign(new Error('boom'), { code: 'ERR_DURABL_FATAL_JOB' })
    assert.equal(verdictOnThrow(foreign, null).kind, 'failFatal')
  })

  it('is to release once the shutdown has aborted the run, but to fail for good where the handler says so', () => {
    const reason = { code: 'ERR_DURABL_SHUT_DOWN' }
    assert.equal(verdictOnThrow(new Error('aborted'), reason).kind, 'release')
    assert.equal(verdictOnThrow(new FatalJobError('boom'), reason).kind, 'failFatal')
  })

  it('is to fail, even for values that cannot be looked at', () => {
    assert.equal(verdictOnThrow(hostile, null).kind, 'fail')
  })
})

it('an error of the handler and one of writing it are kept together', () => {
  const [first, second] = [new Error('handler'), new Error('write')]
  const both = bothFailed(first, second)
  assert.ok(both instanceof AggregateError)
  assert.deepEqual(both.errors, [first, second])
  assert.match(both.message, /handler.*write/)
})

describe('the verdict on a deferral of another copy of this package', () => {
  const deferring = (delayMs) => Object.assign(new Error('later'), { code: 'ERR_DURABL_DEFERRED', delayMs })
  for (const delayMs of [0, 0.5, 5000])
    it(`is to give the job back for ${delayMs} ms`, () => {
      const verdict = verdictOnThrow(deferring(delayMs), null)
      assert.deepEqual([verdict.kind, verdict.delayMs], ['release', delayMs])
    })
  for (const delayMs of [-1, NaN, '5', undefined])
    it(`is to fail if its wait is ${delayMs}`, () => {
      assert.equal(verdictOnThrow(deferring(delayMs), null).kind, 'fail')
    })
})
