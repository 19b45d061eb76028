/** The TypeScript package can read our documents: its claims, settlements and reaper treat our jobs like its own. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import { atEnd } from '../../support/cleanup.mjs'
import { connect } from '../../support/mongo.mjs'
import { OLD_TIMEOUT_MS, OldPackage } from './support/old-package.mjs'

/** A started backend of this package, and a process of the old package on its collection. */
async function both(t, era) {
  const { db } = await connect(t)
  const open = () => {
    const backend = new MongoJobQueue({ db })
    atEnd(t, () => backend.shutdown(5000))
    return backend
  }
  const backend = open()
  await backend.startup()
  const collection = db.collection('jobs')
  const stored = (id) => collection.findOne({ _id: id })
  return { backend, open, collection, stored, old: new OldPackage(collection, era) }
}

/** As if its worker had died so long ago. */
const abandon = (collection, _id, ms = OLD_TIMEOUT_MS + 1000) =>
  collection.updateOne({ _id }, { $set: { claimedAt: new Date(Date.now() - ms) } })

for (const era of ['0.1', '0.3']) {
  describe(`to ${era}`, { concurrency: 4 }, () => {
    test('our jobs are claimed, in order and when they are due', async (t) => {
      const { backend, old } = await both(t, era)
      await backend.enqueue('work', 'later', { delay: 60_000 })
      await backend.enqueue('work', 'third', { priority: 5 })
      await backend.enqueue('work', 'second', { dedupeKey: 'k' })
      await backend.enqueue('work', 'first', { priority: -5, maxAttempts: 7 })
      const claimed = []
      for (let job; (job = await old.claim('work')) !== null;) claimed.push(job)
      assert.deepEqual(
        claimed.map(({ data, attempt, maxAttempts }) => [data, attempt, maxAttempts]),
        [
          ['first', 1, 7],
          ['second', 1, 3],
          ['third', 1, 3],
        ],
      )
      for (const { runAt, createdAt, logs } of claimed)
        assert.ok(runAt instanceof Date && createdAt instanceof Date && Array.isArray(logs))
    })

    test('our jobs are completed, failed and logged by it, and read by us again', async (t) => {
      const { backend, old } = await both(t, era)
      for (const n of [1, 2]) await backend.enqueue('work', n)
      const first = await old.claim('work')
      await old.log(first, 'a line')
      assert.equal(await old.complete(first), true)
      const completed = await backend.findOne({ id: first._id })
      assert.deepEqual([completed.status, completed.logs[0].message], ['completed', 'a line'])
      const second = await old.claim('work')
      assert.equal(await old.fail(second, 'it broke'), true)
      const retried = await backend.findOne({ id: second._id })
      assert.deepEqual([retried.status, retried.attempt, retried.failReason], ['pending', 1, 'it broke'])
      assert.deepEqual(await backend.complete(first._id, 'a token'), {
        ...{ status: 'already-terminal', terminalStatus: 'completed' },
      })
    })

    test('a job that this package gave back or sent to a retry is claimed with the right attempt', async (t) => {
      const { backend, old, stored } = await both(t, era)
      const released = await backend.claimOrEnqueue('released', 1)
      await backend.release(released.id, released.claimToken)
      const failed = await backend.claimOrEnqueue('failed', 1, { backoffDelay: 0 })
      await backend.fail(failed.id, 'once', failed.claimToken)
      assert.equal((await old.claim('released')).attempt, 1)
      assert.equal((await old.claim('failed')).attempt, 2)
      // Nothing of our claim is left that could pass for theirs.
      for (const { id, claimToken } of [released, failed]) {
        assert.notEqual((await stored(id)).claimToken, claimToken)
        assert.deepEqual(await backend.complete(id, claimToken), { status: 'lease-lost' })
      }
    })

    test('a managed run that was given back, and claimed by the other, is no managed run any more', async (t) => {
      const { backend, open, collection, stored, old } = await both(t, era)
      const queue = new JobQueue(backend)
      const running = new Promise((resolve) =>
        queue.process('work', () => {
          resolve()
          return new Promise(() => {})
        }),
      )
      const id = await backend.enqueue('work', 1)
      await running
      await queue.shutdown(0)
      assert.equal((await old.claim('work'))._id, id)
      // Our sweeps would take a managed run's lease after 20 s; this one has the whole visibility timeout.
      const sweeper = open()
      await abandon(collection, id, 60_000)
      assert.equal(await sweeper.recoverStuckJobs(), 0)
      await abandon(collection, id)
      assert.equal(await sweeper.recoverStuckJobs(), 1)
      assert.equal((await stored(id)).status, 'pending')
    })

    test('its reaper leaves what we renew, and returns what we abandoned', async (t) => {
      const { backend, collection, old, stored } = await both(t, era)
      const kept = await backend.claimOrEnqueue('kept', 1)
      const lost = await backend.claimOrEnqueue('lost', 1)
      const usedUp = await backend.claimOrEnqueue('used up', 1, { maxAttempts: 1 })
      for (const { id } of [kept, lost, usedUp]) await abandon(collection, id)
      assert.equal(await backend.heartbeat(kept.id, kept.claimToken), 'applied')
      assert.equal(await old.reap(), 2)
      assert.equal((await stored(kept.id)).status, 'active')
      assert.equal((await stored(usedUp.id)).status, 'failed')
      const again = await backend.claimNext('lost')
      assert.deepEqual([again.id, again.attempt], [lost.id, 2])
      assert.deepEqual(await backend.complete(lost.id, lost.claimToken), { status: 'lease-lost' })
      assert.deepEqual(await backend.complete(again.id, again.claimToken), { status: 'completed' })
    })

    test('a key that one of the two holds is held for the other', async (t) => {
      const { backend, collection, old } = await both(t, era)
      const single = (n) => ({ dedupeKey: `single-${n}`, dedupeScope: 'pending' })
      assert.notEqual(await backend.enqueue('work', 1, { dedupeKey: 'ours' }), null)
      assert.equal(await old.enqueue('work', 2, { dedupeKey: 'ours' }), null)
      assert.notEqual(await old.enqueue('work', 3, { dedupeKey: 'theirs' }), null)
      assert.equal(await backend.enqueue('work', 4, { dedupeKey: 'theirs' }), null)
      await collection.deleteMany({})
      // Ours runs, theirs waits behind it: it can't be claimed by anybody, and is not lost.
      const handle = await backend.claimOrEnqueue('work', 5, single(1))
      assert.notEqual(await old.enqueue('work', 6, single(1)), null)
      assert.equal(await old.claim('work'), null)
      assert.equal(await backend.claimNext('work'), null)
      await backend.complete(handle.id, handle.claimToken)
      assert.equal((await old.claim('work')).data, 6)
      // Now theirs runs.
      assert.notEqual(await backend.enqueue('work', 7, single(1)), null)
      assert.equal(await backend.claimNext('work'), null)
      assert.equal(await backend.claimOrEnqueue('work', 8, single(1)), null)
    })
  })
}
