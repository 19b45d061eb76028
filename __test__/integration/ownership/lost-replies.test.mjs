/**
 * Replies that are lost after the server has done what it was asked: the caller gets the true result. A driver's own retry
 * covers one lost reply to some commands, so each is also tried without it.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deferred } from '../../support/async.mjs'
import { farBackend, farWorker } from './support/far.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { is } from '../../support/proxies/wire.mjs'
import { letPass } from '../../support/time.mjs'

const SINGLE_FLIGHT = { dedupeKey: 'k', dedupeScope: 'pending' }

for (const options of [{ retryWrites: true }, { retryWrites: false }]) {
  const by = (name, body) => test(name, (t) => body(t, options))

  describe(`a lost reply, with ${JSON.stringify(options)}`, { concurrency: true }, () => {
    by('to an enqueue makes no second job', async (t) => {
      const { far, proxy, all } = await farBackend(t, options)
      const lost = proxy.loseReplies(is.insert)
      const id = await far.enqueue('work', { n: 1 })
      await lost
      assert.deepEqual(
        (await all()).map(({ _id, status }) => [_id, status]),
        [[id, 'pending']],
      )
    })

    by('to an enqueue under a key is not taken for a held key', async (t) => {
      for (const dedupeScope of ['pending', 'pending+active']) {
        const { far, proxy, all } = await farBackend(t, options)
        const lost = proxy.loseReplies(is.insert)
        const id = await far.enqueue('work', {}, { dedupeKey: 'k', dedupeScope })
        await lost
        assert.deepEqual(
          (await all()).map(({ _id }) => _id),
          [id],
        )
        assert.equal(await far.enqueue('work', {}, { dedupeKey: 'k', dedupeScope }), null)
      }
    })

    by('to enqueues that travelled together makes none of them twice', async (t) => {
      const { far, proxy, all } = await farBackend(t, options)
      const lost = proxy.loseReplies(is.insert, { times: 3 })
      const ids = await Promise.all(Array.from({ length: 50 }, (_, n) => far.enqueue('work', n)))
      await lost
      assert.deepEqual(
        (await all()).map(({ _id }) => _id),
        ids.sort(),
      )
    })

    by('to claimOrEnqueue leaves the job to its caller', async (t) => {
      for (const given of [{}, { dedupeKey: 'k' }, SINGLE_FLIGHT]) {
        const { far, proxy, all } = await farBackend(t, options)
        const lost = proxy.loseReplies(is.insert)
        const job = await far.claimOrEnqueue('work', {}, given)
        await lost
        assert.equal((await all()).length, 1)
        assert.equal(await far.heartbeat(job.id, job.claimToken), 'applied')
        assert.deepEqual(await far.complete(job.id, job.claimToken), { status: 'completed' })
      }
    })

    by('to claimOrEnqueue, missed until its claim is another’s, makes no second job', async (t) => {
      const { near, far, proxy, collection, all } = await farBackend(t, options)
      const lost = proxy.loseReplies(is.insert, {
        async first() {
          await collection.updateMany({}, { $set: { claimedAt: new Date(0) } })
          assert.equal(await near.recoverStuckJobs(), 1)
          assert.notEqual(await near.claimNext('work'), null)
        },
      })
      const job = await far.claimOrEnqueue('work', {}, SINGLE_FLIGHT)
      await lost
      // A driver that writes again by itself is told that it has written, and not what came of it.
      if (job) assert.equal(await far.heartbeat(job.id, job.claimToken), 'lease-lost')
      assert.equal((await all()).length, 1)
    })

    by('to claimOrEnqueue makes one follower', async (t) => {
      const { near, far, proxy, all } = await farBackend(t, options)
      const active = await near.claimOrEnqueue('work', 'first', SINGLE_FLIGHT)
      const lost = proxy.loseReplies(is.insert)
      assert.equal(await far.claimOrEnqueue('work', 'second', SINGLE_FLIGHT), null)
      await lost
      assert.deepEqual(
        (await all()).map(({ data, status }) => [data, status]),
        [
          ['first', 'active'],
          ['second', 'pending'],
        ],
      )
      await near.complete(active.id, active.claimToken)
    })

    by('to a claim by hand orphans no claim', async (t) => {
      for (const claim of [(far) => far.claimNext('work'), (far) => far.claimNextByKey('work', 'k')]) {
        const { near, far, proxy, stored } = await farBackend(t, options)
        const id = await near.enqueue('work', {}, { dedupeKey: 'k' })
        const lost = proxy.loseReplies(is.claim)
        const job = await claim(far)
        await lost
        assert.deepEqual([job.id, job.attempt], [id, 1])
        assert.equal((await stored(id)).claimToken, job.claimToken)
        assert.deepEqual(await far.complete(id, job.claimToken), { status: 'completed' })
      }
    })

    by('to a claim by hand is survived even if those to the looks for it are lost', async (t) => {
      const { near, far, proxy } = await farBackend(t, options)
      const id = await near.enqueue('work', {})
      const lost = Promise.all([
        proxy.loseReplies(is.claim, { times: options.retryWrites ? 2 : 1 }),
        proxy.loseReplies(is.find, { times: 3 }),
      ])
      const job = await far.claimNext('work')
      assert.deepEqual([job.id, job.attempt], [id, 1])
      assert.deepEqual(await near.complete(id, job.claimToken), { status: 'completed' })
      await lost
    })

    for (const [count, concurrency, kind] of [
      [1, 1, 'claim'],
      [30, 10, 'batchClaim'],
    ]) {
      by(`to a processor's claim (${kind}) starts every job once`, async (t) => {
        const started = []
        const handler = (job) => void started.push([job.id, job.attempt])
        const config = { concurrency }
        const { near, proxy, start, log, all } = await farWorker(t, { options, handler, config })
        const ids = await Promise.all(Array.from({ length: count }, (_, n) => near.enqueue('work', n)))
        const lost = proxy.loseReplies(is[kind])
        start()
        await lost
        await pollUntil('all are completed', async () =>
          (await all()).every(({ status }) => status === 'completed'),
        )
        assert.deepEqual(
          started.sort(),
          ids.sort().map((id) => [id, 1]),
        )
        assert.ok(!log.kinds().includes('lease-lost'))
      })
    }

    by('to a completion is no lost lease', async (t) => {
      const { near, proxy, start, log, stored } = await farWorker(t, { options, handler: () => {} })
      const lost = proxy.loseReplies(is.settlement)
      const id = await near.enqueue('work', {})
      start()
      await lost
      await log.next('completed')
      assert.equal((await stored(id)).status, 'completed')
      assert.deepEqual(log.kinds(), ['claimed', 'completed'])
    })

    by('to a failure is neither a lost lease nor a second failure', async (t) => {
      const handler = () => {
        throw new Error('no')
      }
      const { near, proxy, start, log, stored } = await farWorker(t, { options, handler })
      const lost = proxy.loseReplies(is.settlement)
      const id = await near.enqueue('work', {}, { backoffDelay: 60_000 })
      start()
      await lost
      const { terminal, attempt } = await log.next('failed')
      assert.deepEqual([terminal, attempt], [false, 1])
      const job = await stored(id)
      assert.deepEqual([job.status, job.attempt, job.failReason], ['pending', 1, 'no'])
      assert.deepEqual(log.kinds(), ['claimed', 'failed'])
    })

    by("to a handler's own completion reaches it as completed", async (t) => {
      const results = []
      const handler = async (_, ctx) => {
        results.push(await ctx.complete(), await ctx.complete())
      }
      const { near, proxy, start, log } = await farWorker(t, { options, handler })
      const lost = proxy.loseReplies(is.settlement)
      await near.enqueue('work', {})
      start()
      await lost
      await log.next('completed')
      await pollUntil('the handler has ended', async () => results.length === 2)
      assert.deepEqual(results, [{ status: 'completed' }, { status: 'completed' }])
    })

    for (const [name, status, settle] of [
      ['complete', 'completed', (far, { id, claimToken }) => far.complete(id, claimToken)],
      ['fail', 'retry-scheduled', (far, { id, claimToken }) => far.fail(id, 'no', claimToken)],
      ['failFatal', 'failed-terminal', (far, { id, claimToken }) => far.failFatal(id, 'no', claimToken)],
      ['release', 'released', (far, { id, claimToken }) => far.release(id, claimToken)],
    ]) {
      by(`to ${name} by hand gives its true result`, async (t) => {
        const { far, proxy } = await farBackend(t, options)
        const job = await far.claimOrEnqueue('work', {})
        const lost = proxy.loseReplies(is.settlement)
        assert.deepEqual(await settle(far, job), { status })
        await lost
      })

      by(`to ${name} by hand does not hide that the lease was lost before`, async (t) => {
        const { near, far, proxy, collection } = await farBackend(t, options)
        const job = await far.claimOrEnqueue('work', {})
        await collection.updateOne({ _id: job.id }, { $set: { claimedAt: new Date(0) } })
        assert.equal(await near.recoverStuckJobs(), 1)
        const other = await near.claimNext('work')
        const lost = proxy.loseReplies(is.settlement)
        assert.deepEqual(await settle(far, job), { status: 'lease-lost' })
        await lost
        assert.deepEqual(await near.complete(other.id, other.claimToken), { status: 'completed' })
      })
    }

    for (const [name, status, settle] of [
      ['release', 'released', (far, { id, claimToken }) => far.release(id, claimToken)],
      ['fail', 'retry-scheduled', (far, { id, claimToken }) => far.fail(id, 'no', claimToken)],
    ]) {
      for (const [fate, expected, elsewhere] of [
        ['ended', 'completed', (near, { id, claimToken }) => near.complete(id, claimToken)],
        ['failed', 'pending', (near, { id, claimToken }) => near.fail(id, 'again', claimToken)],
        ['been given back', 'pending', (near, { id, claimToken }) => near.release(id, claimToken)],
        [
          'lost its holder',
          'pending',
          async (near, { id }, collection) => {
            await collection.updateOne({ _id: id }, { $set: { claimedAt: new Date(0) } })
            await near.recoverStuckJobs()
          },
        ],
      ]) {
        by(
          `to ${name} by hand gives its true result, though the job has ${fate} elsewhere since`,
          async (t) => {
            const { near, far, proxy, collection, stored } = await farBackend(t, options)
            const job = await far.claimOrEnqueue('work', {})
            const lost = proxy.loseReplies(is.settlement, {
              async first() {
                await collection.updateOne({ _id: job.id }, { $set: { runAt: new Date(0) } })
                await elsewhere(near, await near.claimNext('work'), collection)
              },
            })
            assert.deepEqual(await settle(far, job), { status })
            await lost
            assert.equal((await stored(job.id)).status, expected)
          },
        )
      }
    }

    by('to a change of payload hands it over all the same', async (t) => {
      const { near, far, proxy, stored } = await farBackend(t, options)
      const id = await near.enqueue('work', 'first', SINGLE_FLIGHT)
      const latest = { ...SINGLE_FLIGHT, coalesce: 'latest' }
      for (const call of ['enqueue', 'claimOrEnqueue']) {
        const lost = proxy.loseReplies(is.coalescing)
        assert.equal(await far[call]('work', call, latest), null)
        await lost
        assert.equal((await stored(id)).data, call)
      }
    })

    by('to a renewal that never comes costs no lease', async (t) => {
      const end = deferred()
      const { near, proxy, start, log, stored } = await farWorker(t, { options, handler: () => end.promise })
      const id = await near.enqueue('work', {})
      start()
      await proxy.loseReplies(is.renewal, { silently: true })
      const { claimedAt } = await stored(id)
      await pollUntil('it is renewed again, or lost', async () => {
        const job = await stored(id)
        return job.claimedAt > claimedAt || log.kinds().includes('lease-lost')
      })
      end.resolve()
      await pollUntil('it has ended', async () => log.kinds().length > 1)
      assert.deepEqual(log.kinds(), ['claimed', 'completed'])
    })
  })

  // By itself: its lease is short, and renewed by way of this process, which all of the above would keep busy.
  test(`a lost reply, with ${JSON.stringify(options)}, to an adoption that is missed for longer than the lease leaves the run a lease`, async (t) => {
    const visibilityTimeoutMs = 2000
    const { queue, proxy, log, stored } = await farWorker(t, { options, visibilityTimeoutMs })
    const handle = await queue.claimOrEnqueue('work', {})
    const lost = proxy.loseReplies(is.renewal, {
      first: () => letPass(1.2 * visibilityTimeoutMs, 'the lease ends'),
    })
    await queue.runClaimed(handle, () => letPass(1.5 * visibilityTimeoutMs, 'work'))
    await lost
    assert.equal((await stored(handle.id)).status, 'completed')
    assert.deepEqual(log.kinds(), ['claimed', 'completed'])
  })
}
