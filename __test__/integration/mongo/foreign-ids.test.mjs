/** Jobs that an app made with the driver, under ids that are ObjectIds, while handlers run. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JobQueue } from 'durabl'
import { ObjectId } from 'mongodb'
import { atEnd } from '../../support/cleanup.mjs'
import { elsewhere } from '../../support/elsewhere.mjs'
import { SILENT, jobs } from '../../support/jobs.mjs'
import { pollUntil } from '../../support/wait.mjs'

const NEVER = 3_600_000
const WHY = { reason: 'withdrawn' }

/** A queue whose handlers tell what they were given, and documents that the app inserts. */
async function running(t, handler) {
  const { backend, collection, config } = await jobs(t)
  const queue = new JobQueue(backend, SILENT, { autoRecover: false })
  atEnd(t, () => queue.shutdown(1000))
  const started = []
  const own = { results: 'keep', pollInterval: 50, concurrency: 4 }
  queue.process(
    'work',
    (job, ctx) => {
      started.push(job.id)
      return handler(job, ctx)
    },
    own,
  )
  const insert = async (fields = {}) => {
    const _id = new ObjectId()
    const now = new Date()
    const job = { type: 'work', data: {}, priority: 0, attempt: 0, maxAttempts: 3, createdAt: now, logs: [] }
    await collection.insertOne({ _id, ...job, status: 'pending', runAt: now, ...fields })
    return _id
  }
  return { queue, backend, collection, started, insert, operator: (await elsewhere(t, config)).queue }
}

test('a handler of a job with an ObjectId logs, tells its progress and leaves its result', async (t) => {
  const { queue, collection, started, insert } = await running(t, async (job, ctx) => {
    await ctx.log(`begun by ${job.id}`)
    await ctx.progress({ part: 1 })
    return { pages: 3 }
  })
  const _id = await insert()
  const id = _id.toHexString()
  assert.deepEqual(await queue.waitFor(id, { timeoutMs: 20_000 }), {
    status: 'completed',
    result: { pages: 3 },
  })
  assert.deepEqual(started, [id])
  const job = await queue.getJob(id)
  assert.deepEqual([job.id, job.status, job.progress], [id, 'completed', { part: 1 }])
  assert.ok(job.logs.some(({ message }) => message === `begun by ${id}`))
  assert.equal((await collection.findOne({ _id })).status, 'completed')
  assert.equal(await collection.countDocuments(), 1, 'no other document stands under its text')
  assert.deepEqual(await queue.retry(id), { status: 'retried' })
  await pollUntil('it has run again', () => started.length === 2)
  assert.equal((await queue.waitFor(id, { timeoutMs: 20_000 })).status, 'completed')
  assert.equal((await collection.findOne({ _id })).attempt, 1)
})

