/**
 * Delayed and retried jobs start when they are due, by the server's clock: `claimedAt` and `runAt` are both its own. On an idle worker that is
 * within 50 ms. Here half of twenty jobs must start so, and all but two soon after, since other tests use the machine too. A machine that
 * stands still for a moment makes more of a round late, and seldom of several. A worker that finds its jobs by looking is late in every round.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import { jobs } from '../../support/jobs.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { startWorker } from '../../support/workers/workers.mjs'
import { deferred } from '../../support/async.mjs'
import { elsewhere } from '../../support/elsewhere.mjs'
import { operationsByType, record } from './support/profiler.mjs'

const JOBS = 20
const ROUNDS = 5
const ON_TIME_MS = 50
/** Less than an idle worker without push waits until it looks by itself. */
const SOON_MS = 100
/** No poll comes to help. */
const NEVER = 3_600_000

/** Waits until all these jobs are done; how late they were. */
async function latenesses(collection, ids) {
  const filter = { _id: { $in: ids }, status: 'completed' }
  await pollUntil('all have run', async () => (await collection.countDocuments(filter)) === JOBS, {
    everyMs: 50,
  })
  const done = await collection.find(filter).toArray()
  return done.map(({ runAt, claimedAt }) => claimedAt.getTime() - runAt.getTime()).sort((a, b) => a - b)
}

/**
 * Fails unless the jobs of some round start on time, and none of any round before it.
 *
 * @param makeJobs resolves to the ids of the jobs of a round
 */
async function assertOnTime(t, collection, makeJobs) {
  const rounds = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const late = await latenesses(collection, await makeJobs())
    const [median, ninthTenth] = [late[JOBS >> 1], late.at(-3)]
    t.diagnostic(`late by ${median} ms (median), ${ninthTenth} ms (ninth tenth), ${late.at(-1)} ms (worst)`)
    assert.ok(late[0] >= 0, `one ran ${-late[0]} ms before its time`)
    if (median <= ON_TIME_MS && ninthTenth <= SOON_MS) return
    rounds.push(late)
  }
  assert.fail(`late in every round:\n${rounds.map((late) => `${late.join(', ')} ms`).join('\n')}`)
}

/** Due one after the other, so that each is waited for. */
const delays = (first) => Array.from({ length: JOBS }, (_, i) => first + 70 * i)

function enqueueDelayed(queue, first) {
  // The last one first: a timer for a later job must give way.
  return Promise.all(
    delays(first)
      .toReversed()
      .map((delay) => queue.enqueue('work', null, { delay })),
  )
}

/** Jobs that their first attempts tell when to come again. */
async function enqueueToRetry(queue) {
  const ids = []
  for (const delay of delays(100)) {
    const options = { backoff: 'fixed', backoffDelay: delay, backoffMaxDelay: delay }
    ids.push(await queue.enqueue('work', null, options))
  }
  return ids
}

for (const useChangeStreams of [true, false]) {
  const how = useChangeStreams ? 'with push' : 'without push'

  test(`delayed jobs enqueued in the process that runs them start on time, ${how}`, async (t) => {
    const { queue, collection } = await jobs(t, { useChangeStreams })
    queue.process('work', async () => {}, { pollInterval: NEVER })
    await assertOnTime(t, collection, () => enqueueDelayed(queue, 100))
  })

  test(`delayed jobs enqueued before the worker started start on time, ${how}`, async (t) => {
    const { queue, collection, config } = await jobs(t)
    const processors = { work: { handler: 'nothing', config: { pollInterval: NEVER } } }
    let worker
    await assertOnTime(t, collection, async () => {
      // That of the round before would be told of them.
      await worker?.kill()
      const ids = await enqueueDelayed(queue, 4000)
      worker = await startWorker(t, { ...config, backend: { useChangeStreams }, processors })
      return ids
    })
  })

  test(`delayed jobs enqueued by another process start on time, ${how}`, async (t) => {
    const { queue, collection, config } = await jobs(t)
    // Without push only a poll can find out about them, before they are due.
    const config_ = { pollInterval: useChangeStreams ? NEVER : 200 }
    const processors = { work: { handler: 'nothing', config: config_ } }
    await startWorker(t, { ...config, backend: { useChangeStreams }, processors })
    await assertOnTime(t, collection, () => enqueueDelayed(queue, 600))
  })

  test(`retried jobs start on time, ${how}`, async (t) => {
    const { queue, collection } = await jobs(t, { useChangeStreams })
    const run = async (job) => {
      if (job.attempt < 2) throw new Error('not yet')
    }
    queue.process('work', run, { concurrency: JOBS, pollInterval: NEVER })
    await assertOnTime(t, collection, () => enqueueToRetry(queue))
  })
}

test('retried jobs start on time where no look comes meanwhile: the process that scheduled them knows when', async (t) => {
  const { db, collection, config } = await jobs(t)
  const { queue } = await elsewhere(t, config)
  let seldom
  const run = async (job) => {
    if (job.attempt > 1) return
    await seldom.promise
    throw new Error('not yet')
  }
  // There is room for more: the worker goes on looking, more and more seldom.
  queue.process('work', run, { concurrency: 2 * JOBS, pollInterval: NEVER })
  await assertOnTime(t, collection, async () => {
    await record(db)
    seldom = deferred()
    const ids = await enqueueToRetry(queue)
    await pollUntil('the last two looks are two seconds apart, and the next is four away', async () => {
      const looks = (await operationsByType(db, collection)).filter(({ kind }) => kind === 'aggregate')
      return looks.length > 1 && looks.at(-1).at - looks.at(-2).at > 2000
    })
    seldom.resolve()
    return ids
  })
})

test('a far future job does not hide a nearer one, nor a low priority a high one', async (t) => {
  const { queue, collection } = await jobs(t)
  queue.process('work', async () => {}, { pollInterval: NEVER })
  for (const priority of [-1, 0, 1]) await queue.enqueue('work', 'later', { priority, delay: 600_000 })
  await assertOnTime(t, collection, () =>
    Promise.all(delays(100).map((delay, i) => queue.enqueue('work', null, { delay, priority: (i % 5) - 2 }))),
  )
})
