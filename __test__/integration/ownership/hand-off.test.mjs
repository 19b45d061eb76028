/** Jobs that are made as claimed, as a processor of the same process is idle. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { letPass } from '../../support/time.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { app } from '../../support/app.mjs'
import { deferred } from '../../support/async.mjs'
import { atEnd } from '../../support/cleanup.mjs'

/** The statuses that jobs of the app are inserted with from now on, by type. */
async function watched(t, { jobs }) {
  const stream = jobs.watch([{ $match: { operationType: 'insert' } }])
  const inserted = []
  stream.on('change', ({ fullDocument }) => inserted.push(fullDocument))
  atEnd(t, () => stream.close())
  // The stream is open once it has shown something.
  await pollUntil('the stream is open', async () => {
    await jobs.insertOne({ _id: `probe-${Math.random()}`, type: 'probe', status: 'completed' })
    return inserted.length > 0
  })
  return (type) => inserted.filter((job) => job.type === type)
}

/** Makes a processor and waits until it has found nothing to do. */
async function idleProcessor(queue, type, handler, config) {
  const processor = queue.process(type, handler, config)
  await letPass(300, 'the first looks of a processor, after which it is idle')
  return processor
}

test('a job is inserted as claimed where a processor is idle, and runs once', async (t) => {
  const world = await app(t)
  const { queue, stored } = world
  const insertedOf = await watched(t, world)
  const seen = []
  await idleProcessor(queue, 't', (job) => void seen.push(job))
  const id = await queue.enqueue('t', { a: 1 })
  await pollUntil('it has run', async () => (await stored(id)).status === 'completed')
  await pollUntil('its insert is seen', () => insertedOf('t').length === 1)
  const [made] = insertedOf('t')
  assert.deepEqual([made.status, made.attempt, made.lease.token], ['active', 1, made.claimToken])
  assert.deepEqual(
    seen.map((job) => [job.id, job.attempt, job.status, job.data]),
    [[id, 1, 'active', { a: 1 }]],
  )
})

test('code that follows an enqueue runs before the handler starts', async (t) => {
  const { queue } = await app(t)
  const order = []
  await idleProcessor(queue, 't', () => void order.push('handler'), { concurrency: 5 })
  for (let round = 0; round < 20; round += 1) {
    order.length = 0
    await queue.enqueue('t', round)
    order.push('caller')
    await pollUntil('it has run', () => order.includes('handler'))
    assert.deepEqual(order, ['caller', 'handler'])
  }
})

test('many calls at once hand off as many as there are slots; all run, each once', async (t) => {
  const world = await app(t)
  const { queue, jobs } = world
  const insertedOf = await watched(t, world)
  const runs = new Map()
  let atOnce = 0
  let most = 0
  const handler = async (job) => {
    runs.set(job.id, (runs.get(job.id) ?? 0) + 1)
    most = Math.max(most, (atOnce += 1))
    await letPass(5, 'a handler that takes a while')
    atOnce -= 1
  }
  await idleProcessor(queue, 't', handler, { concurrency: 3 })
  const ids = await Promise.all(Array.from({ length: 60 }, (_, n) => queue.enqueue('t', n)))
  await pollUntil(
    'all have run',
    async () => (await jobs.countDocuments({ type: 't', status: 'completed' })) === 60,
  )
  assert.deepEqual(new Set(runs.keys()), new Set(ids))
  assert.deepEqual(new Set(runs.values()), new Set([1]))
  assert.equal(most, 3)
  await pollUntil('all inserts are seen', () => insertedOf('t').length === 60)
  const handedOff = insertedOf('t').filter(({ status }) => status === 'active').length
  assert.ok(handedOff >= 1 && handedOff <= 3, `${handedOff} of them were handed off`)
})