for (const who of ['queue', 'operator']) {
  test(`a running job with an ObjectId is cancelled by the ${who === 'queue' ? 'same' : 'another'} process`, async (t) => {
    const aborted = []
    const world = await running(t, async (job, { signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      aborted.push(signal.reason.code)
      throw signal.reason
    })
    const _id = await world.insert()
    const id = _id.toHexString()
    await pollUntil('it runs', () => world.started.length === 1)
    const wrong = { status: 'wrong-status', jobStatus: 'active' }
    for (const one of ['retry', 'promote', 'remove']) assert.deepEqual(await world[who][one](id), wrong, one)
    assert.deepEqual(await world[who].reschedule(id, { delay: 1 }), wrong)
    assert.deepEqual(await world[who].cancel(id, WHY), { status: 'requested' })
    const end = { status: 'failed', ending: 'cancelled', failReason: 'withdrawn' }
    assert.deepEqual(await world[who].waitFor(id, { timeoutMs: 20_000 }), end)
    assert.deepEqual(aborted, ['ERR_DURABL_CANCELLED'])
    assert.equal((await world.collection.findOne({ _id })).ending, 'cancelled')
    assert.deepEqual(await world[who].cancel(id), { status: 'already-terminal', terminalStatus: 'failed' })
  })
}

test('a waiting job with an ObjectId is promoted or rescheduled into a run, and counted by calls for many', async (t) => {
  const { queue, started, insert, collection } = await running(t, async () => 'it ran')
  const later = { runAt: new Date(Date.now() + NEVER) }
  const [promoted, moved, left] = [await insert(later), await insert(later), await insert(later)].map(String)
  assert.deepEqual(await queue.promote(promoted), { status: 'promoted' })
  assert.deepEqual(await queue.reschedule(moved, { delay: 0, priority: 3 }), { status: 'rescheduled' })
  for (const id of [promoted, moved]) {
    assert.deepEqual(await queue.waitFor(id, { timeoutMs: 20_000 }), {
      status: 'completed',
      result: 'it ran',
    })
  }
  assert.deepEqual(started.toSorted(), [promoted, moved].toSorted())
  const cancelled = await queue.cancelMany({ status: 'pending', type: 'work' })
  assert.deepEqual([cancelled.matched, cancelled.changed], [1, 1])
  assert.equal((await queue.getJob(left)).ending, 'cancelled')
  const removed = await queue.removeMany({ ids: [promoted, moved, left] })
  assert.deepEqual([removed.changed, await collection.countDocuments()], [3, 0])
})

test('a transaction completes a job with an ObjectId, and a drained follower is run as any other', async (t) => {
  const { backend, queue, collection, insert } = await running(t, (job, ctx) =>
    ctx.transaction(async (session) => {
      await collection.updateOne({ _id: job.id }, { $set: { written: true } }, { session, upsert: true })
      return 'in one'
    }),
  )
  const id = String(await insert())
  assert.deepEqual(await queue.waitFor(id, { timeoutMs: 20_000 }), { status: 'completed', result: 'in one' })
  assert.equal((await collection.findOne({ _id: id })).written, true)
  const key = { dedupeKey: 'k', dedupeScope: 'pending' }
  const handle = await backend.claimOrEnqueue('other', {}, key)
  const other = await insert({ type: 'other', ...key })
  const runs = []
  await queue.runClaimed(handle, async (job, ctx) => {
    await ctx.log('it runs')
    runs.push([job.id, await ctx.heartbeat()])
  })
  assert.deepEqual(
    runs,
    [handle.id, other.toHexString()].map((claimed) => [claimed, 'applied']),
  )
  const { status, logs } = await collection.findOne({ _id: other })
  assert.deepEqual([status, logs.some(({ message }) => message === 'it runs')], ['completed', true])
})

test('claims by hand of a job with an ObjectId are settled and logged by the text of its id', async (t) => {
  const { backend, collection } = await jobs(t)
  const queue = new JobQueue(backend, SILENT, { autoRecover: false })
  atEnd(t, () => queue.shutdown(1000))
  const _id = new ObjectId()
  const base = {
    type: 'work',
    data: 1,
    priority: 0,
    attempt: 0,
    maxAttempts: 3,
    createdAt: new Date(),
    logs: [],
  }
  await collection.insertOne({ _id, ...base, status: 'pending', runAt: new Date(0) })
  const claimed = await backend.claimNext('work')
  assert.equal(claimed.id, _id.toHexString())
  await backend.log(claimed.id, 'by hand', claimed.claimToken)
  await backend.progress(claimed.id, 0.5, claimed.claimToken)
  assert.equal(await backend.heartbeat(claimed.id, claimed.claimToken), 'applied')
  assert.equal(await backend.batchHeartbeat([claimed.id]), 1)
  assert.deepEqual(await backend.complete(claimed.id, claimed.claimToken), { status: 'completed' })
  const job = await queue.getJob(claimed.id)
  assert.deepEqual([job.status, job.progress], ['completed', 0.5])
  assert.ok(job.logs.some(({ message }) => message === 'by hand'))
})
