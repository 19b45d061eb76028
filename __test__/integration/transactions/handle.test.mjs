/** Handles whose owner completes them in a transaction of its own. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LeaseLostError } from 'durabl'
import { DRIVERS, app } from '../../support/app.mjs'

class Undo extends Error {}

for (const [version, driver] of Object.entries(DRIVERS)) {
  describe(`handle.complete in a transaction (${version})`, { concurrency: 4 }, () => {
    test('completes with the commit, and tells of it once, after it', async (t) => {
      const { queue, inTransaction, stored, things, log } = await app(t, { driver })
      const handle = await queue.claimOrEnqueue('work', {})
      await inTransaction(async (session) => {
        await things.insertOne({}, { session })
        assert.deepEqual(await handle.complete({ session }), { status: 'completed' })
        assert.equal((await stored(handle.id)).status, 'active')
        assert.deepEqual(log.kinds(), ['claimed'])
      })
      assert.equal((await stored(handle.id)).status, 'completed')
      const { jobId } = await log.next('completed')
      assert.equal(jobId, handle.id)
      assert.deepEqual(log.kinds(), ['claimed', 'completed'])
    })

    test('leaves the claim as it was after an abort, and tells nothing', async (t) => {
      const { queue, inTransaction, stored, log } = await app(t, { driver })
      const handle = await queue.claimOrEnqueue('work', {})
      const before = await stored(handle.id)
      const undone = inTransaction(async (session) => {
        await handle.complete({ session })
        throw new Undo()
      })
      await assert.rejects(undone, Undo)
      assert.deepEqual(await stored(handle.id), before)
      assert.deepEqual(await handle.complete(), { status: 'completed' })
      await log.next('completed')
      await queue.shutdown()
      assert.deepEqual(log.kinds(), ['claimed', 'completed'])
    })

    test('tells once of a transaction that had to begin again', async (t) => {
      const { queue, inTransaction, things, log } = await app(t, { driver })
      await things.insertOne({ _id: 'counter', n: 0 })
      const handle = await queue.claimOrEnqueue('work', {})
      let begun = 0
      await inTransaction(async (session) => {
        begun += 1
        await handle.complete({ session })
        if (begun === 1) await things.updateOne({ _id: 'counter' }, { $inc: { n: 1 } })
        await things.updateOne({ _id: 'counter' }, { $inc: { n: 1 } }, { session })
      })
      assert.equal(begun, 2)
      await log.next('completed')
      await queue.shutdown()
      assert.deepEqual(log.kinds(), ['claimed', 'completed'])
    })

    test('throws where the job is another’s, so that the transaction is aborted', async (t) => {
      const { queue, inTransaction, jobs, stored, things } = await app(t, { driver })
      for (const [change, status] of [
        [{ claimToken: 'thief', attempt: 2 }, 'lease-lost'],
        [{ status: 'failed' }, 'already-terminal'],
        [null, 'not-found'],
      ]) {
        const handle = await queue.claimOrEnqueue('work', {})
        if (change === null) await jobs.deleteOne({ _id: handle.id })
        else await jobs.updateOne({ _id: handle.id }, { $set: change })
        const before = await stored(handle.id)
        const refused = inTransaction(async (session) => {
          await things.insertOne({}, { session })
          await handle.complete({ session })
        })
        await assert.rejects(refused, (error) => {
          assert.ok(error instanceof LeaseLostError)
          assert.match(error.message, new RegExp(`\\(${status}\\)`))
          return true
        })
        assert.deepEqual(await stored(handle.id), before)
      }
      assert.equal(await things.countDocuments(), 0)
    })
  })
}

test('a value that a promise passes on is no set of options', async (t) => {
  const { queue } = await app(t)
  for (const value of [undefined, null, 7, 'text', [1], { session: undefined }, { result: 1 }]) {
    const { complete } = await queue.claimOrEnqueue('work', {})
    assert.deepEqual(await Promise.resolve(value).then(complete), { status: 'completed' })
  }
})

test('a backend completes without a token as well, as the oldest callers do', async (t) => {
  const { backend, inTransaction, stored } = await app(t)
  const id = await backend.enqueue('work', {})
  const complete = () => inTransaction((session) => backend.complete(id, undefined, { session }))
  assert.deepEqual(await complete(), { status: 'completed' })
  assert.equal((await stored(id)).status, 'completed')
  assert.deepEqual(await complete(), { status: 'already-terminal', terminalStatus: 'completed' })
  const missing = await inTransaction((session) => backend.complete('nobody', undefined, { session }))
  assert.deepEqual(missing, { status: 'not-found' })
})
