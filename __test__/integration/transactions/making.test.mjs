/** Options and calls that make jobs, in a transaction of the app. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { letPass } from '../../support/time.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { DRIVERS, app } from '../../support/app.mjs'

const LASTING = { dedupeKey: 'k', dedupeForMs: 60_000 }

class Undo extends Error {}

for (const [version, driver] of Object.entries(DRIVERS)) {
  describe(`making jobs in a transaction (${version})`, { concurrency: 4 }, () => {
    test('an id of the caller is taken by one of them, and no transaction fails for it', async (t) => {
      const { queue, inTransaction, jobs, stored } = await app(t, { driver })
      const enqueue = (data) =>
        inTransaction(async (session) => queue.enqueue('mail', data, { id: 'own', session }))
      const made = await Promise.all([1, 2, 3, 4].map(enqueue))
      assert.deepEqual(
        made.filter((id) => id !== null),
        ['own'],
      )
      const { data } = await stored('own')
      assert.equal(await enqueue(5), null)
      assert.equal((await stored('own')).data, data)
      assert.equal(await jobs.countDocuments(), 1)
    })

    test('an id and a key are both held', async (t) => {
      const { queue, inTransaction } = await app(t, { driver })
      await queue.enqueue('mail', 1, { id: 'taken' })
      await queue.enqueue('mail', 1, { id: 'holder', dedupeKey: 'k' })
      const results = await inTransaction((session) =>
        queue.enqueueMany(
          [
            { type: 'mail', data: 2, options: { id: 'taken', dedupeKey: 'k' } },
            { type: 'mail', data: 2, options: { id: 'free', dedupeKey: 'k' } },
            { type: 'mail', data: 2, options: { id: 'own', dedupeKey: 'other' } },
            { type: 'mail', data: 2, options: { id: 'own' } },
          ],
          { session, detailed: true },
        ),
      )
      assert.deepEqual(results, [
        { status: 'duplicate', id: 'taken' },
        { status: 'duplicate', id: 'holder' },
        { status: 'created', id: 'own' },
        { status: 'duplicate', id: 'own' },
      ])
    })

    test('a key is kept from the commit on, and let go of when its time has passed', async (t) => {
      const { queue, inTransaction, stored } = await app(t, { driver })
      const enqueue = (options) =>
        inTransaction((session) => queue.enqueueDetailed('mail', 1, { ...options, session }))
      const undone = inTransaction(async (session) => {
        assert.equal(typeof (await queue.enqueue('mail', 1, { ...LASTING, session })), 'string')
        throw new Undo()
      })
      await assert.rejects(undone, Undo)
      const first = await enqueue({ ...LASTING, dedupeForMs: 3_000 })
      assert.equal(first.status, 'created')
      const { id } = first
      const job = await queue.backend.claimNext('mail')
      await queue.backend.complete(job.id, job.claimToken)
      assert.deepEqual(await enqueue(LASTING), { status: 'duplicate', id })
      await letPass(3_100, 'the time of the key')
      const second = await enqueue(LASTING)
      assert.equal(second.status, 'created')
      assert.equal((await stored(id)).dedupeUntil, undefined)
      assert.deepEqual(await enqueue(LASTING), { status: 'duplicate', id: second.id })
    })

    test('a coalesced job is named', async (t) => {
      const { queue, inTransaction, stored } = await app(t, { driver })
      const options = { dedupeKey: 'k', dedupeScope: 'pending', coalesce: 'latest' }
      const id = await queue.enqueue('mail', 1, options)
      const told = await inTransaction((session) => queue.enqueueDetailed('mail', 2, { ...options, session }))
      assert.deepEqual(told, { status: 'coalesced', id })
      assert.equal((await stored(id)).data, 2)
    })

    test('changes are told after the commit, and never after an abort', async (t) => {
      const changes = []
      const { queue, inTransaction } = await app(t, {
        driver,
        queue: { onJobChange: (change) => changes.push(change) },
      })
      const undone = inTransaction(async (session) => {
        await queue.enqueue('mail', 1, { session })
        throw new Undo()
      })
      await assert.rejects(undone, Undo)
      const jobId = await inTransaction(async (session) => {
        const id = await queue.enqueue('mail', 1, { session })
        await letPass(20, 'an event that came too early')
        assert.deepEqual(changes, [])
        return id
      })
      await pollUntil('the change is told', () => changes.length > 0)
      assert.deepEqual(changes, [{ kind: 'enqueued', type: 'mail', jobId }])
    })
  })
}
