/** Jobs that are cancelled while workers in processes of their own run them, end, or die. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { elsewhere } from '../../support/elsewhere.mjs'
import { jobs } from '../../support/jobs.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { letPass } from '../../support/time.mjs'
import { heardOut, startWorker, startWorkers } from '../../support/workers/workers.mjs'

const NEVER = 3_600_000
const LEASE_MS = 500
const WHY = { reason: 'withdrawn' }
/** Nothing but durabl holds the process, so that it ends when it is asked to. */
const OWN = { ownConnection: true }
const EXCLUSIVE = { dedupeKey: 'k' }

/** Workers of the type `work`. */
const working = (handler, { config, ...args } = {}) => ({
  processors: { work: { handler, config: { pollInterval: 100, ...config }, ...args } },
})

function assertCancelled({ status, ending, failReason }, message) {
  assert.deepEqual([status, ending, failReason], ['failed', 'cancelled', 'withdrawn'], message)
}

const startsOf = (workers, id) =>
  workers.flatMap((worker) => worker.all('started', ({ job }) => job === id)).length

describe('a job that is cancelled', () => {
  test('in the instant of its completion ends either way, and its callers are told which', async (t) => {
    const { queue, config, stored, whenDone } = await jobs(t)
    const push = { backend: { useChangeStreams: true } }
    const workers = await startWorkers(t, 2, {
      ...config,
      ...push,
      ...working('varied', { ms: 12, config: { concurrency: 8 } }),
    })
    const ended = { completed: 0, cancelled: 0 }
    const answers = {}
    const isOneSided = () => ended.completed === 0 || ended.cancelled === 0
    for (let round = 0; round < 15 || (isOneSided() && round < 100); round += 1) {
      const ids = await Promise.all(Array.from({ length: 12 }, (_, n) => queue.enqueue('work', { n })))
      await letPass(round % 25, 'they begin and end while the calls are under way')
      const told = await Promise.all(ids.map((id) => queue.cancel(id, WHY)))
      await whenDone()
      for (const [n, { status, terminalStatus }] of told.entries()) {
        const job = await stored(ids[n])
        const answer = terminalStatus ?? status
        answers[answer] = (answers[answer] ?? 0) + 1
        if (answer === 'completed') assert.equal(job.status, 'completed')
        else assertCancelled(job, answer)
        ended[job.status === 'completed' ? 'completed' : 'cancelled'] += 1
      }
    }
    await heardOut(workers)
    t.diagnostic(JSON.stringify(answers))
    assert.ok(ended.completed > 0 && ended.cancelled > 0, JSON.stringify(ended))
    const events = (kind) => workers.flatMap((worker) => worker.all(kind)).length
    assert.equal(events('event:completed'), ended.completed, 'no process was told otherwise')
  })

  test('ends so when its worker shuts down before its handler has ended', async (t) => {
    const { queue, config, stored, whenJob } = await jobs(t)
    const signals = { timeoutMs: 300 }
    const worker = await startWorker(t, { ...config, ...OWN, ...working('deaf', { ms: 2000 }), signals })
    const id = await queue.enqueue('work', {}, EXCLUSIVE)
    await worker.next('started')
    assert.deepEqual(await queue.cancel(id, WHY), { status: 'requested' })
    assert.equal(await queue.enqueue('work', {}, EXCLUSIVE), null, 'its key is held')
    worker.signal('SIGTERM')
    await worker.exited
    assertCancelled(await whenJob(id, 'failed'))
    const other = await startWorker(t, { ...config, ...working('nothing') })
    const next = await queue.enqueue('work', {}, EXCLUSIVE)
    await whenJob(next, 'completed')
    await heardOut([other])
    assert.equal(startsOf([other], id), 0)
    assertCancelled(await stored(id))
  })

  test('that its worker is asked for as it shuts down ends as its handler does', async (t) => {
    const { queue, config, whenJob } = await jobs(t)
    const signals = { timeoutMs: 10_000 }
    const worker = await startWorker(t, { ...config, ...OWN, ...working('sleep', { ms: 600 }), signals })
    const id = await queue.enqueue('work', {})
    await worker.next('started')
    worker.signal('SIGTERM')
    assert.deepEqual(await queue.cancel(id, WHY), { status: 'requested' })
    assertCancelled(await whenJob(id, 'failed'))
    assert.deepEqual(await worker.exited, { code: 0, signal: null })
  })

  test('is ended by the reaper once its worker was killed, and never runs again', async (t) => {
    const { queue, config, whenJob } = await jobs(t)
    const lease = { queue: { visibilityTimeoutMs: LEASE_MS } }
    const victim = await startWorker(t, { ...config, ...lease, ...working('deaf') })
    const id = await queue.enqueue('work', {}, EXCLUSIVE)
    await victim.next('started')
    assert.deepEqual(await queue.cancel(id, WHY), { status: 'requested' })
    await victim.kill()
    assert.equal(await queue.enqueue('work', {}, EXCLUSIVE), null, 'its lease lasts, and so does its key')
    const other = await startWorker(t, { ...config, ...lease, ...working('nothing') })
    assertCancelled(await whenJob(id, 'failed'))
    await whenJob(await queue.enqueue('work', {}, EXCLUSIVE), 'completed')
    await heardOut([other])
    assert.equal(startsOf([other], id), 0)
  })

  test('in its transaction has moved all of its money or none', async (t) => {
    const { queue, config, db, collection, stored } = await jobs(t)
    const processors = { transfer: { handler: 'transfer', ms: 60, heeds: true, config: { concurrency: 4 } } }
    const worker = await startWorker(t, {
      ...config,
      backend: { useChangeStreams: true },
      processors,
    })
    const [accounts, ledger] = [db.collection('accounts'), db.collection('ledger')]
    await ledger.insertOne({ _id: 'made before the first transaction' })
    const places = Array.from({ length: 24 }, (_, n) => n)
    await accounts.insertMany(
      places.flatMap((n) => [
        { _id: `from-${n}`, balance: 10 },
        { _id: `to-${n}`, balance: 0 },
      ]),
    )
    const ids = []
    for (const n of places) {
      const id = await queue.enqueue('transfer', { from: `from-${n}`, to: `to-${n}`, amount: 10 })
      ids.push(id)
      await worker.next('halfway', ({ job }) => job === id)
      await letPass((n % 6) * 15, 'the transaction goes on, and is over by the last of these')
      await queue.cancel(id, WHY)
    }
    const open = { type: 'transfer', status: { $in: ['pending', 'active'] } }
    await pollUntil('all have ended', async () => (await collection.countDocuments(open)) === 0)
    const ended = { completed: 0, failed: 0 }
    for (const [n, id] of ids.entries()) {
      const job = await stored(id)
      ended[job.status] += 1
      const hasMoved = job.status === 'completed'
      if (!hasMoved) assertCancelled(job)
      const [from, to] = await Promise.all([`from-${n}`, `to-${n}`].map((_id) => accounts.findOne({ _id })))
      assert.deepEqual([from.balance, to.balance], hasMoved ? [0, 10] : [10, 0], job.status)
      assert.equal(await ledger.countDocuments({ _id: id }), hasMoved ? 1 : 0)
    }
    t.diagnostic(JSON.stringify(ended))
    assert.ok(ended.completed > 0 && ended.failed > 0, JSON.stringify(ended))
  })
})

