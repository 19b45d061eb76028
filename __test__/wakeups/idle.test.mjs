/** What waiting costs the server, by its own record: a look per type and poll interval, and one worker's claim per job. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { jobs } from '../ownership/support/jobs.mjs'
import { pollUntil } from '../ownership/support/waiting.mjs'
import { startWorker } from '../ownership/support/workers.mjs'
import { elsewhere } from './support/elsewhere.mjs'
import { operationsByType, record } from './support/profiler.mjs'

const TYPES = Array.from({ length: 20 }, (_, i) => `type ${i}`)
const POLL_MS = 500
const WATCH_MS = 6000

for (const useChangeStreams of [true, false]) {
  const how = useChangeStreams ? 'with push' : 'without push'

  test(`20 idle types in one process: one look per type and poll interval, ${how}`, async (t) => {
    const { db, collection, config } = await jobs(t)
    const handler = { handler: 'nothing', config: { pollInterval: POLL_MS } }
    const processors = Object.fromEntries(TYPES.map((type) => [type, handler]))
    await startWorker(t, { ...config, backend: { useChangeStreams }, processors })
    // The looks begin close to each other, and are a poll interval apart after the second.
    await sleep(4 * POLL_MS)
    await record(db)
    const start = performance.now()
    await sleep(WATCH_MS)
    const operations = await operationsByType(db, collection)
    const most = Math.ceil((performance.now() - start) / POLL_MS) + 1

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

test('push alone keeps an idle worker quiet: it looks once when it starts, and after that once a minute', async (t) => {
  const { db, collection, config } = await jobs(t)
  await record(db)
  const { queue: worker } = await elsewhere(t, config, { useChangeStreams: true })
  const ran = []
  worker.process('work', async (job) => void ran.push(job.data))
  const { queue: producer } = await elsewhere(t, config, { appName: 'producer' })
  await producer.enqueue('work', 1)
  await pollUntil('it has run', () => ran.length === 1)
  await sleep(500)
  const before = (await operationsByType(db, collection)).length
  await sleep(5000)
  const operations = await operationsByType(db, collection)
  assert.deepEqual(operations.slice(before), [])
})

const WORKERS = 16
const JOBS = 30
/** One that gets the job, another of the same worker that finds there are no more, and company that was as quick. */
const MOST_CLAIMS = 6

test('one job inserted, 16 idle workers: a few try to claim it, not all', async (t) => {
  const { db, collection, config, queue } = await jobs(t)
  const ran = new Map()
  for (let i = 0; i < WORKERS; i += 1) {
    const appName = `worker${i}`
    const { queue: worker } = await elsewhere(t, config, { appName, useChangeStreams: true })
    worker.process('work', async (job) => void ran.set(job.data, i))
  }
  // Their first claims.
  await sleep(500)
  await record(db)
  for (let job = 0; job < JOBS; job += 1) {
    await queue.enqueue('work', job)
    await pollUntil('it has run', () => ran.has(job), { everyMs: 5 })
    // Until the last of them has looked, too.
    await sleep(100)
  }
  const operations = await operationsByType(db, collection)
  const count = (kind) => operations.filter((operation) => operation.kind === kind).length / JOBS
  const claims = count('findAndModify')
  t.diagnostic(`for each job ${claims.toFixed(1)} claims and ${count('aggregate').toFixed(1)} looks`)
  t.diagnostic(`the work went to ${new Set(ran.values()).size} of ${WORKERS} workers`)
  assert.ok(claims >= 1 && claims <= MOST_CLAIMS, `${claims} claims for each job`)
  assert.ok(count('aggregate') <= WORKERS + 6, 'each looks once, and who claims once more')
  assert.ok(new Set(ran.values()).size >= 4, 'not one worker does it all')
})

test('delayed jobs and 16 idle workers: a few try to claim each, not all', async (t) => {
  const { db, collection, config, queue } = await jobs(t)
  const ran = []
  for (let i = 0; i < WORKERS; i += 1) {
    const appName = `worker${i}`
    const { queue: worker } = await elsewhere(t, config, { appName, useChangeStreams: true })
    worker.process('work', async (job) => void ran.push(job.data))
  }
  await sleep(500)
  await record(db)
  for (let job = 0; job < JOBS; job += 1) await queue.enqueue('work', job, { delay: 500 + 150 * job })
  await pollUntil('all have run', () => ran.length === JOBS)
  await sleep(100)
  const operations = await operationsByType(db, collection)
  const claims = operations.filter(({ kind }) => kind === 'findAndModify').length / JOBS
  t.diagnostic(`for each job ${claims.toFixed(1)} claims`)
  assert.ok(claims >= 1 && claims <= MOST_CLAIMS, `${claims} claims for each job`)
})