test('some jobs are never handed off', async (t) => {
  const world = await app(t)
  const { queue, inTransaction } = world
  const insertedOf = await watched(t, world)
  await idleProcessor(queue, 't', () => {}, { concurrency: 50 })
  const cases = [
    { delay: 20 },
    { runAt: new Date(Date.now() + 20) },
    { id: 'own' },
    { dedupeKey: 'a', dedupeScope: 'pending' },
    { dedupeKey: 'b', dedupeForMs: 1000 },
  ]
  for (const options of cases) {
    await queue.enqueue('t', 1, options)
    await letPass(30, 'so that the processor is idle again')
  }
  await inTransaction((session) => queue.enqueue('t', 1, { session }))
  await pollUntil('all inserts are seen', () => insertedOf('t').length === cases.length + 1)
  assert.deepEqual(new Set(insertedOf('t').map(({ status }) => status)), new Set(['pending']))
})

test('a job that is due and waits goes first', async (t) => {
  const { queue } = await app(t)
  const order = []
  const first = deferred()
  await idleProcessor(queue, 't', async (job) => {
    order.push(job.data)
    if (job.data === 'busy') await first.promise
  })
  await queue.enqueue('t', 'busy')
  await pollUntil('it runs', () => order.length === 1)
  await queue.enqueue('t', 'late', { priority: 5 })
  await queue.enqueue('t', 'soon', { priority: -5 })
  first.resolve()
  await pollUntil('all have run', () => order.length === 3)
  assert.deepEqual(order, ['busy', 'soon', 'late'])
})

test('a key is held by a job that was handed off', async (t) => {
  const { queue, stored } = await app(t)
  const may = deferred()
  await idleProcessor(queue, 't', () => may.promise)
  const id = await queue.enqueue('t', 1, { dedupeKey: 'k' })
  assert.equal(await queue.enqueue('t', 2, { dedupeKey: 'k' }), null)
  assert.deepEqual(await queue.enqueueDetailed('t', 2, { dedupeKey: 'k' }), { status: 'duplicate', id })
  may.resolve()
  await pollUntil('it has run', async () => (await stored(id)).status === 'completed')
  assert.notEqual(await queue.enqueue('t', 3, { dedupeKey: 'k' }), null)
})

test('a shutdown between the insert and the start gives the job back, with its attempt', async (t) => {
  const { queue, jobs, backend } = await app(t)
  const started = []
  await idleProcessor(queue, 't', (job) => void started.push(job.id), { concurrency: 20 })
  const calls = Array.from({ length: 20 }, (_, n) => queue.enqueue('t', n))
  const ended = queue.shutdown(1000)
  const ids = (await Promise.allSettled(calls)).map(({ value }) => value).filter((id) => id !== undefined)
  await ended
  await backend.shutdown(1000)
  for (const { _id, status, attempt } of await jobs.find({ _id: { $in: ids } }).toArray()) {
    if (started.includes(_id)) assert.equal(status, 'completed')
    else assert.deepEqual([status, attempt], ['pending', 0])
  }
})

test('a stopped, a paused and a full processor is handed nothing', async (t) => {
  const world = await app(t)
  const { queue, stored } = world
  const processor = await idleProcessor(queue, 't', () => assert.fail('it was stopped'))
  await processor.stop()
  const id = await queue.enqueue('t', 1)
  assert.equal((await stored(id)).status, 'pending')
  const none = await idleProcessor(queue, 'u', () => {}, { concurrency: 0 })
  const other = await queue.enqueue('u', 1)
  assert.equal((await stored(other)).status, 'pending')
  none.setConcurrency(1)
  await pollUntil('it has run', async () => (await stored(other)).status === 'completed')
})

test('a rule of the collection about claimed jobs is no reason to refuse one', async (t) => {
  const { queue, db, jobs, stored } = await app(t)
  await idleProcessor(queue, 't', () => {})
  const validator = { $or: [{ status: { $ne: 'active' } }, { claimedAt: { $gt: new Date('2100-01-01') } }] }
  await db.command({ collMod: jobs.collectionName, validator, validationAction: 'error' })
  const id = await queue.enqueue('t', 1)
  assert.equal((await stored(id)).status, 'pending')
})