describe('two operators at once', () => {
  test('cancel each waiting job once between them', async (t) => {
    const { queue, config, collection } = await jobs(t)
    const { queue: other } = await elsewhere(t, config)
    for (let n = 0; n < 200; n += 1) await queue.enqueue('work', { n })
    const results = await Promise.all([queue, other].map((one) => one.cancelMany({ status: 'pending' })))
    assert.equal(results[0].changed + results[1].changed, 200)
    assert.equal(await collection.countDocuments({ status: 'failed', ending: 'cancelled' }), 200)
  })

  test('cancel none that has run', async (t) => {
    const { queue, config, collection, whenDone } = await jobs(t)
    const { queue: other } = await elsewhere(t, config)
    const ids = await Promise.all(
      Array.from({ length: 200 }, (_, n) => queue.enqueue('work', { n }, { priority: n })),
    )
    const worker = await startWorker(t, { ...config, ...working('varied', { ms: 8 }) })
    await worker.next('ended')
    await Promise.all([queue, other].map((one) => one.cancelMany({ status: 'pending' })))
    await whenDone()
    await heardOut([worker])
    const count = (filter) => collection.countDocuments(filter)
    const cancelled = await count({ status: 'failed', ending: 'cancelled' })
    assert.equal(cancelled + (await count({ status: 'completed' })), ids.length)
    assert.ok(cancelled > 0)
    const completed = worker.all('event:completed').map(({ jobId }) => jobId)
    assert.equal(await count({ _id: { $in: completed }, status: 'completed' }), completed.length)
  })

  test('that promote jobs start each of them once', async (t) => {
    const { queue, config, whenDone } = await jobs(t)
    const { queue: other } = await elsewhere(t, config)
    const workers = await startWorkers(t, 2, { ...config, ...working('nothing') })
    const ids = await Promise.all(
      Array.from({ length: 60 }, (_, n) => queue.enqueue('work', { n }, { delay: NEVER })),
    )
    const told = await Promise.all(ids.flatMap((id) => [queue.promote(id), other.promote(id)]))
    const isPromoted = ({ status }) => status === 'promoted'
    for (let n = 0; n < ids.length; n += 1) assert.ok(told.slice(2 * n, 2 * n + 2).some(isPromoted))
    await whenDone()
    await heardOut(workers)
    for (const id of ids) assert.equal(startsOf(workers, id), 1)
  })
})

