/** The looks of one processor, by themselves: their end, and the waits between them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ClaimLoop } from '../../../dist/engine/script/claim-loop.js'
import { errorWait, idleWait } from '../../../dist/engine/script/pace.js'
import { deferred, settled } from '../../support/async.mjs'
import { silentLogger } from '../../support/loggers.mjs'

/** The number of timers that are open, of those that are made from now on. */
function timeouts(t) {
  const open = new Set()
  const { setTimeout, clearTimeout } = globalThis
  t.mock.method(globalThis, 'setTimeout', (...args) => {
    const timer = setTimeout(...args)
    open.add(timer)
    return timer
  })
  t.mock.method(globalThis, 'clearTimeout', (timer) => {
    open.delete(timer)
    clearTimeout(timer)
  })
  return () => open.size
}

function looping(claimNext, config = {}) {
  const claimed = []
  const host = {
    backend: { claimNext },
    logger: silentLogger,
    claimed: (job) => void claimed.push(job),
    defaultPollInterval: () => 60_000,
  }
  const settings = { type: 'work', concurrency: 1, pollInterval: 60_000, ...config }
  return { loop: new ClaimLoop(1, settings, host), claimed }
}

describe('a loop that is stopped', () => {
  test('leaves no timer: for the next look, for delayed jobs, or for those that are made later', async (t) => {
    const open = timeouts(t)
    const { loop } = looping(async () => null)
    loop.wake()
    await settled()
    loop.wakeIn(60_000)
    assert.ok(open() > 1)
    await loop.stop()
    loop.wakeIn(60_000)
    assert.equal(open(), 0)
  })

  test('waits for the look under way, whose job still comes, and then leaves no timer', async (t) => {
    const open = timeouts(t)
    for (const found of [{ id: 'j' }, null]) {
      const answer = deferred()
      const { loop, claimed } = looping(() => answer.promise)
      loop.wake()
      let isStopped = false
      const stopped = loop.stop().then(() => (isStopped = true))
      await settled()
      assert.equal(isStopped, false)
      answer.resolve(found)
      await stopped
      assert.deepEqual(claimed, found === null ? [] : [found])
      assert.equal(open(), 0)
    }
  })
})

test('looks that find nothing together count as one', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let jobs = 3
  const pending = []
  const claimNext = () => {
    jobs -= 1
    if (jobs >= 0) return Promise.resolve({ id: `j${jobs}` })
    const look = deferred()
    pending.push(look)
    return look.promise
  }
  const { loop } = looping(claimNext, { concurrency: 8 })
  loop.wake()
  await settled()
  assert.ok(pending.length > 1, `${pending.length} looks`)
  for (const look of pending.splice(0)) look.resolve(null)
  await settled()
  t.mock.timers.tick(250)
  await settled()
  assert.equal(pending.length, 1)
  void loop.stop()
  pending[0].resolve(null)
})

test('idle looks grow rarer up to the poll interval, failed ones up to five seconds; chance only shortens a wait', () => {
  const waits = (wait) => Array.from({ length: 8 }, (_, index) => wait(index + 1))
  assert.deepEqual(
    waits((looks) => idleWait(looks, 10_000, 1)),
    [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000],
  )
  assert.deepEqual(
    waits((failures) => errorWait(failures, 1)),
    [100, 200, 400, 800, 1600, 3200, 5000, 5000],
  )
  assert.deepEqual([idleWait(1, 10_000, 0), errorWait(1, 0)], [200, 50])
  assert.deepEqual([idleWait(1e9, 1e15, 1), errorWait(1e9, 1)], [250 * 2 ** 24, 5000])
})

test('a job that comes after the concurrency has become zero is not the last', async () => {
  const answers = [deferred(), deferred()]
  let looks = 0
  const { loop, claimed } = looping(() => answers[looks++].promise)
  loop.wake()
  loop.setConcurrency(0)
  answers[0].resolve({ id: 'j' })
  await settled()
  loop.slotFreed()
  assert.deepEqual([looks, claimed.length], [1, 1])
  loop.setConcurrency(1)
  assert.equal(looks, 2)
  answers[1].resolve(null)
  await loop.stop()
})
