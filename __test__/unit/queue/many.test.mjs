/** The calls that change many jobs: how they look for them, page by page, and what they count. */
import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { changeMany } from '../../../dist/queue/many.js'

let looks, changes, pages, backend
beforeEach(() => {
  looks = []
  changes = []
  backend = {
    listJobs: async (query) => (looks.push(query), pages.shift()),
    ends: async (ids) => (
      looks.push(ids),
      ids.map((id) => ({ id, status: id.startsWith('old') ? 'completed' : 'pending' }))
    ),
    promoteEach: async (ids) => (changes.push(ids), ids.length),
    removeEach: async (ids) => (changes.push(ids), ids.length),
    cancelEach: async (ids) => (changes.push(ids), ids.map(() => 'cancelled')),
  }
})

const page = (count, next, status = 'page') => ({
  status,
  next,
  jobs: Array.from({ length: count }, (_, n) => ({ id: `${next}-${n}` })),
})
const promote = (selection, options) => changeMany(backend, 'promoteMany', selection, options, null)
const limits = () => looks.map(({ limit, after }) => [limit, after])

describe('jobs by a filter', () => {
  test('come in pages of 500, each from where the last one ended', async () => {
    pages = [page(500, 'a'), page(500, 'b'), page(7, null)]
    const result = await promote({ status: 'pending' }, { limit: 5000 })
    assert.deepEqual(limits(), [
      [500, undefined],
      [500, 'a'],
      [500, 'b'],
    ])
    assert.deepEqual(result, { status: 'done', matched: 1007, changed: 1007, skipped: 0, next: null })
    assert.deepEqual(
      changes.map((ids) => ids.length),
      [500, 500, 7],
    )
  })

  test('are no more than the limit, and the rest is told of', async () => {
    pages = [page(500, 'a'), page(100, 'b')]
    const result = await promote({ status: 'pending' }, { limit: 600 })
    assert.deepEqual(limits(), [
      [500, undefined],
      [100, 'a'],
    ])
    assert.deepEqual([result.status, result.matched, result.next], ['more', 600, 'b'])
  })

  test('that run come as one page of 2,000, as their renewals move them', async () => {
    pages = [page(3, null)]
    await changeMany(backend, 'cancelMany', { status: 'active' }, { limit: 5000 }, null)
    assert.deepEqual(limits(), [[2000, undefined]])
  })

  test('end with a search that has looked at as much as it may: the caller goes on from there', async () => {
    pages = [page(2, 'a', 'stopped')]
    const result = await promote({ status: 'pending' }, { limit: 5000 })
    assert.equal(looks.length, 1)
    assert.deepEqual([result.status, result.next, result.changed], ['more', 'a', 2])
  })

  test('are there in part where a search has stopped without a cursor', async () => {
    pages = [page(2, null, 'stopped')]
    assert.equal((await promote({ status: 'pending' }, { limit: 5000 })).status, 'more')
  })

  test('that are none are no call to change them', async () => {
    pages = [page(0, null)]
    const result = await promote({ status: 'pending' }, { limit: 5000 })
    assert.deepEqual([changes, result.matched], [[], 0])
  })

  test('of a preview are counted, and not changed', async () => {
    pages = [page(3, null)]
    const result = await promote({ status: 'pending' }, { mode: 'preview' })
    assert.deepEqual([changes, result.matched, result.changed], [[], 3, 0])
  })
})

describe('jobs by their ids', () => {
  test('are looked up 500 at a time, and those in another status are no match', async () => {
    const ids = [...Array.from({ length: 500 }, (_, n) => `j${n}`), 'old-1', 'j-last']
    const result = await promote({ ids })
    assert.deepEqual(
      looks.map((asked) => asked.length),
      [500, 2],
    )
    assert.deepEqual(
      [changes.map((asked) => asked.length), result],
      [[500, 1], { status: 'done', matched: 501, changed: 501, skipped: 0, next: null }],
    )
  })

  test('of exactly one lookup are looked up once', async () => {
    await promote({ ids: Array.from({ length: 500 }, (_, n) => `j${n}`) })
    assert.equal(looks.length, 1)
  })
})

describe('a change that is told of', () => {
  test('names each job that was changed, and its status then', async () => {
    backend.cancelEach = async () => ['cancelled', 'skipped', 'requested']
    const told = []
    const result = await changeMany(backend, 'cancelMany', { ids: ['a', 'b', 'c'] }, undefined, (...args) =>
      told.push(args),
    )
    assert.deepEqual(told, [
      ['a', 'cancelled'],
      ['c', 'requested'],
    ])
    assert.deepEqual([result.matched, result.changed, result.skipped], [3, 2, 1])
  })
})
