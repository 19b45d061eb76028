/** A job that a transaction makes, or whose key it frees, starts when the transaction has committed: workers hear of the commit. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DRIVERS, WAYS, app } from '../../support/app.mjs'
import { deferred } from '../../support/async.mjs'
import { assertEachIsTold, idle, starts } from '../../support/told.mjs'
import { pollUntil } from '../../support/wait.mjs'

const FOLLOWER = { dedupeKey: 'k', dedupeScope: 'pending' }

for (const [version, driver] of Object.entries(DRIVERS)) {
  describe(`a transaction of an app (${version})`, () => {
    test('wakes a processor of this process when the transaction has committed', async (t) => {
      const { queue, inTransaction } = await app(t, { driver })
      const started = await idle(queue, 'mail')
      await assertEachIsTold(
        async () => [await inTransaction((session) => queue.enqueue('mail', {}, { session }))],
        started.of,
      )
    })

    test('is picked up elsewhere by push', async (t) => {
      const here = await app(t, { driver })
      const there = await app(t, {
        driver,
        database: here.db.databaseName,
        backend: { useChangeStreams: true },
      })
      const started = await idle(there.queue, 'mail')
      // From now on it looks once in its poll interval, which is a minute.
      await pollUntil('the stream is open', () => there.backend.isChangeStreamsActive())
      for (let n = 0; n < 3; n += 1) {
        const id = await here.inTransaction((session) =>
          here.queue.enqueue('mail', {}, { session, ...FOLLOWER, dedupeKey: `key ${n}` }),
        )
        const from = performance.now()
        assert.ok((await started.of(id)) - from < 5000)
      }
    })

    test('of several jobs wakes processors of each type when the transaction has committed', async (t) => {
      const { queue, inTransaction } = await app(t, { driver })
      const types = ['one', 'two']
      const started = starts()
      for (const type of types) {
        queue.process(type, started.handler, { pollInterval: 60_000 })
        await started.of(await queue.enqueue(type, 'first'))
      }
      await assertEachIsTold(async (data) => {
        const many = types.map((type) => ({ type, data }))
        const results = await inTransaction((session) => queue.enqueueMany(many, { session }))
        return results.map(({ id }) => id)
      }, started.of)
    })

    test('that completes a handle frees the key, and what waits behind it starts at once', async (t) => {
      const key = { dedupeKey: 'k', dedupeScope: 'pending' }
      const { queue, inTransaction } = await app(t, { driver })
      const started = starts()
      queue.process('work', started.handler, { concurrency: 2, pollInterval: 60_000 })
      await started.of(await queue.enqueue('work', 'first'))
      await assertEachIsTold(async (n) => {
        await pollUntil('the job before it has ended', async () => !(await queue.hasOutstanding('work', 'k')))
        const handle = await queue.claimOrEnqueue('work', n, key)
        const follower = await queue.enqueue('work', n, key)
        await inTransaction((session) => handle.complete({ session }))
        return [follower]
      }, started.of)
    })
  })
}

for (const [way, options] of Object.entries(WAYS)) {
  test(`ctx.transaction frees the key of its job, and what waits behind it starts at once, driven ${way}`, async (t) => {
    const key = { dedupeKey: 'k', dedupeScope: 'pending' }
    const env = await app(t, options)
    const started = starts()
    const freed = []
    env.queue.process(
      'work',
      async (job, ctx) => {
        if (job.data === 'follower') return started.handler(job)
        const follower = await env.queue.enqueue('work', 'follower', key)
        await ctx.transaction(async () => {})
        freed.shift().resolve([follower])
        // Its own slot is taken until then: another one has to hear of it.
        await started.of(follower)
      },
      { concurrency: 2, pollInterval: 60_000 },
    )
    await assertEachIsTold(async () => {
      const next = deferred()
      freed.push(next)
      await env.queue.enqueue('work', 'first', key)
      return next.promise
    }, started.of)
  })
}

test('a transaction that was started by hand wakes a processor as well', async (t) => {
  const { queue, session: open } = await app(t)
  const started = await idle(queue, 'mail')
  const session = open()
  await assertEachIsTold(async (n) => {
    session.startTransaction()
    const id = await queue.enqueue('mail', { n }, { session })
    await session.commitTransaction()
    return [id]
  }, started.of)
})

test('a job of a decorated backend wakes the processors of its queue', async (t) => {
  const { queue, inTransaction } = await app(t, { wrap: (backend) => new Proxy(backend, {}) })
  const started = await idle(queue, 'mail')
  await assertEachIsTold(
    async () => [await inTransaction((session) => queue.enqueue('mail', {}, { session }))],
    started.of,
  )
  await pollUntil('nothing is left', async () => (await queue.getStats()).pending === 0)
})
