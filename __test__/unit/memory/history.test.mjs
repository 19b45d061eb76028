/** The history of a backend in memory, which is made of the jobs that it has. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DummyBackend } from 'durabl'

const NOW = Date.UTC(2030, 0, 1, 12, 34)
const MINUTE = 60_000

describe('a history in memory', () => {
  test('has the ends of each minute, and how long jobs waited and ran', async () => {
    const time = { now: NOW }
    const backend = new DummyBackend({ clock: () => time.now })
    const run = async (type, waitMs, runMs, end) => {
      const id = await backend.enqueue(type, {}, { maxAttempts: 1 })
      time.now += waitMs
      const { claimToken } = await backend.claimNext(type)
      time.now += runMs
      await end(id, claimToken)
    }
    const complete = (id, token) => backend.complete(id, token)
    await run('t', 5, 20, complete)
    await run('t', 5, 3, complete)
    await run('u', 0, 1000, complete)
    time.now = NOW + 12 * MINUTE
    await run('t', 0, 20, (id, token) => backend.fail(id, 'no', token))
    await run('t', 0, 20, (id, token) => backend.failFatal(id, 'for good', token))
    await backend.cancel(await backend.enqueue('t', {}))
    time.now = NOW + 90 * MINUTE
    await run('t', 0, 0, complete)
    await backend.enqueue('t', {})
    await backend.claimNext('t')

    // Jobs of earlier versions have no word for their ending: their attempts tell.
    for (const job of backend.jobs)
      if (job.status === 'failed' && job.ending !== 'cancelled') delete job.ending
    backend.jobs.find(({ failReason }) => failReason === 'for good').maxAttempts = 9

    const hour = Date.UTC(2030, 0, 1, 12)
    const { boundsMs, types } = await backend.history({ fromMs: hour, toMs: hour + 180 * MINUTE })
    assert.deepEqual(
      types.map(({ type }) => type),
      ['t', 'u'],
    )
    const ends = ({ at, ...counts }) => [
      (at.getTime() - hour) / MINUTE,
      Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    ]
    assert.deepEqual(types[0].minutes.map(ends), [
      [34, { completed: 2 }],
      [46, { exhausted: 1, fatal: 1, cancelled: 1, failedAttempts: 2 }],
      [124, { completed: 1 }],
    ])
    assert.deepEqual(types[1].minutes.map(ends), [[34, { completed: 1 }]])
    // Each length counts in the first bucket whose bound is not below it.
    const lengths = (buckets) =>
      buckets.flatMap((count, index) => (count > 0 ? [[boundsMs[index], count]] : []))
    const durations = ({ at, run: ran, wait }) => [
      (at.getTime() - hour) / MINUTE,
      { ran: lengths(ran), wait: lengths(wait) },
    ]
    assert.deepEqual(types[0].durations.map(durations), [
      [
        30,
        {
          ran: [
            [5.12, 1],
            [20.48, 1],
          ],
          wait: [[5.12, 2]],
        },
      ],
      [40, { ran: [[20.48, 2]], wait: [[0.01, 2]] }],
      [120, { ran: [[0.01, 1]], wait: [[0.01, 1]] }],
    ])
    const ofOne = await backend.history({ type: 'u', fromMs: hour, toMs: hour + 60 * MINUTE })
    assert.deepEqual(
      ofOne.types.map(({ type }) => type),
      ['u'],
    )
    assert.deepEqual(ofOne.types[0].durations.map(durations), [
      [30, { ran: [[1310.72, 1]], wait: [[0.01, 1]] }],
    ])
  })
})
