/** `ctx.transaction`: a handler's writes and the completion of its job, together or not at all. On both drivers of processors. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { FatalJobError, LeaseLostError } from 'durabl'
import * as mongodb6 from 'mongodb6'
import { pollUntil } from '../../support/wait.mjs'
import { deferred } from '../../support/async.mjs'
import { WAYS, app } from '../../support/app.mjs'
import { runner } from './support/run.mjs'
import { letPass } from '../../support/time.mjs'

const SETTLED = { code: 'ERR_DURABL_TRANSACTION', message: /settled already/ }

for (const [way, options] of Object.entries(WAYS)) {
  const run = runner(options)

  describe(`ctx.transaction, driven ${way}`, { concurrency: 4 }, () => {
    test('commits the handler’s writes, its follow-up jobs and the completion together', async (t) => {
      const afterwards = deferred()
      const env = await run(t, async ({ queue, things, stored, job, ctx }) => {
        const result = await ctx.transaction(async (session) => {
          await things.insertOne({ _id: 'effect' }, { session })
          await queue.enqueue('next', {}, { session })
          const { status } = await stored(job.id)
          return status
        })
        const { status } = await stored(job.id)
        afterwards.resolve({ result, status, effect: await things.findOne() })
      })
      const effect = { _id: 'effect' }
      assert.deepEqual(await afterwards.promise, { result: 'active', status: 'completed', effect })
      assert.equal(await env.jobs.countDocuments({ type: 'next', status: 'pending' }), 1)
      await env.log.next('completed')
      await env.queue.shutdown()
      assert.deepEqual(env.log.kinds(), ['claimed', 'completed'])
      assert.equal(env.job.attempt, 1)
      assert.equal(env.job.lease, undefined)
    })

    test('is the end of the job, whatever the handler does then', async (t) => {
      const seen = []
      const ended = deferred()
      const env = await run(t, async ({ ctx }) => {
        await ctx.transaction(async () => {})
        seen.push(await ctx.complete(), await ctx.fail('no'), await ctx.heartbeat())
        await assert.rejects(
          ctx.transaction(async () => {}),
          SETTLED,
        )
        ended.resolve()
        throw new Error('too late')
      })
      await ended.promise
      assert.deepEqual(seen, [{ status: 'completed' }, { status: 'completed' }, 'lease-lost'])
      await env.queue.shutdown()
      assert.deepEqual(env.log.kinds(), ['claimed', 'completed'])
    })

    test('is refused after a settlement by hand', async (t) => {
      const refused = deferred()
      await run(t, async ({ ctx }) => {
        await ctx.complete()
        ctx.transaction(async () => {}).catch(refused.resolve)
      })
      assert.equal((await refused.promise).code, 'ERR_DURABL_TRANSACTION')
    })

    test('aborts what its function throws, rethrows it, and the job fails as ever', async (t) => {
      const env = await run(t, async ({ queue, things, job, ctx }) => {
        await ctx.transaction(async (session) => {
          await things.insertOne({ _id: job.attempt }, { session })
          await queue.enqueue('next', {}, { session })
          if (job.attempt === 1) throw new Error('a mishap')
        })
      })
      assert.equal(env.job.attempt, 2)
      assert.equal(env.job.failReason, 'a mishap')
      assert.deepEqual(await env.things.find().toArray(), [{ _id: 2 }])
      assert.equal(await env.jobs.countDocuments({ type: 'next' }), 1)
      await env.log.next('completed')
      assert.deepEqual(env.log.kinds().sort(), ['claimed', 'claimed', 'completed', 'failed'])
    })

    test('fails the job for good where a FatalJobError is thrown in it', async (t) => {
      const env = await run(
        t,
        ({ things, ctx }) =>
          ctx.transaction(async (session) => {
            await things.insertOne({}, { session })
            throw new FatalJobError('no such account')
          }),
        { status: 'failed' },
      )
      assert.equal(env.job.failReason, 'no such account')
      assert.equal(env.job.attempt, 1)
      assert.equal(await env.things.countDocuments(), 0)
    })

    test('can be tried again by a handler that catches the error, as its lease is kept meanwhile', async (t) => {
      const visibilityTimeoutMs = 105_000
      const env = await run(
        t,
        async ({ things, stored, job, ctx }) => {
          const { claimedAt: before } = await stored(job.id)
          await assert.rejects(
            ctx.transaction(async (session) => {
              await things.insertOne({ _id: 1 }, { session })
              throw new Error('first')
            }),
            /first/,
          )
          // Renewed in time, again and again. By the engine the lease is four intervals long.
          let last = before
          for (let renewal = 1; renewal <= 3; renewal += 1)
            last = await pollUntil(`renewal ${renewal}`, async () => {
              const { claimedAt } = await stored(job.id)
              return claimedAt > last && claimedAt
            })
          assert.equal(ctx.signal.aborted, false)
          await ctx.transaction((session) => things.insertOne({ _id: 2 }, { session }))
        },
        { queue: { visibilityTimeoutMs }, config: { heartbeatIntervalMs: 400 } },
      )
      assert.deepEqual(await env.things.find().toArray(), [{ _id: 2 }])
      assert.equal(env.job.attempt, 1)
    })

    test('its lease is not renewed while it is open, as that would make the completion conflict', async (t) => {
      let attempts = 0
      const env = await run(
        t,
        async ({ things, stored, job, ctx }) => {
          await ctx.transaction(async (session) => {
            attempts += 1
            await things.insertOne({}, { session })
            const { claimedAt } = await stored(job.id)
            await letPass(2200, 'three heartbeat intervals, of which none may renew')
            assert.equal(await ctx.heartbeat(), 'applied')
            assert.deepEqual((await stored(job.id)).claimedAt, claimedAt)
          })
        },
        // Long enough that none is under way when the transaction begins.
        { config: { heartbeatIntervalMs: 700 } },
      )
      assert.equal(attempts, 1)
      assert.equal(await env.things.countDocuments(), 1)
    })

    test('refuses what would settle the job otherwise, or begin another one, while it is open', async (t) => {
      const refusals = []
      await run(t, ({ ctx }) =>
        ctx.transaction(async () => {
          for (const call of [
            () => ctx.complete(),
            () => ctx.fail('no'),
            () => ctx.failFatal('no'),
            () => ctx.transaction(async () => {}),
          ])
            await call().catch((error) => refusals.push(error))
        }),
      )
      assert.deepEqual(
        refusals.map(({ code }) => code),
        Array(4).fill('ERR_DURABL_TRANSACTION'),
      )
      assert.match(refusals[0].message, /ctx\.complete: within ctx\.transaction/)
      assert.match(refusals[3].message, /in a transaction already/)
    })

    test('keeps the lines that are logged in it, committed or not', async (t) => {
      const env = await run(t, async ({ ctx, job, stored }) => {
        ctx.log('before')
        await ctx
          .transaction(async () => {
            await ctx.log('first try')
            throw new Error('no')
          })
          .catch(() => {})
        await ctx.transaction(async () => {
          await ctx.log('second try')
          const { logs } = await stored(job.id)
          assert.deepEqual(
            logs.map(({ message }) => message),
            ['before', 'first try'],
          )
        })
        await ctx.log('after')
      })
      const messages = await pollUntil('all lines are there', async () => {
        const { logs } = await env.stored(env.id)
        return logs.length === 4 && logs.map(({ message }) => message)
      })
      assert.deepEqual(messages, ['before', 'first try', 'second try', 'after'])
    })

    test('decides also where the handler does not wait for it', async (t) => {
      const env = await run(t, ({ things, job, ctx }) => {
        const returned = deferred()
        setImmediate(returned.resolve)
        void ctx.transaction(async (session) => {
          await returned.promise
          await things.insertOne({ _id: job.attempt }, { session })
          if (job.attempt === 1) throw new Error('first')
        })
      })
      assert.equal(env.job.attempt, 2)
      assert.equal(env.job.failReason, 'first')
      assert.deepEqual(await env.things.find().toArray(), [{ _id: 2 }])
    })

    test('is aborted with a handler that throws beside it', async (t) => {
      const env = await run(t, async ({ things, job, ctx }) => {
        const open = deferred()
        const goOn = deferred()
        const done = ctx.transaction(async (session) => {
          await things.insertOne({ _id: job.attempt }, { session })
          open.resolve()
          if (job.attempt === 1) await goOn.promise
        })
        await open.promise
        if (job.attempt > 1) return done
        setImmediate(goOn.resolve)
        throw new Error('beside')
      })
      assert.equal(env.job.attempt, 2)
      assert.deepEqual(await env.things.find().toArray(), [{ _id: 2 }])
    })

    test('is aborted by timeoutMs, and the job fails', async (t) => {
      const told = deferred()
      const env = await run(
        t,
        async ({ things, ctx }) => {
          const done = ctx.transaction(async (session) => {
            await things.insertOne({ _id: 1 }, { session })
            if (!ctx.signal.aborted) await once(ctx.signal, 'abort')
          })
          await done.catch(told.resolve)
        },
        { config: { timeoutMs: 300 }, job: { maxAttempts: 1 }, status: 'failed' },
      )
      assert.equal(env.job.attempt, 1)
      assert.equal((await told.promise).code, 'ERR_DURABL_HANDLER_TIMEOUT')
      // The document is free: nothing of the handler's is there, or still open.
      await env.things.insertOne({ _id: 1 })
    })

    test('of a handler that the shutdown does not wait for is aborted, and the job is given back', async (t) => {
      const started = deferred()
      const goOn = deferred()
      const ended = deferred()
      const env = await app(t, options)
      env.queue.process('work', async (job, ctx) => {
        const done = ctx.transaction(async (session) => {
          await env.things.insertOne({}, { session })
          started.resolve()
          await goOn.promise
        })
        await done.catch(ended.resolve)
      })
      const id = await env.queue.enqueue('work', {})
      await started.promise
      await env.queue.shutdown(0)
      goOn.resolve()
      assert.equal((await ended.promise).code, 'ERR_DURABL_SHUT_DOWN')
      const { status, attempt } = await env.stored(id)
      assert.deepEqual([status, attempt], ['pending', 0])
      assert.equal(await env.things.countDocuments(), 0)
      // A shutdown without grace does not wait until events are told.
      await pollUntil('the release is told', () => env.log.kinds().length > 1)
      assert.deepEqual(env.log.kinds(), ['claimed', 'shutdown-released'])
    })

    test('of a job that is another’s by now leaves nothing, and the other’s stays', async (t) => {
      const env = await app(t, options)
      const lost = deferred()
      env.queue.process('work', async (job, ctx) => {
        await ctx
          .transaction(async (session) => {
            // Another worker can take it only by mistake, or after the lease; here one does.
            const thief = { claimToken: 'thief', attempt: 2 }
            await env.jobs.updateOne({ _id: job.id }, { $set: thief })
            await env.things.insertOne({ by: 'the first' }, { session })
            await env.queue.enqueue('next', {}, { session })
          })
          .catch(lost.resolve)
      })
      const id = await env.queue.enqueue('work', {})
      const error = await lost.promise
      assert.ok(error instanceof LeaseLostError, String(error))
      const event = await env.log.next('lease-lost')
      assert.deepEqual([event.jobId, event.op], [id, 'complete'])
      assert.equal(await env.things.countDocuments(), 0)
      assert.equal(await env.jobs.countDocuments({ type: 'next' }), 0)
      const { status, claimToken } = await env.stored(id)
      assert.deepEqual([status, claimToken], ['active', 'thief'])
      // The slot is free again.
      const next = await env.queue.enqueue('work', {})
      await env.log.next('claimed', ({ jobId }) => jobId === next)
    })

    test('begins again when what it writes conflicts', async (t) => {
      let begun = 0
      const env = await run(t, async ({ things, ctx }) => {
        await things.insertOne({ _id: 'counter', n: 0 })
        await ctx.transaction(async (session) => {
          begun += 1
          await things.findOne({ _id: 'counter' }, { session })
          if (begun === 1) await things.updateOne({ _id: 'counter' }, { $inc: { n: 1 } })
          await things.updateOne({ _id: 'counter' }, { $inc: { n: 10 } }, { session })
        })
      })
      assert.equal(begun, 2)
      assert.deepEqual(await env.things.findOne(), { _id: 'counter', n: 11 })
      assert.equal(env.job.attempt, 1)
    })

    test('completes a claim made by hand and run by runClaimed, followers and all', async (t) => {
      const key = { dedupeKey: 'k', dedupeScope: 'pending' }
      const env = await app(t, options)
      const handle = await env.queue.claimOrEnqueue('work', 1, key)
      assert.equal(await env.queue.claimOrEnqueue('work', 2, key), null)
      await env.queue.runClaimed(handle, (job, ctx) =>
        ctx.transaction((session) => env.things.insertOne({ _id: job.data }, { session })),
      )
      assert.equal(await env.jobs.countDocuments({ status: 'completed' }), 2)
      assert.equal(await env.things.countDocuments(), 2)
    })
  })
}

test('an app that reads from secondaries by default has transactions as well', async (t) => {
  for (const driver of [undefined, mongodb6]) {
    const env = await app(t, { driver, client: { readPreference: 'secondaryPreferred' } })
    env.queue.process('work', async (job, ctx) => {
      await ctx.session()
      await ctx.transaction(async (session) => {
        await env.things.insertOne({ _id: await env.things.countDocuments({}, { session }) }, { session })
        await env.queue.enqueue('next', {}, { session, dedupeKey: 'k' })
      })
    })
    await env.queue.enqueue('work', {})
    await env.log.next('completed')
    assert.deepEqual(await env.things.find({}, { readPreference: 'primary' }).toArray(), [{ _id: 0 }])
  }
})
