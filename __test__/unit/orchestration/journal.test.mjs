/** A journal as an attempt reads it: its places, its branches, its waits, and what does not fit them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readBootstrap, seedOf, uuidOf } from '../../../dist/journal/bootstrap.js'
import { Journal, byPlace, checkName, placeOfRetry } from '../../../dist/journal/records.js'
import { checkBranchAt, pathWithin, recordAt } from '../../../dist/orchestrator/replay.js'

const ts = new Date(0)
const record = (seq, name, more) => ({ seq, name, result: null, ts, ...more })
const wait = (place, failed, name = 's') => ({
  ...record(0, name, { kind: 'retry' }),
  ...placeOfRetry(place, failed),
})
const diverges = (expected, actual) => ({ code: 'ERR_DURABL_NONDETERMINISM', jobId: 'j', expected, actual })

describe('the records of a journal', () => {
  test('are in order of their branches, and of their numbers within each', () => {
    const records = [
      record(1, 'd', { path: '2' }),
      record(0, 'c', { path: '2' }),
      record(0, 'e', { path: '2.1' }),
      record(10, 'b'),
      record(9, 'a'),
      record(-1, 'first'),
    ]
    const names = (list) => list.toSorted(byPlace).map(({ name }) => name)
    assert.deepEqual(names(records), ['first', 'a', 'b', 'c', 'd', 'e'])
    assert.deepEqual(names(records.toReversed()), ['first', 'a', 'b', 'c', 'd', 'e'])
  })

  test('are found at their places', () => {
    const records = [record(1, 'a'), record(1, 'b', { path: '1' }), record(11, 'c')]
    const journal = new Journal('j', records)
    assert.deepEqual(
      [journal.at('', 1), journal.at('1', 1), journal.at('', 11), journal.at('', 2), journal.at('11', 1)],
      [...records, null, null],
    )
  })

  test('may not share a place', () => {
    assert.throws(() => new Journal('j', [record(1, 'a', { path: '2' }), record(1, 'b', { path: '2' })]), {
      code: 'ERR_DURABL_JOURNAL_DAMAGED',
      message: 'the journal of job j is damaged: two records have the place 1',
    })
  })

  test('tell of their branches, and of those around them', () => {
    const journal = new Journal('j', [record(0, 'a', { path: '1.20' })])
    const known = ['1', '1.20', '1.2', '2', '', '1.20.0'].map((path) => journal.hasBranch(path))
    assert.deepEqual(known, [true, true, false, false, false, false])
  })

  test('of waits tell how many tries of a step have failed, in whatever order they stand', () => {
    const waits = [wait('3', 2), wait('3', 10), wait('3', 1), wait('1.3', 1, 'other')]
    const journal = new Journal('j', waits)
    assert.deepEqual(journal.failedAt('3'), { name: 's', count: 10, record: waits[1] })
    assert.deepEqual(journal.failedAt('1.3'), { name: 'other', count: 1, record: waits[3] })
    assert.equal(journal.failedAt('1'), null)
    assert.equal(journal.hasBranch('3'), false)
  })

  test('of a wait without a place are damaged', () => {
    for (const path of [undefined, '', '3'])
      assert.throws(() => new Journal('j', [record(-2, 's', { kind: 'retry', path })]), {
        code: 'ERR_DURABL_JOURNAL_DAMAGED',
        message: 'the journal of job j is damaged: the wait of step "s" has no place',
      })
  })

  test('have the names that are asked for', () => {
    checkName('j', record(1, 'a'), 'a')
    assert.throws(() => checkName('j', record(1, 'a'), 'b'), { ...diverges('a', 'b'), seq: 1 })
  })
})

describe('a call at a place of the journal', () => {
  const sleep = record(2, 'nap', { kind: 'sleep' })
  const journal = new Journal('j', [
    record(1, 'a'),
    sleep,
    record(0, 'inner', { path: '3' }),
    wait('4', 1, 'failing'),
    record(0, 'deep', { path: '5.0' }),
    wait('5.0.1', 1, 'failing'),
  ])
  const at = (seq, path = '') => ({ path, seq })

  test('finds its record, or none', () => {
    assert.equal(recordAt(journal, at(1), 'a').name, 'a')
    assert.equal(recordAt(journal, at(2), 'nap', 'sleep'), sleep)
    assert.equal(recordAt(journal, at(9), 'new'), null)
    assert.equal(recordAt(journal, at(9), 'nap', 'sleep'), null)
    assert.equal(recordAt(journal, at(4), 'failing'), null)
    assert.equal(recordAt(journal, at(1, '5.0'), 'failing'), null)
  })

  for (const [what, place, name, kind, expected, actual] of [
    ['another name', at(1), 'b', undefined, 'a', 'b'],
    ['a sleep in place of a step', at(1), 'a', 'sleep', 'a', 'sleep a'],
    ['a step in place of a sleep', at(2), 'nap', undefined, 'sleep nap', 'nap'],
    ['a step in place of a branch', at(3), 'inner', undefined, 'a branch', 'inner'],
    ['a step in place of branches within a branch', at(5), 'x', undefined, 'a branch', 'x'],
    ['another name than that of failed tries', at(4), 'other', undefined, 'failing', 'other'],
    ['a sleep in place of failed tries', at(4), 'failing', 'sleep', 'failing', 'sleep failing'],
    ['another name in a branch', at(1, '5.0'), 'other', undefined, 'failing', 'other'],
  ]) {
    test(`diverges with ${what}`, () => {
      assert.throws(() => recordAt(journal, place, name, kind), {
        ...diverges(expected, actual),
        seq: place.seq,
      })
    })
  }

  test('may begin a branch where no step is recorded', () => {
    for (const place of [at(3), at(5), at(9), at(0, '5')]) checkBranchAt(journal, place, 'br')
    for (const [place, found] of [
      [at(1), 'a'],
      [at(2), 'sleep nap'],
      [at(4), 'failing'],
      [at(1, '5.0'), 'failing'],
    ])
      assert.throws(() => checkBranchAt(journal, place, 'br'), diverges(found, 'branch br'))
  })

  test('names the branch within it', () => {
    assert.deepEqual([pathWithin(at(3)), pathWithin(at(3, '1.2'))], ['3', '1.2.3'])
  })
})

describe('the first record of a journal', () => {
  const bootstrap = (result, name = '$bootstrap') => readBootstrap(record(-1, name, { result }))

  test('has the time of the beginning, which may be wrapped, and a seed', () => {
    assert.deepEqual(bootstrap({ startedAt: 5, seed: 'ab' }), { startedAt: 5, seed: 'ab' })
    const wrapped = { valueOf: () => 7 }
    assert.deepEqual(bootstrap({ startedAt: wrapped, seed: 'ab' }), { startedAt: 7, seed: 'ab' })
    assert.deepEqual(bootstrap({ startedAt: 0, seed: '' }), { startedAt: 0, seed: '' })
  })

  test('is none with another name, or other values', () => {
    for (const result of [
      ...[
        null,
        undefined,
        'x',
        5,
        {},
        { startedAt: null, seed: 'ab' },
        { startedAt: 5 },
        { startedAt: 5, seed: 5 },
      ],
      ...[{ seed: 'ab' }, { startedAt: 'soon', seed: 'ab' }],
    ])
      assert.equal(bootstrap(result), null)
    assert.equal(bootstrap({ startedAt: 5, seed: 'ab' }, 'other'), null)
  })

  test('has a seed of the job’s id, and UUIDs of version 4 of the seed and a label', () => {
    assert.match(seedOf('j'), /^[0-9a-f]{32}$/)
    assert.notEqual(seedOf('j'), seedOf('k'))
    const uuids = Array.from({ length: 200 }, (_, n) => uuidOf(seedOf('j'), String(n)))
    for (const uuid of uuids)
      assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.equal(new Set(uuids).size, 200)
    assert.equal(uuidOf(seedOf('j'), '7'), uuids[7])
  })
})
