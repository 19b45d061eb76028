/** Claims made by hand: how long they last, and what `runClaimed` makes of them, in several processes. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { JobQueue } from 'durabl'
import { deferred, eventLog } from '../../support/async.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { SILENT, jobs } from '../../support/jobs.mjs'
import { assertNoOverlap, runsOf } from '../../support/runs.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { heardOut, now, startWorker, startWorkers } from '../../support/workers/workers.mjs'

const KEY = { dedupeKey: 'k', dedupeScope: 'pending' }
const SECOND = 1000

describe('runClaimed', { concurrency: true }, () => {
  test('drains the followers that other processes leave, the last one with the latest payload', async (t) => {
    const { queue, collection, config, whenDone } = await jobs(t)
    const latest = { ...KEY, coalesce: 'latest' }
    const others = await startWorkers(t, 2, config)
    const seen = []
    const handle = await queue.claimOrEnqueue('work', 'first', KEY)
    await queue.runClaimed(handle, async ({ data }) => {
      seen.push(data)
      if (data !== 'first') return
      for (const [n, other] of others.entries()) {
        // The first of these makes the follower, and tells so in the same way.
        for (const call of ['claimOrEnqueue', 'enqueue'])
          assert.equal(await other.call('queue', call, 'work', `${call} ${n}`, latest), null)
      }
    })
    await whenDone()
    assert.deepEqual(seen, ['first', 'enqueue 1'])
    assert.equal(await collection.countDocuments({ status: 'completed', attempt: 1 }), 2)
  })

  test('leaves what is beyond maxDrains to a processor elsewhere', async (t) => {
    const { queue, config, collection, whenDone } = await jobs(t)
    const worker = await startWorker(t, {
      ...config,
      processors: { work: { handler: 'nothing', config: { pollInterval: 100 } } },
    })
    const mine = []
    const handle = await queue.claimOrEnqueue('work', 0, KEY)
    const more = async ({ data, id }) => {
      mine.push(id)
      // As long as it is mine, there is always one more.
      await queue.enqueue('work', data + 1, KEY)
    }
    await queue.runClaimed(handle, more, { maxDrains: 2 })
    await whenDone()
    await heardOut([worker])
    const theirs = worker.all('started').map(({ job }) => job)
    assert.ok(mine.length >= 1 && mine.length <= 3, `${mine.length} were drained here`)
    assert.equal(new Set([...mine, ...theirs]).size, mine.length + theirs.length, 'no job ran twice')
    assert.equal(await collection.countDocuments({ status: 'completed' }), mine.length + theirs.length)
  })

  test('of many at once under one key, in several processes, runs one at a time', async (t) => {
    const { config, whenDone } = await jobs(t)
    const workers = await startWorkers(t, 3, config)
    const call = { count: 20, type: 'work', options: { ...KEY, backoffDelay: 1 }, always: 'runClaimed' }
    await Promise.all(workers.map((worker) => worker.call('worker', 'race', call)))
    // A job that is enqueued behind the last run of all is not drained: it waits for a processor.
    await startWorker(t, { ...config, processors: { work: { handler: 'nothing' } } })
    await whenDone()
    await heardOut(workers)
    const runs = runsOf(workers)
    assert.ok(runs.length > 0)
    assertNoOverlap(runs, 'key')
  })

  test('keeps its lease as short as a processor does, and so is taken over soon when its process dies', async (t) => {
    const { config, stored } = await jobs(t)
    const victim = await startWorker(t, { ...config, queue: { visibilityTimeoutMs: SECOND } })
    // The survivor's own visibility timeout is five minutes: it goes by the lease that it finds.
    const survivor = await startWorker(t, { ...config, processors: { work: { handler: 'nothing' } } })
    await victim.call('worker', 'begin', 'claimAndRun', 'work', 'hang')
    const { job } = await victim.next('started')
    assert.equal((await stored(job)).lease.ms, SECOND)
    await victim.kill()
    const killedAt = now()
    const again = await survivor.next('started')
    assert.deepEqual([again.job, again.attempt], [job, 2])
    assert.ok(again.at - killedAt < 15 * SECOND, `it took ${again.at - killedAt} ms`)
  })
})

describe('a claim made by hand', { concurrency: true }, () => {
  const FIVE_MINUTES = 300 * SECOND

  /** Active jobs as different holders leave them, claimed so long ago. */
  async function plant(collection, ageMs) {
    const claimedAt = new Date(Date.now() - ageMs)
    const common = { type: 'work', data: 1, status: 'active', priority: 0, maxAttempts: 3, runAt: claimedAt }
    const job = (_id, fields) => ({
      _id: `${_id} ${ageMs}`,
      ...common,
      createdAt: claimedAt,
      claimedAt,
      logs: [],
      ...fields,
    })
    const documents = [
      job('by an early version', { attempt: 1 }),
      job('by an early version, with nulls', { attempt: 1, claimToken: null, dedupeKey: null, lease: null }),
      job('by the TypeScript package', { attempt: 1, claimToken: 'theirs' }),
      job('by the TypeScript package, after a managed run', {
        ...{ attempt: 2, claimToken: 'theirs' },
        lease: { token: 'ours', attempt: 1, ms: SECOND },
      }),
      job('by the TypeScript package, with a lease of the same token', {
        ...{ attempt: 2, claimToken: 'theirs' },
        lease: { token: 'theirs', attempt: 1, ms: SECOND },
      }),
    ]
    await collection.insertMany(documents)
    return documents.map(({ _id }) => _id)
  }

  test('by any version keeps the whole visibility timeout, and no more', async (t) => {
    const { backend, collection, config } = await jobs(t)
    const young = await plant(collection, FIVE_MINUTES - 60 * SECOND)
    const old = await plant(collection, FIVE_MINUTES + SECOND)
    const managed = await backend.claimOrEnqueue('managed', {})
    await collection.updateOne({ _id: managed.id }, [
      {
        $set: {
          claimedAt: new Date(Date.now() - 21 * SECOND),
          lease: { token: '$claimToken', attempt: '$attempt', ms: 20 * SECOND },
        },
      },
    ])
    const worker = await startWorker(t, {
      ...config,
      processors: { work: { handler: 'nothing' }, managed: { handler: 'nothing' } },
    })
    for (const id of [...old, managed.id]) await worker.next('started', ({ job }) => job === id)
    const untouched = await collection.find({ _id: { $in: young } }).toArray()
    for (const { _id, status } of untouched) assert.equal(status, 'active', _id)
    assert.equal(untouched.length, young.length)
    assert.equal(await backend.recoverStuckJobs(), 0)
  })

  test('is renewed by its holder, and lost by a holder that does not', async (t) => {
    const { backend, queue, collection } = await jobs(t)
    const age = (id) =>
      collection.updateOne({ _id: id }, { $set: { claimedAt: new Date(Date.now() - 2 * SECOND) } })
    const handles = [await queue.claimOrEnqueue('work', 1), await queue.claimOrEnqueue('work', 2)]
    for (const { id } of handles) await age(id)
    assert.equal(await handles[0].heartbeat(), 'applied')
    assert.equal(await backend.recoverStuckJobs(SECOND), 1)
    assert.equal(await handles[1].heartbeat(), 'lease-lost')
    assert.deepEqual(await handles[0].complete(), { status: 'completed' })
    assert.deepEqual(await handles[1].complete(), { status: 'lease-lost' })
  })
})

