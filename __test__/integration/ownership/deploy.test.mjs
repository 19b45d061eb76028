/** A rolling deploy under load: old workers are asked to end while others work on and new ones come. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { jobs } from '../../support/jobs.mjs'
import { assertNoOverlap, runsOf } from '../../support/runs.mjs'
import { heardOut, startWorker, startWorkers } from '../../support/workers/workers.mjs'

/** So long that none ends within the grace, also when it began a while before that. */
const LONG_MS = 4000
const GRACE_MS = 300

/** Enqueues without a pause until it is stopped. Resolves to how many jobs that were. */
function load(queue) {
  let stopped = false
  const done = (async () => {
    let count = 0
    for (; !stopped; count += 10) {
      const batch = Array.from({ length: 10 }, (_, n) => queue.enqueue('quick', n))
      await Promise.all(batch)
    }
    return count
  })()
  return { stop: () => ((stopped = true), done) }
}

test('a deploy under load loses no job, runs none twice at once and spends no attempt', async (t) => {
  const env = await jobs(t)
  const config = {
    ...env.config,
    ownConnection: true,
    signals: { timeoutMs: GRACE_MS },
    processors: {
      quick: { handler: 'varied', ms: 20, config: { concurrency: 4, pollInterval: 100 } },
      long: { handler: 'wait', ms: LONG_MS, config: { concurrency: 2, pollInterval: 100 } },
    },
  }
  const workers = await startWorkers(t, 4, config)
  const old = workers.slice(0, 2)
  const longs = await Promise.all(Array.from({ length: 16 }, (_, n) => env.queue.enqueue('long', n)))
  const isLong = ({ job }) => longs.includes(job)
  const traffic = load(env.queue)
  await Promise.all(
    workers.flatMap((worker) => [worker.next('started', isLong), worker.next('started', (e) => !isLong(e))]),
  )

  for (const worker of old) worker.signal('SIGTERM')
  const ends = await Promise.all(old.map((worker) => worker.exited))
  workers.push(await startWorker(t, config), await startWorker(t, config))
  const quick = await traffic.stop()
  await env.whenDone()
  await heardOut(workers)

  await t.test('the old workers ended by themselves', () => {
    for (const end of ends) assert.deepEqual(end, { code: 0, signal: null })
    for (const worker of workers) assert.deepEqual([worker.all('error'), worker.stderr], [[], ''])
  })

  await t.test('every job is completed, at its first attempt', async () => {
    const count = (filter) => env.collection.countDocuments(filter)
    assert.equal(await count({ status: 'completed', attempt: 1 }), quick + longs.length)
    assert.equal(await count({}), quick + longs.length)
  })

  await t.test('those that could not end in time were given back, and only those ran again', () => {
    const given = workers.flatMap((worker) => worker.all('event:shutdown-released')).map(({ jobId }) => jobId)
    const runs = runsOf(workers)
    assert.ok(old.every((worker) => worker.all('event:shutdown-released').length > 0))
    for (const { attempt } of runs) assert.equal(attempt, 1)
    const starts = Map.groupBy?.(runs, ({ job }) => job) ?? groupBy(runs, 'job')
    const repeated = [...starts].filter(([, of]) => of.length > 1).map(([job]) => job)
    for (const job of repeated) assert.ok(given.includes(job), `${job} ran again and was not given back`)
    // Given back before its handler had started, it runs only once.
    for (const job of given.filter((id) => longs.includes(id))) assert.ok(starts.get(job).length >= 1)
    assert.ok(repeated.length > 0)
  })

  await t.test('no two runs of a job overlap', () => assertNoOverlap(runsOf(workers), 'job'))
})

function groupBy(runs, field) {
  const groups = new Map()
  for (const run of runs) groups.set(run[field], [...(groups.get(run[field]) ?? []), run])
  return groups
}
