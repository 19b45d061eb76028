/** Documents as the TypeScript package left them are read, claimed, retried, recovered and cleaned up like our own. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import { pollUntil } from '../../support/wait.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { connect } from '../../support/mongo.mjs'
import { OLD_TIMEOUT_MS, OldPackage, oldJob, oldJobs, withoutNulls } from './support/old-package.mjs'

const DAY_MS = 24 * 3600_000
const LOST = OLD_TIMEOUT_MS + 1000
const ALIVE = OLD_TIMEOUT_MS - 60_000

/** A collection that the old package has used, with these documents, and a backend of this package. */
async function onCollection(t, era, documents) {
  const { db } = await connect(t)
  const collection = db.collection('jobs')
  await new OldPackage(collection, era).startup()
  if (documents.length > 0) await collection.insertMany(documents)
  const backend = new MongoJobQueue({ db })
  atEnd(t, () => backend.shutdown(5000))
  await backend.startup()
  return { backend, collection }
}

for (const [era, absent, left] of [
  ['0.1', 'null', (job) => job],
  ['0.1', 'missing', withoutNulls],
  ['0.3', 'null', (job) => job],
  ['0.3', 'missing', withoutNulls],
]) {
  /** A collection with documents as this describe has them. */
  const collectionWith = (t, documents) => onCollection(t, era, documents.map(left))

  describe(`of ${era}, what is absent being ${absent}`, { concurrency: 4 }, () => {
    test('every status is read', async (t) => {
      const documents = oldJobs(era)
      const { backend } = await collectionWith(t, Object.values(documents))
      for (const [status, document] of Object.entries(documents)) {
        const job = await backend.findOne({ id: document._id })
        const { _id: id, ...fields } = document
        // The token of a claim is for its holder alone.
        const present = Object.entries(fields).filter(
          ([name, value]) => value !== null && name !== 'claimToken',
        )
        assert.deepEqual(job, { id, ...Object.fromEntries(present) }, status)
      }
      const { pending, active, completed, failed, superseded, oldestPendingRunAt } = await backend.getStats()
      const counts = { pending, active, completed, failed, ...(era === '0.3' && { superseded }) }
      assert.deepEqual(counts, Object.fromEntries(Object.keys(documents).map((status) => [status, 1])))
      assert.deepEqual(oldestPendingRunAt, documents.pending.runAt)
    })

    test('pending ones are claimed in order, those for later are not', async (t) => {
      const { backend } = await collectionWith(t, [
        oldJob(era, { _id: 'later', runAt: new Date(Date.now() + DAY_MS) }),
        oldJob(era, { _id: 'third', priority: 5 }),
        oldJob(era, { _id: 'second' }),
        oldJob(era, { _id: 'first', priority: -5 }),
      ])
      const claimed = []
      for (let job; (job = await backend.claimNext('work')) !== null;) claimed.push([job.id, job.attempt])
      assert.deepEqual(claimed, [
        ['first', 1],
        ['second', 1],
        ['third', 1],
      ])
    })

    test('a processor runs them, fails them and retries them', async (t) => {
      const jobs = Array.from({ length: 20 }, (_, n) => oldJob(era, { _id: `job-${n}`, data: { n } }))
      const { backend, collection } = await collectionWith(t, jobs)
      const queue = new JobQueue(backend)
      atEnd(t, () => queue.shutdown(5000))
      const runs = new Map()
      const allDone = new Promise((resolve) => {
        let left = jobs.length
        queue.process(
          'work',
          async (job, ctx) => {
            runs.set(job.id, (runs.get(job.id) ?? 0) + 1)
            if (job.data.n === 0) await ctx.failFatal('never')
            else if (job.data.n < 3 && job.attempt === 1) throw new Error('once')
            else await ctx.complete()
            if (--left === 0) resolve()
          },
          { concurrency: 4 },
        )
      })
      await allDone
      await queue.shutdown()
      const counts = [...runs.values()].sort()
      assert.deepEqual(counts, [...Array(18).fill(1), 2, 2])
      const { status, failedAt } = await collection.findOne({ _id: 'job-0' })
      assert.ok(status === 'failed' && failedAt instanceof Date)
      assert.equal(await collection.countDocuments({ status: 'completed' }), 19)
      const { attempt, failReason } = await collection.findOne({ _id: 'job-1' })
      assert.deepEqual([attempt, failReason], [2, 'once'])
    })

    test('active ones are settled, with and without a token', async (t) => {
      const settlements = {
        complete: 'completed',
        fail: 'retry-scheduled',
        failFatal: 'failed-terminal',
        release: 'released',
      }
      const actives = Object.keys(settlements).map((_id) => ({ ...oldJobs(era).active, _id }))
      const { backend } = await collectionWith(t, actives)
      for (const [{ _id, claimToken }, status] of actives.map((job, i) => [
        job,
        Object.values(settlements)[i],
      ])) {
        const reason = _id.startsWith('fail') ? ['because'] : []
        assert.deepEqual(await backend[_id](_id, ...reason, 'a wrong token'), { status: 'lease-lost' })
        assert.equal(await backend.heartbeat(_id, claimToken), 'applied')
        assert.deepEqual(await backend[_id](_id, ...reason, claimToken), { status })
      }
    })

    test('an abandoned one is recovered after the whole visibility timeout, and not before', async (t) => {
      const abandoned = oldJobs(era, { activeForMs: LOST }).active
      const { backend } = await collectionWith(t, [
        { ...abandoned, _id: 'abandoned' },
        { ...abandoned, _id: 'used up', attempt: 3 },
        { ...oldJobs(era, { activeForMs: ALIVE }).active, _id: 'running' },
      ])
      assert.equal(await backend.recoverStuckJobs(), 2)
      const status = async (id) => (await backend.findOne({ id })).status
      assert.equal(await status('abandoned'), 'pending')
      assert.equal(await status('used up'), 'failed')
      assert.equal(await status('running'), 'active')
    })

    test('their keys are held, and a follower covers an abandoned holder', async (t) => {
      const key = (dedupeKey, dedupeScope) => ({ dedupeKey, dedupeScope })
      const { active } = oldJobs(era, { activeForMs: LOST })
      const { backend, collection } = await collectionWith(t, [
        oldJob(era, { _id: 'waiting', ...key('strict', 'pending+active') }),
        { ...active, _id: 'running', ...key('single', 'pending') },
        oldJob(era, { _id: 'follower', ...key('single', 'pending') }),
      ])
      assert.equal(await backend.enqueue('work', 1, { dedupeKey: 'strict' }), null)
      assert.equal(await backend.enqueue('work', 1, key('single', 'pending')), null)
      assert.equal(await backend.claimOrEnqueue('work', 1, key('single', 'pending')), null)
      assert.equal(await backend.hasOutstanding('work', 'strict'), true)
      // The follower waits for the active job, whichever package holds it.
      assert.equal((await backend.claimNext('work')).id, 'waiting')
      assert.equal(await backend.claimNext('work'), null)
      assert.equal(await backend.recoverStuckJobs(), 1)
      assert.equal((await collection.findOne({ _id: 'running' })).status, 'superseded')
      assert.equal((await backend.claimNextByKey('work', 'single')).id, 'follower')
    })

    test('a key without a scope is not held, as no index of either package holds it', async (t) => {
      const { backend } = await collectionWith(t, [oldJob(era, { _id: 'unscoped', dedupeKey: 'key' })])
      assert.equal(await backend.hasOutstanding('work', 'key'), false)
      for (const dedupeScope of ['pending', 'pending+active']) {
        const id = await backend.enqueue('work', 1, { dedupeKey: 'key', dedupeScope, priority: 1 })
        assert.equal(typeof id, 'string')
        assert.equal(await backend.enqueue('work', 1, { dedupeKey: 'key', dedupeScope }), null)
      }
      assert.equal(await backend.hasOutstanding('work', 'key'), true)
      // It is a job like any other, all the same, and shown with the scope that is the default.
      const { id, claimToken, dedupeKey, dedupeScope } = await backend.claimNext('work')
      assert.deepEqual([id, dedupeKey, dedupeScope], ['unscoped', 'key', 'pending+active'])
      assert.deepEqual(await backend.fail(id, 'once', claimToken), { status: 'retry-scheduled' })
      assert.equal((await backend.findOne({ dedupeKey: 'key', status: 'pending' })).id, 'unscoped')
    })

    test('ended ones are cleaned up by their age', async (t) => {
      const old = Object.values(oldJobs(era, { endedForMs: 8 * DAY_MS }))
      const young = Object.values(oldJobs(era, { endedForMs: 6 * DAY_MS }))
      const { backend, collection } = await collectionWith(t, [...old, ...young])
      const ended = era === '0.3' ? 3 : 2
      assert.equal(await backend.cleanupOldJobs(), ended)
      assert.equal(await collection.countDocuments(), old.length + young.length - ended)
      assert.equal(
        await collection.countDocuments({ _id: { $in: young.map(({ _id }) => _id) } }),
        young.length,
      )
    })

    test('ended ones are retried, waiting ones promoted and put off, and all but active ones removed', async (t) => {
      const { active, pending, ...ended } = oldJobs(era)
      const { backend, collection } = await collectionWith(t, [active, pending, ...Object.values(ended)])
      assert.deepEqual(await backend.retry(active._id), { status: 'wrong-status', jobStatus: 'active' })
      assert.deepEqual(await backend.reschedule(pending._id, { delay: DAY_MS }), { status: 'rescheduled' })
      assert.equal(await backend.claimNext('work'), null)
      assert.deepEqual(await backend.promote(pending._id), { status: 'promoted' })
      assert.equal((await backend.claimNext('work')).id, pending._id)
      for (const { _id: id, status } of Object.values(ended)) {
        assert.deepEqual(await backend.retry(id), { status: 'retried' }, status)
        const job = await backend.claimNext('work')
        assert.deepEqual([job.id, job.attempt, job.data, job.failReason], [id, 1, { from: era }, undefined])
        assert.deepEqual(await backend.complete(id, job.claimToken), { status: 'completed' })
        assert.deepEqual(await backend.remove(id), { status: 'removed' })
      }
      assert.deepEqual(await backend.remove(active._id), { status: 'wrong-status', jobStatus: 'active' })
      assert.equal(await collection.countDocuments(), 2)
    })

    test('a log that grew without bound is read whole, and bounded by the next line', async (t) => {
      const logs = Array.from({ length: 1500 }, (_, n) => ({ timestamp: new Date(n), message: `line ${n}` }))
      const { backend } = await collectionWith(t, [{ ...oldJobs(era).active, _id: 'chatty', logs }])
      assert.deepEqual((await backend.findOne({ id: 'chatty' })).logs, logs)
      await backend.log('chatty', 'the last line')
      const bounded = (await backend.findOne({ id: 'chatty' })).logs.map(({ message }) => message)
      assert.deepEqual([bounded.length, bounded[0], bounded.at(-1)], [1000, 'line 501', 'the last line'])
    })
  })
}

