/**
 * Workers of the TypeScript package and of this one on one collection, under load, with reapers at work. Every job runs, none runs twice at
 * once, and no key is ever doubled.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import { assertAlways, follow } from '../../support/history.mjs'
import { assertNoOverlap } from '../../support/runs.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { connect } from '../../support/mongo.mjs'
import { OLD_TIMEOUT_MS, OldPackage } from './support/old-package.mjs'
import { letPass } from '../../support/time.mjs'

const JOBS = process.env.DURABL_LONG === '1' ? 6000 : 400
const KEYS = 6
const WORK_MS = 20
/** Old workers; each dies once, in the middle of a job, and another takes its place. */
const ERAS = ['0.1', '0.3']

/**
 * The reapers that take jobs from dead workers. The reaper of 0.3 writes without looking again. Beside another reaper it can take a job from a
 * worker that has claimed it in between, so it works alone.
 */
const REAPERS = {
  'that of 0.1 and our sweeps': { eras: ['0.1'], autoRecover: true },
  'that of 0.3': { eras: ['0.3'], autoRecover: false },
}

/** One job in twenty fails at first. */
const failsAtFirst = (data) => data.n % 20 === 7

/** The record of all the workers. */
class Diary {
  runs = []
  /** Leases that a worker of this package lost. */
  lost = []

  async work({ id, attempt, data, dedupeKey }, by) {
    const run = { job: id, attempt, by, n: data.n, key: dedupeKey, from: performance.now(), to: Infinity }
    this.runs.push(run)
    await letPass(Math.random() * WORK_MS, 'work')
    run.to = performance.now()
    if (failsAtFirst(data) && attempt === 1) throw new Error('at first it fails')
  }

  /** A run that ends with its worker. */
  async die({ id, attempt, data, dedupeKey }, by) {
    const run = { job: id, attempt, by, n: data.n, key: dedupeKey, from: performance.now(), to: Infinity }
    this.runs.push(run)
    await letPass(WORK_MS, 'work')
  }
}

const asOurs = ({ _id: id, ...job }) => ({ id, ...job })

/** Two loops of an old process, and its reaper if that is on, until told to stop. */
function oldWorker(t, collection, era, diary, { reaps }) {
  const old = new OldPackage(collection, era)
  const dead = []
  let isOver = false
  /** The job's worker is gone, or has given up on it; and five minutes pass. */
  const abandon = ({ _id, attempt }) =>
    collection.updateOne(
      { _id, status: 'active', attempt },
      { $set: { claimedAt: new Date(Date.now() - OLD_TIMEOUT_MS - 1000) } },
    )
  async function run(job) {
    if (dead.length === 0) {
      dead.push(`${job._id} ${job.attempt}`)
      await diary.die(asOurs(job), era)
      return abandon(job)
    }
    if (era === '0.3') assert.equal(await old.heartbeat(job), true, `${era} lost the lease of ${job._id}`)
    const error = await diary.work(asOurs(job), era).then(
      () => null,
      (error) => error,
    )
    if (error === null) assert.equal(await old.complete(job), true, `${era} lost the lease of ${job._id}`)
    else if (!(await old.fail(job, error.message))) await abandon(job)
  }
  async function loop() {
    while (!isOver) {
      const job = await old.claim('work')
      if (job === null) await letPass(5, 'the pause of a poll')
      else await run(job)
    }
  }
  async function reaper() {
    while (!isOver && reaps) {
      await old.reap()
      await letPass(50, 'the pause between two sweeps')
    }
  }
  const done = Promise.all([loop(), loop(), reaper()])
  done.catch(() => {})
  const stop = async () => {
    isOver = true
    await done
  }
  atEnd(t, stop)
  return { stop, dead, done }
}

function ourWorker(t, db, diary, { autoRecover, ...options }) {
  const backend = new MongoJobQueue({ db, ...options })
  const queue = new JobQueue(backend, undefined, {
    autoRecover,
    onJobEvent: (event) => event.kind === 'lease-lost' && diary.lost.push(event),
  })
  atEnd(t, () => queue.shutdown(5000))
  queue.process('work', (job) => diary.work(job, 'ours'), { concurrency: 3, pollInterval: 100 })
  return queue
}

