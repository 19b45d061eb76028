/** The lease of a job while a transaction is open: long enough at its first operation, and left alone from then on. */
import assert from 'node:assert/strict'
import timers from 'node:timers'
import { test } from 'node:test'
import { TransactionLease, leaseFor } from '../../../dist/run/transaction-lease.js'
import { settled } from '../../support/async.mjs'
import { letPass } from '../../support/time.mjs'
import { pollUntil } from '../../support/wait.mjs'

const STARTING = 'STARTING_TRANSACTION'
const IN_PROGRESS = 'TRANSACTION_IN_PROGRESS'

/** The nine tenths of a lease in which its holder believes. */
const believedIn = (leaseMs) => leaseMs * 0.9

test('a lease outlasts each transaction, as its holder sees it', () => {
  for (const longestMs of [1, 7, 1000, 59_999, 60_000, 86_400_000])
    assert.ok(believedIn(leaseFor(longestMs)) > longestMs, `${longestMs} ms`)
})

test('a renewal counts only while a whole transaction fits into the rest of the lease', async () => {
  let renewals = 0
  const renewed = async () => void (renewals += 1)
  const tight = new TransactionLease(renewed, 1000, 890)
  await tight.freshen()
  await letPass(30, 'the renewal is good for 10 ms')
  await tight.freshen()
  assert.equal(renewals, 2)
  renewals = 0
  const wide = new TransactionLease(renewed, 3_600_000, 890)
  await wide.freshen()
  await wide.freshen()
  assert.equal(renewals, 1)
})

test('a renewal that fails is thrown, and the next one is tried', async () => {
  const answers = [Promise.reject(new Error('away')), Promise.resolve()]
  answers[0].catch(() => {})
  const lease = new TransactionLease(() => answers.shift(), 3_600_000, 0)
  await assert.rejects(lease.freshen(), /away/)
  await lease.freshen()
  assert.equal(answers.length, 0)
})

test('an attempt that has sent nothing is looked at in time, and keeps no process alive', async (t) => {
  const made = []
  const { setInterval } = timers
  t.mock.method(timers, 'setInterval', (callback, ms) => {
    const timer = setInterval(callback, ms)
    made.push({ timer, ms })
    return timer
  })
  const lease = new TransactionLease(async () => {}, 1000, 700)
  const result = await lease.around({ transaction: { state: STARTING } }, async () => made[0].timer.hasRef())
  assert.equal(result, false)
  // A renewal is good for 200 ms.
  assert.ok(made[0].ms > 0 && made[0].ms <= 200, `${made[0].ms}`)
})

test('the lease is renewed, one renewal at a time, until the attempt has sent something', async () => {
  let [renewals, open, most] = [0, 0, 0]
  const renew = async () => {
    open += 1
    most = Math.max(most, open)
    await letPass(30, 'a renewal that takes longer than the pause between two looks')
    renewals += 1
    open -= 1
  }
  const lease = new TransactionLease(renew, 20, 0)
  const session = { transaction: { state: STARTING } }
  const after = await lease.around(session, async () => {
    await pollUntil('there were three renewals', () => renewals >= 3)
    session.transaction.state = IN_PROGRESS
    await pollUntil('none is under way', () => open === 0)
    const before = renewals
    await letPass(60, 'a lease of 20 ms would be renewed several times')
    return renewals - before
  })
  assert.deepEqual([after, most], [0, 1])
})

test('the function is over only when the renewal beside it is', async () => {
  let open = 0
  const renew = async () => {
    open += 1
    await settled()
    open -= 1
  }
  const lease = new TransactionLease(renew, 20, 0)
  const session = { transaction: { state: STARTING } }
  await lease.around(session, () => pollUntil('a renewal is under way', () => open > 0, { everyMs: 0 }))
  assert.equal(open, 0)
})

test('a renewal that fails beside the function fails nothing', async () => {
  let renewals = 0
  const renew = async () => {
    renewals += 1
    throw new Error('away')
  }
  const lease = new TransactionLease(renew, 20, 0)
  const session = { transaction: { state: STARTING } }
  const result = await lease.around(session, async () => {
    await pollUntil('it was tried twice', () => renewals >= 2)
    return 7
  })
  assert.equal(result, 7)
})