test('the sweeps of a worker leave an old worker’s run its whole visibility timeout', async (t) => {
  const actives = ['0.1', '0.3'].flatMap((era) => [
    { ...oldJobs(era, { activeForMs: LOST }).active, _id: `abandoned by ${era}` },
    { ...oldJobs(era, { activeForMs: ALIVE }).active, _id: `running on ${era}` },
  ])
  const { backend } = await onCollection(t, '0.3', actives)
  const handled = []
  const queue = new JobQueue(backend, undefined, {
    onJobEvent: (event) => event.kind === 'reaper-recovered' && handled.push(event.handled),
  })
  atEnd(t, () => queue.shutdown(5000))
  const ran = []
  await new Promise((resolve) =>
    queue.process('work', (job) => {
      if (ran.push(job.id) === 2) resolve()
    }),
  )
  assert.deepEqual(ran.sort(), ['abandoned by 0.1', 'abandoned by 0.3'])
  // Workers are woken before the sweep that found their jobs is told of.
  await pollUntil('the sweep is told of', () => handled.length > 0)
  assert.deepEqual(handled, [2])
  for (const era of ['0.1', '0.3'])
    assert.equal((await backend.findOne({ id: `running on ${era}` })).status, 'active')
})

test('an old worker’s heartbeats keep its run from our sweeps, for longer than the visibility timeout', async (t) => {
  const { backend, collection } = await onCollection(t, '0.3', [oldJob('0.3', { _id: 'long' })])
  const old = new OldPackage(collection, '0.3')
  const job = await old.claim('work')
  const pass = (ms) =>
    collection.updateOne({ _id: 'long' }, [
      {
        $set: { claimedAt: { $dateSubtract: { startDate: '$claimedAt', unit: 'millisecond', amount: ms } } },
      },
    ])
  for (let passedMs = 0; passedMs <= 3 * OLD_TIMEOUT_MS; passedMs += ALIVE) {
    await pass(ALIVE)
    assert.equal(await backend.recoverStuckJobs(), 0)
    assert.equal(await old.heartbeat(job), true)
  }
  await pass(LOST)
  assert.equal(await backend.recoverStuckJobs(), 1)
  // Too late: the next heartbeat finds the lease gone, and revives nothing.
  assert.equal(await old.heartbeat(job), false)
  const { id, claimToken } = await backend.claimNext('work')
  assert.equal(await old.heartbeat(job), false)
  assert.equal(await old.complete(job), false)
  assert.deepEqual(await backend.complete(id, claimToken), { status: 'completed' })
})