/** Every job's options: a third without a key, a third of each scope. */
function optionsOf(n) {
  const backoff = { maxAttempts: 5, backoffDelay: 20 }
  if (n % 3 === 0) return { ...backoff, priority: n % 5 }
  const dedupeScope = n % 3 === 1 ? 'pending' : 'pending+active'
  return { ...backoff, dedupeScope, dedupeKey: `${dedupeScope}-${n % KEYS}` }
}

for (const [reaper, { eras, autoRecover }] of Object.entries(REAPERS)) {
  test(`nothing is lost, nothing runs twice, and keys hold, with the reaper being ${reaper}`, async (t) => {
    const { db } = await connect(t)
    const collection = db.collection('jobs')
    await new OldPackage(collection, '0.3').startup()
    const starter = new MongoJobQueue({ db })
    atEnd(t, () => starter.shutdown(5000))
    await starter.startup()
    const history = await follow(t, collection)
    const diary = new Diary()
    const olds = ERAS.map((era) => oldWorker(t, collection, era, diary, { reaps: eras.includes(era) }))
    const ours = [
      ourWorker(t, db, diary, { autoRecover }),
      ourWorker(t, db, diary, { autoRecover, useChangeStreams: true }),
    ]
    for (const queue of ours) await queue.startup()

    // Both kinds of process enqueue, and those whose key is held know it.
    const enqueuers = [ours[0], new OldPackage(collection, '0.1'), ours[1], new OldPackage(collection, '0.3')]
    const ids = []
    for (let n = 0; n < JOBS; n += 1) {
      const id = await enqueuers[n % enqueuers.length].enqueue('work', { n }, optionsOf(n))
      if (id !== null) ids.push(id)
    }

    const open = { status: { $in: ['pending', 'active'] } }
    const haveEnded = async () => (await collection.countDocuments(open)) === 0
    // A loop of an old worker that fails says why.
    await Promise.race([
      pollUntil('every job has ended', haveEnded, { everyMs: 100 }),
      ...olds.map(({ done }) => done),
    ])
    for (const { stop } of olds) await stop()
    for (const queue of ours) await queue.shutdown()

    const jobs = await collection.find().toArray()
    assert.deepEqual(jobs.map(({ _id }) => _id).sort(), ids.sort())
    const dead = olds.flatMap((worker) => worker.dead)
    assert.equal(dead.length, ERAS.length)
    assertEnded(jobs, dead)
    assertRuns(diary.runs, ids, dead)
    assert.deepEqual(diary.lost, [])
    assertKeys(await history.moments(collection))
  })
}

/** Each job is completed, by as many attempts as it took; or superseded, where a follower covered what had failed or died. */
function assertEnded(jobs, dead) {
  for (const { _id, status, attempt, data, dedupeScope } of jobs) {
    const deaths = dead.filter((run) => run.startsWith(`${_id} `)).length
    const failures = Number(failsAtFirst(data)) + deaths
    if (status === 'superseded') assert.ok(failures > 0 && dedupeScope === 'pending', _id)
    else assert.equal(status, 'completed', _id)
    assert.ok(attempt <= 1 + failures, `${_id} took ${attempt} attempts`)
  }
}

function assertRuns(runs, ids, dead) {
  assert.deepEqual([...new Set(runs.map(({ job }) => job))].sort(), ids)
  const attempts = runs.map(({ job, attempt }) => `${job} ${attempt}`)
  assert.equal(new Set(attempts).size, attempts.length, 'an attempt ran twice')
  for (const by of ['ours', '0.1', '0.3'])
    assert.ok(
      runs.some((run) => run.by === by),
      `${by} had nothing to do`,
    )
  // A dead worker's run ends with it.
  const living = runs.filter(({ job, attempt }) => !dead.includes(`${job} ${attempt}`))
  assertNoOverlap(
    [...living].sort((one, other) => one.from - other.from),
    'job',
  )
  const keyed = living.filter(({ key }) => key != null)
  assertNoOverlap(
    [...keyed].sort((one, other) => one.from - other.from),
    'key',
  )
}

function assertKeys(moments) {
  const isOf =
    (scope) =>
    ({ key }) =>
      key?.startsWith(`${scope}-`)
  const strict = moments.filter(isOf('pending+active'))
  const single = moments.filter(isOf('pending')).filter((moment) => !isOf('pending+active')(moment))
  assertAlways(strict, ({ active, pending }) => active + pending <= 1, 'one job of a strict key')
  assertAlways(single, ({ active, pending }) => active <= 1 && pending <= 1, 'one active and one pending')
}
