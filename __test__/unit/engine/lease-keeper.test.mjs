/** The keeper of one lease, by itself: its margin, its end, and the silence while a transaction writes. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { monotonicNow } from '../../../dist/base/timers.js'
import { LeaseKeeper } from '../../../dist/engine/script/lease-keeper.js'
import { deferred, settled } from '../../support/async.mjs'

let renewals, losses, renew
beforeEach((t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  renewals = 0
  losses = []
  renew = async () => 'applied'
})

function keeping(visibilityTimeoutMs, heartbeatIntervalMs) {
  const claim = {
    needsLease: true,
    renew: () => ((renewals += 1), renew()),
    leaseLost: (op) => losses.push(op),
    renewalFailed: () => {},
  }
  const keeper = new LeaseKeeper(claim, { visibilityTimeoutMs, heartbeatIntervalMs })
  keeper.start(monotonicNow())
  return keeper
}

async function pass(t, ms, step = 1000) {
  for (let done = 0; done < ms; done += step) {
    t.mock.timers.tick(step)
    await settled()
  }
}

for (const [visibilityTimeoutMs, heldMs, lostMs] of [
  [40_000, 38_000, 39_000],
  [5000, 4400, 4500],
  [1000, 800, 900],
])
  test(`a lease of ${visibilityTimeoutMs} ms that is not renewed counts as lost after ${lostMs} ms`, (t) => {
    keeping(visibilityTimeoutMs, 1_000_000)
    t.mock.timers.tick(heldMs)
    assert.deepEqual(losses, [])
    t.mock.timers.tick(lostMs - heldMs)
    assert.deepEqual(losses, ['heartbeat-deadline'])
  })

test('after its stop nothing is renewed or lost, though a renewal was on its way', async (t) => {
  const answer = deferred()
  renew = () => answer.promise
  const keeper = keeping(40_000, 1000)
  await pass(t, 1000)
  assert.equal(renewals, 1)
  keeper.stop()
  answer.resolve('applied')
  await pass(t, 100_000)
  assert.deepEqual([renewals, losses], [1, []])
})

test('a transaction that is over after the stop begins no renewals', async (t) => {
  const keeper = keeping(40_000, 1000)
  await keeper.suspend()
  keeper.stop()
  await keeper.resume()
  const before = renewals
  await pass(t, 100_000)
  assert.deepEqual([renewals - before, losses], [0, []])
})

test('a transaction waits for the renewal that is on its way, then for one of its own, and then there are none', async (t) => {
  const answers = [deferred(), deferred()]
  renew = () => answers[renewals - 1].promise
  const keeper = keeping(40_000, 1000)
  await pass(t, 1000)
  let isSuspended = false
  const suspended = keeper.suspend().then((result) => ((isSuspended = true), result))
  await settled()
  assert.equal(renewals, 1)
  answers[0].resolve('applied')
  await settled()
  assert.deepEqual([renewals, isSuspended], [2, false])
  answers[1].resolve('applied')
  assert.equal(await suspended, 'applied')
  await pass(t, 30_000)
  assert.deepEqual([renewals, losses], [2, []])
  renew = async () => 'applied'
  await keeper.resume()
  await pass(t, 2000)
  assert.equal(renewals, 5)
  keeper.stop()
})

test('a stop between two renewals is the end of them', async (t) => {
  const keeper = keeping(40_000, 1000)
  await pass(t, 1500, 500)
  keeper.stop()
  await pass(t, 100_000)
  assert.deepEqual([renewals, losses], [1, []])
})

for (const [name, fails] of [
  ['fail', async () => Promise.reject(new Error('away'))],
  ['find the lease lost', async () => 'lease-lost'],
])
  test(`renewals by hand that ${name} do not make the lease longer`, async (t) => {
    renew = fails
    const keeper = keeping(40_000, 1_000_000)
    for (let beat = 0; beat < 39; beat += 1) {
      await keeper.beat().catch(() => {})
      await pass(t, 1000)
    }
    assert.deepEqual(losses, ['heartbeat-deadline'])
  })
