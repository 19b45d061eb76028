/** Calls on schedules whose store is changed in between: each decides anew, and tells of what it has written. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ScheduleBook } from '../../../dist/schedule/book.js'

const HOURLY = { cron: '0 * * * *' }
const JOB = { type: 't', data: { n: 1 } }
const NOW = Date.UTC(2030, 0, 1)
const entry = (id, spec = HOURLY) => ({ id, spec, job: JOB })

/** A store whose writes may be refused; `isRefused` is asked with a change and the number of the write. */
function storeWhere(isRefused) {
  const kept = new Map()
  const store = {
    reads: 0,
    writes: 0,
    told: [],
    payloadOf: (_, { data }) => data,
    hasPayload: ({ payload }, data) => payload === data,
    async read(ids) {
      store.reads += 1
      return { now: NOW, found: (ids ?? [...kept.keys()].sort()).flatMap((id) => kept.get(id) ?? []) }
    },
    async write(changes) {
      store.writes += 1
      return changes.map((change) => {
        const { id, to, payload } = change
        if (isRefused(change, store.writes)) return false
        if (to === null) kept.delete(id)
        else kept.set(id, { ...to, payload: payload ?? kept.get(id)?.payload })
        return true
      })
    },
    applied: (owner, ids) => store.told.push([owner, ids]),
  }
  return { store, book: new ScheduleBook(store) }
}

describe('a call on a schedule that others change too', () => {
  test('decides anew until its change applies', async () => {
    const { store, book } = storeWhere((_, write) => write < 100)
    assert.deepEqual(await book.schedule('s', HOURLY, JOB), { status: 'created' })
    assert.deepEqual([store.reads, store.writes], [100, 100])
  })

  test('says so once that has not helped a hundred times', async () => {
    const { store, book } = storeWhere(() => true)
    await assert.rejects(book.schedule('s', HOURLY, JOB), {
      code: 'ERR_DURABL_INTERNAL',
      message: 'schedule: the schedule was changed 100 times in between: try again',
    })
    assert.deepEqual([store.reads, store.writes], [100, 100])
  })

  test('writes nothing if nothing is to change', async () => {
    const { store, book } = storeWhere(() => false)
    await book.schedule('s', HOURLY, JOB)
    assert.deepEqual(await book.schedule('s', HOURLY, JOB), { status: 'unchanged' })
    assert.equal(store.writes, 1)
  })
})

describe('a list of schedules', () => {
  test('counts each by its first effect, in however many rounds it was written', async () => {
    const { book } = storeWhere(({ id }, write) => id === 'b' && write === 2)
    await book.applySchedules('app', [entry('a'), entry('gone'), entry('same')])
    const list = [entry('a', { everyMs: 5000 }), entry('b'), entry('same')]
    assert.deepEqual(await book.applySchedules('app', list), {
      ...{ created: 1, updated: 1, unchanged: 1, removed: 1 },
    })
  })

  test('tells its store which schedules it has changed, and nothing if it changed none', async () => {
    const { store, book } = storeWhere(() => false)
    await book.applySchedules('app', [entry('a'), entry('gone'), entry('same')])
    await book.applySchedules('app', [entry('a', { everyMs: 5000 }), entry('b'), entry('same')])
    await book.applySchedules('app', [entry('a', { everyMs: 5000 }), entry('b'), entry('same')])
    await book.applySchedules('app', [])
    assert.deepEqual(store.told, [
      ['app', { created: ['a', 'gone', 'same'], updated: [], removed: [] }],
      ['app', { created: ['b'], updated: ['a'], removed: ['gone'] }],
      ['app', { created: [], updated: [], removed: ['a', 'b', 'same'] }],
    ])
  })
})