test('a promoted job of a paused type outlives its workers, and waits for the resume', async (t) => {
  const { queue, config, stored, whenJob } = await jobs(t)
  await queue.pause('work')
  const id = await queue.enqueue('work', {}, { delay: NEVER })
  const victims = await startWorkers(t, 2, { ...config, ...working('nothing') })
  assert.deepEqual(await queue.promote(id), { status: 'promoted' })
  await letPass(300, 'the workers have looked for work')
  await Promise.all(victims.map((worker) => worker.kill()))
  const other = await startWorker(t, { ...config, ...working('nothing') })
  await letPass(300, 'the next one has looked as well')
  assert.equal((await stored(id)).status, 'pending')
  await queue.resume('work')
  await whenJob(id, 'completed')
  await heardOut([...victims, other])
  assert.equal(startsOf([...victims, other], id), 1)
})

test('a worker of an older version that leaves the mark on a waiting job starts nothing by it', async (t) => {
  const { queue, config, collection, whenJob, whenDone } = await jobs(t)
  const ids = await Promise.all(Array.from({ length: 8 }, (_, n) => queue.enqueue('work', { n })))
  // It gives back what it holds, and knows no field of a cancellation.
  const mark = { cancelRequestedAt: new Date(), cancelReason: 'withdrawn' }
  const marked = ids.filter((_, n) => n % 2 === 0)
  await collection.updateMany({ _id: { $in: marked } }, { $set: mark })
  const worker = await startWorker(t, { ...config, ...working('nothing', { config: { concurrency: 4 } }) })
  for (const id of marked) assertCancelled(await whenJob(id, 'failed'))
  await whenDone()
  await heardOut([worker])
  for (const [n, id] of ids.entries()) assert.equal(startsOf([worker], id), n % 2)
  const [again] = marked
  assert.deepEqual(await queue.retry(again), { status: 'retried' })
  await whenJob(again, 'completed')
})
