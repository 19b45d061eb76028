/** The price of waiting for the server, by its own record: a look per type and poll interval, and one worker's claim per job. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { jobs } from '../../support/jobs.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { startWorker } from '../../support/workers/workers.mjs'
import { elsewhere } from '../../support/elsewhere.mjs'
import { operationsByType, record } from './support/profiler.mjs'
import { letPass } from '../../support/time.mjs'

const TYPES = Array.from({ length: 20 }, (_, i) => `type ${i}`)
const POLL_MS = 500
/** A worker shortens its pauses at random, by up to a fifth. */
const SHORTEST_PAUSE_MS = 0.8 * POLL_MS
const WATCH_MS = 6000

for (const useChangeStreams of [true, false]) {
  const how = useChangeStreams ? 'with push' : 'without push'

  test(`20 idle types in one process: one look per type and poll interval, ${how}`, async (t) => {
    const { db, collection, config } = await jobs(t)
    const handler = { handler: 'nothing', config: { pollInterval: POLL_MS } }
    const processors = Object.fromEntries(TYPES.map((type) => [type, handler]))
    await startWorker(t, { ...config, backend: { useChangeStreams }, processors })
    await letPass(4 * POLL_MS, 'the first looks, which are less than a poll interval apart')
    const start = performance.now()
    await record(db)
    await letPass(WATCH_MS, 'what idle workers cost is watched')
    const operations = await operationsByType(db, collection)
    const most = Math.floor((performance.now() - start) / SHORTEST_PAUSE_MS) + 1

    const verbs = new Set(operations.map(({ kind }) => kind))
    assert.deepEqual([...verbs], ['aggregate'], 'idle workers look, and try to claim nothing')
    const looks = TYPES.map((type) => operations.filter((operation) => operation.type === type).length)
    t.diagnostic(`${looks.join(' ')} looks in ${WATCH_MS / POLL_MS} poll intervals`)
    assert.ok(Math.max(...looks) <= most, `${looks.join(' ')} looks, at most ${most} expected`)
    // Half of them, for machines that are busy with something else.
    const least = WATCH_MS / POLL_MS / 2
    assert.ok(
      Math.min(...looks) >= least,
      `${looks.join(' ')} looks: the poll interval is the longest silence`,
    )
  })
}

/** Waits until a second has passed without an operation; resolves to how many there were before. */
async function untilQuiet(db, collection) {
  const last = { count: -1, seenAt: 0 }
  return pollUntil('it is quiet for a second', async () => {
    const { length: count } = await operationsByType(db, collection)
    if (count !== last.count) Object.assign(last, { count, seenAt: performance.now() })
    return performance.now() - last.seenAt >= 1000 && count
  })
}

test('push alone keeps an idle worker quiet: it looks once when it starts, and after that once a minute', async (t) => {
  const { db, collection, config } = await jobs(t)
  await record(db)
  const { queue: worker } = await elsewhere(t, config, { useChangeStreams: true })
  const ran = []
  worker.process('work', async (job) => void ran.push(job.data))
  const { queue: producer } = await elsewhere(t, config, { appName: 'producer' })
  await producer.enqueue('work', 1)
  await pollUntil('it has run', () => ran.length === 1)
  const before = await untilQuiet(db, collection)
  await letPass(5000, 'what an idle worker costs is watched')
  const operations = await operationsByType(db, collection)
  assert.deepEqual(operations.slice(before), [])
})

const WORKERS = 16
const JOBS = 30
/** One that gets the job, another of the same worker that finds there are no more, and company that was as quick. */
const MOST_CLAIMS = 6
/** Each looks once, and who claims once more. */
const MOST_LOOKS = WORKERS + 6

/**
 * Measures jobs that come one by one, with idle workers that have never met before.
 *
 * @param makeJobs makes them in the queue, and waits until each has run: `ran` has the workers by the data of the jobs
 * @returns `claims` and `looks` for each job, and the number of `winners`
 */
async function series(t, makeJobs) {
  const { db, collection, config, queue } = await jobs(t)
  const ran = new Map()
  const workers = []
  for (let i = 0; i < WORKERS; i += 1) {
    const appName = `worker${i}`
    const { queue: worker } = await elsewhere(t, config, { appName, useChangeStreams: true })
    worker.process('work', async (job) => void ran.set(job.data, i))
    workers.push(worker)
  }
  await letPass(500, 'their first claims')
  await record(db)
  await makeJobs(queue, ran)
  await letPass(100, 'the last of them looks, too')
  const operations = await operationsByType(db, collection)
  await Promise.all(workers.map((worker) => worker.shutdown(5000)))
  const count = (kind) => operations.filter((operation) => operation.kind === kind).length / JOBS
  const [claims, looks] = [count('findAndModify'), count('aggregate')]
  const winners = new Set(ran.values()).size
  t.diagnostic(`for each job ${claims.toFixed(1)} claims and ${looks.toFixed(1)} looks`)
  t.diagnostic(`the work went to ${winners} of ${WORKERS} workers`)
  return { claims, looks, winners }
}

/**
 * Measures one series; of two, it takes the first that is within its bounds. On a very slow server more workers go before they can see that
 * another has claimed. If they don't wait for each other, all go in both series.
 */
async function bestOfTwo(t, makeJobs) {
  const first = await series(t, makeJobs)
  return first.claims <= MOST_CLAIMS && first.looks <= MOST_LOOKS ? first : series(t, makeJobs)
}

test('one job inserted, 16 idle workers: a few try to claim it, not all', async (t) => {
  const { claims, looks, winners } = await bestOfTwo(t, async (queue, ran) => {
    for (let job = 0; job < JOBS; job += 1) {
      await queue.enqueue('work', job)
      await pollUntil('it has run', () => ran.has(job), { everyMs: 5 })
      await letPass(100, 'all workers are idle again')
    }
  })
  assert.ok(claims >= 1 && claims <= MOST_CLAIMS, `${claims} claims for each job`)
  assert.ok(looks <= MOST_LOOKS, `${looks} looks for each job: each looks once, and who claims once more`)
  assert.ok(winners >= 2, 'not one worker does it all')
})

test('delayed jobs and 16 idle workers: a few try to claim each, not all', async (t) => {
  const { claims } = await bestOfTwo(t, async (queue, ran) => {
    for (let job = 0; job < JOBS; job += 1) await queue.enqueue('work', job, { delay: 500 + 150 * job })
    await pollUntil('all have run', () => ran.size === JOBS)
  })
  assert.ok(claims >= 1 && claims <= MOST_CLAIMS, `${claims} claims for each job`)
})
