/** Jobs that are made in a transaction of the app: with the commit once, and never without it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pollUntil } from '../../support/wait.mjs'
import { deferred } from '../../support/async.mjs'
import { idle } from '../../support/told.mjs'
import { DRIVERS, app } from '../../support/app.mjs'

const FOLLOWER = { dedupeKey: 'k', dedupeScope: 'pending' }
const EXCLUSIVE = { dedupeKey: 'k' }

class Undo extends Error {}

for (const [version, driver] of Object.entries(DRIVERS)) {
  describe(`enqueue in a transaction (${version})`, { concurrency: 4 }, () => {
    test('makes the job with the commit, once, and nothing is seen of it before', async (t) => {
      const { queue, inTransaction, jobs, stored, things } = await app(t, { driver })
      const id = await inTransaction(async (session) => {
        await things.insertOne({ _id: 'order' }, { session })
        const made = await queue.enqueue('mail', { to: 'Ada' }, { session, priority: -3, maxAttempts: 7 })
        assert.equal(await stored(made), null)
        assert.equal(await queue.backend.claimNext('mail'), null)
        return made
      })
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/, 'a UUID that begins with its time')
      const { status, data, priority, maxAttempts, attempt } = await stored(id)
      assert.deepEqual(
        { status, data, priority, maxAttempts, attempt },
        { status: 'pending', data: { to: 'Ada' }, priority: -3, maxAttempts: 7, attempt: 0 },
      )
      assert.equal(await jobs.countDocuments(), 1)
      assert.equal((await queue.backend.claimNext('mail')).id, id)
    })

    test('leaves nothing after an abort: no job, no event, no start', async (t) => {
      const { queue, inTransaction, jobs, things, log } = await app(t, { driver })
      await idle(queue, 'mail')
      await log.next('completed')
      const before = log.events.length
      const undone = inTransaction(async (session) => {
        await things.insertOne({ _id: 'order' }, { session })
        for (const key of [{}, EXCLUSIVE, { ...FOLLOWER, dedupeKey: 'other' }])
          assert.equal(typeof (await queue.enqueue('mail', {}, { session, ...key })), 'string')
        throw new Undo()
      })
      await assert.rejects(undone, Undo)
      assert.equal(await jobs.countDocuments({ status: { $ne: 'completed' } }), 0)
      assert.equal(await things.countDocuments(), 0)
      // The keys are free, and the processor well: what it starts next is this.
      const next = await queue.enqueue('mail', {}, EXCLUSIVE)
      const { jobId } = await log.next('claimed', (event) => event.jobId === next)
      assert.equal(log.events[before].jobId, jobId)
    })

    test('gives null for a held key, and the transaction goes on', async (t) => {
      for (const key of [EXCLUSIVE, FOLLOWER]) {
        const { queue, inTransaction, jobs, things } = await app(t, { driver })
        const holder = await queue.enqueue('mail', { n: 1 }, key)
        const outcomes = await inTransaction(async (session) => {
          await things.insertOne({ _id: 'order' }, { session })
          return [
            await queue.enqueue('mail', { n: 2 }, { session, ...key }),
            typeof (await queue.enqueue('mail', { n: 3 }, { session, ...key, dedupeKey: 'free' })),
            await queue.enqueue('mail', { n: 4 }, { session, ...key, dedupeKey: 'free' }),
          ]
        })
        assert.deepEqual(outcomes, [null, 'string', null])
        assert.equal(await things.countDocuments(), 1)
        const kept = await jobs.find().sort({ createdAt: 1, _id: 1 }).toArray()
        assert.deepEqual(
          kept.map(({ data }) => data.n),
          [1, 3],
        )
        assert.equal(kept[0]._id, holder)
      }
    })

    test('looks at a key as its scope says', async (t) => {
      const { queue, backend, inTransaction } = await app(t, { driver })
      for (const [key, follows] of [
        [EXCLUSIVE, false],
        [{ ...FOLLOWER, dedupeKey: 'single' }, true],
      ]) {
        await queue.enqueue('mail', {}, key)
        assert.notEqual(await backend.claimNextByKey('mail', key.dedupeKey), null)
        const made = await inTransaction((session) => queue.enqueue('mail', {}, { session, ...key }))
        assert.equal(made !== null, follows, key.dedupeScope)
      }
    })

    test('gives null for a key of scope pending+active that was held when the transaction began, as documented', async (t) => {
      const { queue, backend, inTransaction, things } = await app(t, { driver })
      await queue.enqueue('mail', {}, EXCLUSIVE)
      const holder = await backend.claimNext('mail')
      const made = await inTransaction(async (session) => {
        await things.findOne({}, { session })
        await backend.complete(holder.id, holder.claimToken)
        return queue.enqueue('mail', {}, { session, ...EXCLUSIVE })
      })
      assert.equal(made, null)
    })

    test('of two transactions that meet on a free key one makes the job; the other begins again, and finds it', async (t) => {
      for (const key of [EXCLUSIVE, FOLLOWER]) {
        const { queue, inTransaction, jobs, things } = await app(t, { driver })
        let begun = 0
        const bothIn = deferred()
        const outcomes = await Promise.all(
          ['one', 'two'].map((name) =>
            inTransaction(async (session) => {
              await things.insertOne({ name }, { session })
              begun += 1
              if (begun === 2) bothIn.resolve()
              await bothIn.promise
              return queue.enqueue('mail', { name }, { session, ...key })
            }),
          ),
        )
        assert.equal(outcomes.filter((id) => id === null).length, 1)
        assert.ok(begun >= 3, `${begun} beginnings`)
        assert.equal(await jobs.countDocuments(), 1)
        assert.equal(await things.countDocuments(), 2)
      }
    })

    test('rethrows what the driver throws, labels and all', async (t) => {
      const { queue, session: open, jobs } = await app(t, { driver })
      const [one, other] = [open(), open()]
      for (const session of [one, other]) session.startTransaction()
      await jobs.findOne({ _id: 'none' }, { session: other })
      await queue.enqueue('mail', {}, { session: one, ...EXCLUSIVE })
      await one.commitTransaction()
      await assert.rejects(queue.enqueue('mail', {}, { session: other, ...EXCLUSIVE }), (error) => {
        assert.ok(error instanceof driver.MongoError)
        assert.equal(error.code, 112)
        assert.ok(error.hasErrorLabel('TransientTransactionError'))
        return true
      })
    })

    test('a pending job that holds the key starts after the commit, or another one does', async (t) => {
      const { queue, backend, inTransaction, things, stored } = await app(t, { driver })
      await things.insertOne({ _id: 'counter', n: 0 })
      const write = (session) => things.updateOne({ _id: 'counter' }, { $inc: { n: 1 } }, { session })

      // Claimed while the transaction is open, before it has looked: it makes a job of its own.
      const early = await queue.enqueue('sync', {}, FOLLOWER)
      let first
      const second = await inTransaction(async (session) => {
        await write(session)
        first ??= await backend.claimNext('sync')
        return queue.enqueue('sync', {}, { session, ...FOLLOWER })
      })
      assert.equal(first.id, early)
      assert.notEqual(second, null)
      await backend.complete(first.id, first.claimToken)

      // After it has looked: the claim waits for the commit.
      let claim
      let seen
      const none = await inTransaction(async (session) => {
        await write(session)
        const found = await queue.enqueue('sync', {}, { session, ...FOLLOWER })
        claim = pollUntil('it can be claimed', () => backend.claimNext('sync')).then(async (job) => {
          seen = await things.findOne({ _id: 'counter' })
          return job
        })
        // Were it not to wait, it would be here by then.
        await stored(second)
        await stored(second)
        return found
      })
      assert.equal(none, null)
      assert.equal((await claim).id, second)
      assert.equal(seen.n, 2)
    })

    test('coalesces: the pending holder takes the newest payload with the commit', async (t) => {
      const { queue, inTransaction, stored, jobs } = await app(t, { driver })
      const latest = { ...FOLLOWER, coalesce: 'latest' }
      const make = (type, n) => inTransaction((session) => queue.enqueue(type, { n }, { session, ...latest }))
      const id = await make('sync', 1)
      assert.equal(await make('sync', 2), null)
      assert.deepEqual((await stored(id)).data, { n: 2 })
      const undone = inTransaction(async (session) => {
        await queue.enqueue('sync', { n: 3 }, { session, ...latest })
        throw new Undo()
      })
      await assert.rejects(undone, Undo)
      assert.deepEqual((await stored(id)).data, { n: 2 })
      assert.equal(await make('other type', 4), null, 'data means something to its own type only')
      assert.deepEqual((await stored(id)).data, { n: 2 })
      assert.equal(await jobs.countDocuments(), 1)
    })

    test('keeps a payload as the app’s own collections do', async (t) => {
      const { BSON, Binary, Decimal128, Double, Int32, Long, ObjectId, Timestamp } = driver
      const { queue, inTransaction, things, stored } = await app(t, {
        driver,
        client: { promoteValues: false },
      })
      const data = {
        ...{ int: new Int32(7), double: new Double(7), long: Long.fromString('9223372036854775807') },
        ...{ plain: 7, fraction: 7.5, huge: 2 ** 53, text: 'žluťoučký 🐎', list: [undefined, null, []] },
        ...{ date: new Date(0), id: new ObjectId(), decimal: Decimal128.fromString('1.10'), regexp: /a+/gi },
        ...{ binary: new Binary(Buffer.from('abc'), 128), timestamp: new Timestamp({ t: 1, i: 2 }) },
        ...{
          operators: { $set: { a: '$b' }, 'dotted.name': '$$NOW', $literal: 1 },
          empty: {},
          map: new Map([['b', 1]]),
        },
        ...{
          min: new driver.MinKey(),
          symbol: new driver.BSONSymbol('s'),
          code: new driver.Code('x', { y: 1 }),
        },
      }
      await things.insertOne({ _id: 'plain', data })
      const plain = await things.findOne({ _id: 'plain' }, { raw: true })
      for (const key of [{}, EXCLUSIVE, { ...FOLLOWER, dedupeKey: 'f' }]) {
        const id = await inTransaction((session) => queue.enqueue('mail', data, { session, ...key }))
        const bytesOf = (document) => Buffer.from(BSON.serialize({ data: document.data })).toString('hex')
        const exactly = { promoteValues: false, promoteLongs: false, bsonRegExp: true }
        const job = await stored(id)
        assert.equal(bytesOf(job), bytesOf(BSON.deserialize(plain, exactly)), JSON.stringify(key))
      }
    })

    test('a delay counts from the call, by the server’s clock', async (t) => {
      const { db, queue, inTransaction, stored, log } = await app(t, { driver })
      await idle(queue, 'mail')
      const id = await inTransaction((session) => queue.enqueue('mail', {}, { session, delay: 700 }))
      const job = await stored(id)
      assert.equal(job.status, 'pending')
      const delay = job.runAt - job.createdAt
      assert.ok(delay >= 700 && delay < 800, `${delay} ms`)
      const { localTime } = await db.command({ hello: 1 })
      assert.ok(Math.abs(localTime - job.createdAt) < 600)
      await log.next('completed', ({ jobId }) => jobId === id)
    })

    test('an enqueue that is not awaited, and comes after the transaction’s end, is refused and makes nothing', async (t) => {
      const { queue, session: open, jobs } = await app(t, { driver })
      const session = open()
      session.startTransaction()
      const late = queue.enqueue('mail', {}, { session })
      const refused = assert.rejects(late, { name: 'RangeError', message: /transaction in progress/ })
      await session.abortTransaction()
      await refused
      assert.equal(await jobs.countDocuments(), 0)
    })
  })
}

test('many transactions at once make each its own job', async (t) => {
  const { queue, inTransaction, jobs, things } = await app(t)
  await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      inTransaction(async (session) => {
        await things.insertOne({ _id: n }, { session })
        await queue.enqueue('mail', { n }, { session, dedupeKey: `order:${n % 20}` })
      }),
    ),
  )
  assert.equal(await things.countDocuments(), 40)
  const made = await jobs.find().toArray()
  assert.deepEqual(
    made.map(({ dedupeKey }) => dedupeKey).sort(),
    Array.from({ length: 20 }, (_, n) => `order:${n}`).sort(),
  )
})
