/** Stored jobs as those see them who look at them: also documents of other versions, and with an app's own ways to read BSON. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import { Long, MongoClient, ObjectId } from 'mongodb'
import { testUrl } from '../../support/mongo.mjs'

const name = `durabl_looking_${randomUUID().slice(0, 8)}`
const client = await MongoClient.connect(testUrl())
after(async () => {
  await client.db(name).dropDatabase()
  await client.close()
})

let collections = 0

async function started(options = {}) {
  collections += 1
  const collectionName = `jobs_${collections}`
  const backend = new MongoJobQueue({ db: client.db(name, options), collectionName })
  after(() => backend.shutdown(1000))
  await backend.startup()
  return { backend, queue: new JobQueue(backend), jobs: client.db(name).collection(collectionName) }
}

const AT = new Date(1_700_000_000_000)

const WHOLE = {
  _id: 'whole',
  type: 't',
  data: { big: Long.fromString('9007199254740993') },
  status: 'failed',
  priority: 2,
  attempt: 1,
  maxAttempts: 3,
  runAt: AT,
  createdAt: AT,
  claimedAt: AT,
  failedAt: AT,
  failReason: 'cancelled by ann',
  claimToken: 'worker-7.a-secret.and-more',
  ending: 'cancelled',
  errors: [
    { attempt: 1, at: AT, reason: 'it broke', stack: 'Error: it broke\n    at x', worker: 'worker-7' },
  ],
  progress: { done: 3, of: 7 },
  result: { rows: 12 },
  timeoutMs: 5000,
  cancelRequestedAt: AT,
  cancelReason: 'by ann',
  expiresAt: AT,
  schedule: { id: 'nightly', occurrenceAt: AT },
  logs: [{ timestamp: AT, message: 'hello' }],
}

for (const [how, options] of [
  ['as most apps read it', {}],
  ['with values that stay BSON', { promoteValues: false }],
  ['with raw documents', { raw: true }],
]) {
  test(`all that is stored of a job is shown, but for its claim token, ${how}`, async () => {
    const { queue, jobs } = await started(options)
    await jobs.insertOne(WHOLE)
    const { data, progress, result, ...job } = await queue.getJob('whole')
    assert.deepEqual(
      { ...job },
      {
        id: 'whole',
        type: 't',
        status: 'failed',
        priority: 2,
        attempt: 1,
        maxAttempts: 3,
        runAt: AT,
        createdAt: AT,
        claimedAt: AT,
        failedAt: AT,
        failReason: 'cancelled by ann',
        ending: 'cancelled',
        worker: 'worker-7',
        errors: WHOLE.errors,
        timeoutMs: 5000,
        cancelRequestedAt: AT,
        cancelReason: 'by ann',
        expiresAt: AT,
        schedule: { id: 'nightly', occurrenceAt: AT },
        logs: WHOLE.logs,
      },
    )
    if (options.raw === undefined) {
      assert.equal(String(data.big), '9007199254740993')
      assert.equal(Number(progress.done), 3)
      assert.equal(Number(result.rows), 12)
    } else assert.ok([data, progress, result].every((value) => value instanceof Uint8Array))
    const { jobs: listed } = await queue.listJobs({ status: 'failed' })
    const ofDetailsOnly = new Set(['errors', 'logs', 'timeoutMs', 'cancelReason'])
    const summary = Object.entries(job).filter(([field]) => !ofDetailsOnly.has(field))
    assert.deepEqual(listed, [Object.fromEntries(summary)])
    const text = JSON.stringify([listed, job])
    assert.ok(!text.includes('secret') && !text.includes('claimToken'))
    assert.deepEqual(await queue.waitFor('whole'), {
      status: 'failed',
      ending: 'cancelled',
      failReason: 'cancelled by ann',
    })
  })
}

test('failed jobs of earlier versions have an ending, too', async () => {
  const { queue, jobs } = await started()
  const old = (id, attempt, rest) => ({
    _id: id,
    type: 't',
    status: 'failed',
    attempt,
    maxAttempts: 3,
    failedAt: AT,
    ...rest,
  })
  await jobs.insertMany([
    old('used up', 3, {}),
    old('fatal', 1, {}),
    old('odd', 1, { ending: 'odd' }),
    old('null', 5, { ending: null }),
  ])
  const endings = {}
  for (const job of (await queue.listJobs({ status: 'failed' })).jobs) endings[job.id] = job.ending
  assert.deepEqual(endings, { 'used up': 'exhausted', fatal: 'fatal', odd: 'fatal', null: 'exhausted' })
  assert.deepEqual(await queue.waitFor('fatal'), { status: 'failed', ending: 'fatal', failReason: '' })
})

test('a foreign job is known by its ObjectId in text', async () => {
  const { queue, jobs } = await started()
  const _id = new ObjectId()
  await jobs.insertOne({ _id, type: 't', status: 'completed', completedAt: AT, result: 7 })
  const [listed] = (await queue.listJobs({ status: 'completed' })).jobs
  assert.equal(listed.id, _id.toHexString())
  assert.equal((await queue.getJob(listed.id)).id, listed.id)
  assert.deepEqual(await queue.waitFor(listed.id), { status: 'completed', result: 7 })
})

test('a value of a search can turn into no operator', async () => {
  const { queue, jobs } = await started()
  await jobs.insertOne({
    _id: 'a',
    type: 't',
    status: 'pending',
    runAt: AT,
    priority: 0,
    data: { n: null, s: 'x' },
  })
  const found = async (where) => (await queue.listJobs({ status: 'pending', where })).jobs.length
  assert.equal(await found({ 'data.s': 'x' }), 1)
  assert.equal(await found({ 'data.n': null }), 1)
  for (const value of [{ $ne: 'y' }, { $regex: '.' }, ['x'], { x: 1 }, new Map([['$ne', 1]])]) {
    await assert.rejects(found({ 'data.s': value }), { code: 'ERR_DURABL_INVALID_ARGUMENT' })
  }
})

test('jobs of foreign ids are known by the text of their ids to every call', async () => {
  const { queue, jobs } = await started()
  const ids = Array.from({ length: 5 }, () => new ObjectId())
  const base = { type: 't', data: 1, priority: 0, attempt: 0, maxAttempts: 3, createdAt: AT, logs: [] }
  const waiting = { ...base, status: 'pending', runAt: new Date(Date.now() + 3_600_000) }
  const ended = { ...base, status: 'failed', runAt: AT, failedAt: AT }
  await jobs.insertMany([waiting, waiting, waiting, ended, ended].map((job, n) => ({ ...job, _id: ids[n] })))
  const [cancelled, promoted, moved, retried, removed] = ids.map(String)
  assert.equal((await queue.getJob(cancelled)).id, cancelled)
  assert.deepEqual(await queue.cancel(cancelled), { status: 'cancelled' })
  assert.deepEqual(await queue.promote(promoted), { status: 'promoted' })
  assert.deepEqual(await queue.reschedule(moved, { priority: 5 }), { status: 'rescheduled' })
  assert.deepEqual(await queue.retry(retried), { status: 'retried' })
  assert.deepEqual(await queue.remove(removed), { status: 'removed' })
  assert.equal((await queue.waitFor(cancelled, { timeoutMs: 1000 })).ending, 'cancelled')
  const { changed, skipped } = await queue.removeMany({ ids: [cancelled, promoted, moved, retried, removed] })
  assert.deepEqual([changed, skipped, await jobs.countDocuments()], [4, 0, 0])
})

test('a cursor of another queue is refused', async () => {
  const [one, other] = [await started(), await started()]
  for (const { queue } of [one, other]) for (let n = 0; n < 3; n += 1) await queue.enqueue('t', n)
  const { next } = await one.queue.listJobs({ status: 'pending', limit: 1 })
  const refused = { code: 'ERR_DURABL_INVALID_ARGUMENT', message: /"after"/ }
  await assert.rejects(other.queue.listJobs({ status: 'pending', after: next }), refused)
  await assert.rejects(other.queue.cancelMany({ status: 'pending' }, { after: next }), refused)
  assert.equal((await other.queue.getStats()).pending, 3)
})

test('jobs that run meanwhile are not removed by their ids', async () => {
  const { backend, queue } = await started()
  const id = await queue.enqueue('t', 1)
  // The look finds it pending, and by the time of the delete it is claimed.
  const { claimToken } = await backend.claimNext('t')
  assert.equal(await backend.removeEach([id]), 0)
  assert.deepEqual(await queue.removeMany({ ids: [id] }), {
    status: 'done',
    matched: 0,
    changed: 0,
    skipped: 0,
    next: null,
  })
  assert.deepEqual(await backend.complete(id, claimToken), { status: 'completed' })
})

test('a job that its schedule would make again is not removed, and says so', async () => {
  const { queue, jobs } = await started()
  const side = client.db(name).collection(`${jobs.collectionName}.durabl`)
  // A process has made the job, and died before the schedule went on.
  const at = new Date(Date.now() - 60_000)
  await queue.schedule('s', { everyMs: 60_000 }, { type: 't', data: 1 })
  await queue.pauseSchedule('s')
  const id = `durabl:schedule:s:${at.getTime()}`
  const base = { type: 't', data: 1, status: 'completed', priority: 0, attempt: 1, maxAttempts: 3 }
  const times = { runAt: at, createdAt: at, completedAt: at }
  await jobs.insertOne({ _id: id, ...base, ...times, logs: [], schedule: { id: 's', occurrenceAt: at } })
  await side.updateOne({ _id: 'schedule:s' }, { $set: { nextRunAt: at } })
  assert.deepEqual(await queue.remove(id), { status: 'held-by-schedule' })
  const kept = await queue.removeMany({ status: 'completed' })
  assert.deepEqual([kept.matched, kept.changed, kept.skipped], [1, 0, 1])
  await side.updateOne({ _id: 'schedule:s' }, { $set: { nextRunAt: new Date(at.getTime() + 60_000) } })
  assert.deepEqual(await queue.remove(id), { status: 'removed' })
})
