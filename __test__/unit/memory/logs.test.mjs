/** Logs of jobs in memory: their lines, and those that are dropped. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DummyBackend } from 'durabl'

const SINGLE_FLIGHT = { dedupeKey: 'k', dedupeScope: 'pending' }

async function claimed(backend, options) {
  await backend.enqueue('t', {}, options)
  return backend.claimNext('t')
}

const linesOf = async (backend, id) => (await backend.findOne({ id })).logs.map(({ message }) => message)

describe('the log of a job in memory', () => {
  for (const [what, end, line] of [
    ['failed', (backend, id) => backend.fail(id, 'no'), 'Failed: no'],
    ['failed for good', (backend, id) => backend.failFatal(id, 'no'), 'Fatal: no'],
    ['completed', (backend, id) => backend.complete(id), undefined],
    ['was given back', (backend, id) => backend.release(id), undefined],
  ]) {
    test(`tells that it ${what}: ${line}`, async () => {
      const backend = new DummyBackend()
      const { id } = await claimed(backend)
      await end(backend, id)
      assert.deepEqual(await linesOf(backend, id), line === undefined ? [] : [line])
    })
  }

  test('tells why it was cancelled', async () => {
    const backend = new DummyBackend()
    const id = await backend.enqueue('t', {})
    await backend.cancel(id, { reason: 'a mistake' })
    assert.deepEqual(await linesOf(backend, id), ['Cancelled: a mistake'])
  })

  for (const [what, end, line] of [
    ['released', (backend, id) => backend.release(id), 'Superseded: a follower covers the work'],
    ['failed', (backend, id) => backend.fail(id, 'no'), 'Superseded: no'],
  ]) {
    test(`tells that a follower does its work, once it is ${what}`, async () => {
      const backend = new DummyBackend()
      const { id } = await claimed(backend, SINGLE_FLIGHT)
      await backend.enqueue('t', {}, SINGLE_FLIGHT)
      await end(backend, id)
      assert.equal((await backend.findOne({ id })).status, 'superseded')
      assert.deepEqual(await linesOf(backend, id), [line])
    })
  }

  test('has lines that are cut to any length, with a mark where there is room for one', async () => {
    for (const [most, text, line] of [
      [30, 'x'.repeat(30), 'x'.repeat(30)],
      [30, 'x'.repeat(31), `${'x'.repeat(18)} [truncated]`],
      [12, 'x'.repeat(13), ' [truncated]'],
      [11, 'x'.repeat(13), 'x'.repeat(11)],
      [3, 'üüü', 'ü'],
      [1, 'ü', ''],
    ]) {
      const backend = new DummyBackend()
      const id = await backend.enqueue('t', {})
      backend.maxLogMessageBytes = most
      await backend.log(id, text)
      assert.deepEqual(await linesOf(backend, id), [line])
    }
  })

  test('keeps all lines up to its bound', async () => {
    const backend = new DummyBackend({ maxLogEntries: 3 })
    const id = await backend.enqueue('t', {})
    for (const line of ['a', 'b', 'c']) await backend.log(id, line)
    assert.deepEqual(await linesOf(backend, id), ['a', 'b', 'c'])
    await backend.log(id, 'd')
    assert.deepEqual(await linesOf(backend, id), ['b', 'c', 'd'])
  })
})

describe('a job in memory that is tried again', () => {
  test('has no ending yet', async () => {
    const backend = new DummyBackend()
    const { id } = await claimed(backend)
    await backend.fail(id, 'no')
    assert.deepEqual([backend.jobs[0].status, backend.jobs[0].ending], ['pending', undefined])
  })
})

describe('a job in memory', () => {
  const time = { now: 1_000_000 }
  const backend = new DummyBackend({ clock: () => time.now })

  test('that is claimed as it is made is due now, whatever delay a follower would have', async () => {
    const { runAt } = await backend.claimOrEnqueue('now', {}, { delay: 5000 })
    assert.deepEqual(runAt, new Date(time.now))
  })

  test('that failed comes back after the time that its failure names', async () => {
    const { id } = await claimed(backend)
    await backend.fail(id, 'no', undefined, { delayMs: 500 })
    const { runAt } = await backend.findOne({ id })
    assert.deepEqual(runAt, new Date(time.now + 500))
  })

  test('is outstanding under its key until it ends', async () => {
    const { id } = await claimed(backend, { dedupeKey: 'k' })
    assert.equal(await backend.hasOutstanding('t', 'k'), true)
    assert.equal(await backend.hasOutstanding('u', 'k'), false)
    await backend.complete(id)
    assert.equal(await backend.hasOutstanding('t', 'k'), false)
  })

  test('has the progress that was told last, and null for nothing', async () => {
    const { id } = await claimed(backend)
    for (const value of [5, { done: [1] }, undefined]) {
      await backend.progress(id, value)
      assert.deepEqual((await backend.getJob(id)).progress, value ?? null)
    }
  })
})

describe('requests to cancel', () => {
  test('are told of jobs that run and were asked to end, and of no others', async () => {
    const backend = new DummyBackend()
    const ids = []
    for (let n = 0; n < 3; n += 1) ids.push((await claimed(backend)).id)
    await backend.cancel(ids[0])
    await backend.cancel(ids[1], { reason: 'why' })
    await backend.complete(ids[0])
    assert.deepEqual(await backend.cancelRequests(ids), [{ id: ids[1], reason: 'why' }])
  })
})

describe('a reset in memory', () => {
  test('forgets jobs, kept keys, pauses and actions', async () => {
    const backend = new DummyBackend()
    await backend.enqueue('t', {}, { dedupeKey: 'k', dedupeForMs: 60_000 })
    await backend.pause('t')
    await backend.recordAction({ action: 'pause' })
    await backend.resetStorage()
    assert.deepEqual(
      [backend.jobs, await backend.listActions(), (await backend.counts()).types],
      [[], [], []],
    )
    assert.equal(await backend.enqueue('t', {}, { dedupeKey: 'k', dedupeForMs: 60_000 }), 'dummy-1')
    assert.equal((await backend.claimNext('t')).id, 'dummy-1')
  })
})