describe('recovery', { concurrency: true }, () => {
  test('by several processes at once handles each job once', async (t) => {
    const { backend, collection, config, whenDone } = await jobs(t)
    const COUNT = 300
    for (let n = 0; n < COUNT; n += 1) await backend.enqueue('work', n)
    const worker = { ...config, queue: { visibilityTimeoutMs: 4 * SECOND } }
    const processors = { work: { handler: 'nothing', config: { concurrency: 4 } } }
    const dead = new Date(Date.now() - 60 * SECOND)
    const fields = { status: 'active', claimedAt: dead, claimToken: 'dead', attempt: 1 }
    await collection.updateMany({}, { $set: fields })
    const workers = await startWorkers(t, 4, { ...worker, processors })
    await whenDone()
    const handled = () =>
      workers
        .flatMap((each) => each.all('event:reaper-recovered'))
        .reduce((sum, event) => sum + event.handled, 0)
    await pollUntil('the sweeps have told what they did', async () => handled() >= COUNT)
    await heardOut(workers)
    assert.equal(handled(), COUNT)
    const runs = runsOf(workers)
    assert.equal(runs.length, COUNT)
    assert.equal(new Set(runs.map(({ job }) => job)).size, COUNT)
    assert.equal(await collection.countDocuments({ status: 'completed', attempt: 2 }), COUNT)
  })

  test('asked for by many at once handles each job once, and ends those that are used up', async (t) => {
    const { backend, collection } = await jobs(t)
    for (let n = 0; n < 40; n += 1) await backend.claimOrEnqueue('work', n, { maxAttempts: n % 2 ? 1 : 3 })
    await collection.updateMany({}, { $set: { claimedAt: new Date(0) } })
    const counts = await Promise.all(Array.from({ length: 8 }, () => backend.recoverStuckJobs(SECOND, 15)))
    do counts.push(await backend.recoverStuckJobs(SECOND, 15))
    while (counts.at(-1) > 0)
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      40,
    )
    const { pending, failed, active } = await backend.getStats()
    assert.deepEqual({ pending, failed, active }, { pending: 20, failed: 20, active: 0 })
  })

  test('is left alone where autoRecover is off', async (t) => {
    const { backend, collection, config } = await jobs(t)
    const log = eventLog()
    const queue = new JobQueue(backend, SILENT, {
      autoRecover: false,
      visibilityTimeoutMs: SECOND,
      onJobEvent: log.listener,
    })
    atEnd(t, () => queue.shutdown(0))
    const ran = deferred()
    queue.process('work', () => ran.resolve())
    const id = await backend.enqueue('work', {})
    await collection.updateOne(
      { _id: id },
      { $set: { status: 'active', claimedAt: new Date(0), claimToken: 'dead' } },
    )
    // Another process recovers it, and then it runs here.
    await startWorker(t, { ...config, processors: { other: { handler: 'nothing' } } })
    await ran.promise
    assert.ok(!log.kinds().includes('reaper-recovered'))
  })
})
