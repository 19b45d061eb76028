import assert from 'node:assert/strict'
import { EXCLUSIVE } from '../support.mjs'

const KEY_HELD = { status: 'duplicate' }

export default {
  async 'many jobs are created as if one by one, each with its own options'({ backend }) {
    const results = await backend.enqueueMany([
      { type: 't', data: 1 },
      { type: 'u', data: { two: 2 }, options: { priority: 7, maxAttempts: 1, dedupeKey: 'k' } },
      { type: 't', data: undefined, options: { backoff: 'fixed', backoffDelay: 5 } },
    ])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['created', 'created', 'created'],
    )
    const [first, second, third] = await Promise.all(results.map(({ id }) => backend.findOne({ id })))
    assert.deepEqual([first.type, first.data, first.priority, first.maxAttempts], ['t', 1, 0, 3])
    assert.deepEqual([second.type, second.data, second.priority], ['u', { two: 2 }, 7])
    assert.deepEqual([second.maxAttempts, second.dedupeKey], [1, 'k'])
    assert.deepEqual([third.type, third.status], ['t', 'pending'])
    assert.equal(new Set(results.map(({ id }) => id)).size, 3)
  },

  async 'no jobs at all are none'({ backend }) {
    assert.deepEqual(await backend.enqueueMany([]), [])
  },

  async 'of many jobs with one key the first is created'({ backend }) {
    await backend.enqueue('t', 'before', { dedupeKey: 'held' })
    const job = (data, dedupeKey) => ({ type: 't', data, options: { ...EXCLUSIVE, dedupeKey } })
    const results = await backend.enqueueMany([
      job('a', 'new'),
      job('b', 'held'),
      job('c', 'new'),
      { type: 't', data: 'd' },
    ])
    assert.deepEqual([results[1], results[2]], [KEY_HELD, KEY_HELD])
    assert.equal((await backend.findOne({ id: results[0].id })).data, 'a')
    assert.equal((await backend.findOne({ id: results[3].id })).data, 'd')
    assert.equal((await backend.getStats()).pending, 3)
  },

  async 'of many jobs that coalesce under one key the last one counts'({ backend }) {
    const options = { dedupeKey: 'k', dedupeScope: 'pending', coalesce: 'latest' }
    const results = await backend.enqueueMany([1, 2, 3].map((data) => ({ type: 't', data, options })))
    assert.deepEqual(results.slice(1), [KEY_HELD, KEY_HELD])
    assert.equal((await backend.findOne({ id: results[0].id })).data, 3)
  },

  async 'many jobs are claimed in the order they were given'({ backend }) {
    const data = Array.from({ length: 25 }, (_, index) => index)
    await backend.enqueueMany(data.map((data) => ({ type: 't', data })))
    const claimed = []
    for (let job = await backend.claimNext('t'); job; job = await backend.claimNext('t'))
      claimed.push(job.data)
    assert.deepEqual(claimed, data)
  },

  async 'one malformed job of many is named, and nothing is created'({ backend, makeQueue }) {
    const queue = makeQueue()
    const good = { type: 't', data: 1 }
    for (const [bad, says] of [
      [{ type: '', data: 1 }, /jobs\[1\].*type/],
      [{ type: 't', data: 1, options: { priorty: 1 } }, /jobs\[1\].*"priority"\?/],
      [{ type: 't', date: 1 }, /jobs\[1\].*"date".*"data"\?/],
      [{ type: 't', data: 1n << 70n }, /jobs\[1\]/],
      [null, /jobs\[1\].*null/],
      ['t', /jobs\[1\].*"t"/],
    ]) {
      await assert.rejects(backend.enqueueMany([good, bad]), says)
      await assert.rejects(queue.enqueueMany([good, bad]), says)
    }
    await assert.rejects(queue.enqueueMany({ 0: good, length: 1 }), /array/)
    assert.equal((await backend.getStats()).pending, 0)
  },

  async 'many jobs wake the workers that are idle'({ makeQueue, until }) {
    const queue = makeQueue()
    const seen = []
    queue.process('a', (job) => void seen.push(job.data), { pollInterval: 60_000 })
    queue.process('b', (job) => void seen.push(job.data), { pollInterval: 60_000 })
    await queue.enqueueMany([
      { type: 'a', data: 1 },
      { type: 'b', data: 2 },
      { type: 'b', data: 3 },
    ])
    await until('all have run', () => seen.length === 3)
    assert.deepEqual(seen.sort(), [1, 2, 3])
  },
}
