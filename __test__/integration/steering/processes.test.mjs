/** Jobs that operators steer while workers in processes of their own run them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { elsewhere } from '../../support/elsewhere.mjs'
import { jobs } from '../../support/jobs.mjs'
import { letPass } from '../../support/time.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { heardOut, startWorker, startWorkers } from '../../support/workers/workers.mjs'

const SINGLE_FLIGHT = { dedupeKey: 'k', dedupeScope: 'pending' }
const NEVER = 3_600_000
const PUSHED = { backend: { useChangeStreams: true } }

/** Workers of the type `work`. */
const working = (handler, { config, ...args } = {}) => ({
  processors: { work: { handler, config: { pollInterval: 100, ...config }, ...args } },
})

test('a job is run once for each retry, by any worker, for any caller', async (t) => {
  const { queue, config, whenJob } = await jobs(t)
  const { queue: other } = await elsewhere(t, config)
  const workers = await startWorkers(t, 2, { ...config, ...working('nothing') })
  const id = await queue.enqueue('work', {})
  let runs = 1
  for (let round = 0; round < 8; round += 1) {
    await whenJob(id, 'completed')
    const results = await Promise.all([queue.retry(id), other.retry(id), queue.retry(id)])
    const retried = results.filter(({ status }) => status === 'retried').length
    // One that comes when the job has run already is another retry.
    assert.ok(retried >= 1, JSON.stringify(results))
    runs += retried
  }
  await whenJob(id, 'completed')
  await heardOut(workers)
  const started = workers.flatMap((worker) => worker.all('started', ({ job }) => job === id))
  assert.equal(started.length, runs)
  assert.ok(started.every(({ attempt }) => attempt === 1))
})

test('a retried job waits behind the active job of its key, and is answered by a follower', async (t) => {
  const { queue, config, whenJob } = await jobs(t)
  const worker = await startWorker(t, { ...config, ...working('sleep', { ms: 400 }) })
  const first = await queue.enqueue('work', 1, SINGLE_FLIGHT)
  await whenJob(first, 'completed')
  const second = await queue.enqueue('work', 2, SINGLE_FLIGHT)
  await worker.next('started', ({ job }) => job === second)
  assert.deepEqual(await queue.retry(first), { status: 'retried' })
  assert.equal(await queue.enqueue('work', 3, SINGLE_FLIGHT), null, 'the retried job is the follower')
  await whenJob(second, 'completed')
  await whenJob(first, 'completed')
  const third = await queue.enqueue('work', 3, { ...SINGLE_FLIGHT, delay: NEVER })
  assert.deepEqual(await queue.retry(first), { status: 'key-held', id: third })
  await heardOut([worker])
  const runs = worker
    .all('ended')
    .concat(worker.all('started'))
    .sort((one, another) => one.at - another.at)
  assert.deepEqual(
    runs.map(({ kind, job }) => [kind, job]),
    [first, second, first].flatMap((job) => [
      ['started', job],
      ['ended', job],
    ]),
  )
})

test('a job is retried once the follower of its key has left the place, though the worker before it was killed', async (t) => {
  const { queue, config, whenJob, whenDone, stored } = await jobs(t)
  const { queue: other } = await elsewhere(t, config)
  const worker = {
    ...config,
    queue: { visibilityTimeoutMs: 500 },
    ...working('sleep', { ms: 150, config: { concurrency: 4, pollInterval: 50 } }),
  }
  const first = await startWorker(t, worker)
  const ended = await queue.enqueue('work', {}, SINGLE_FLIGHT)
  await whenJob(ended, 'completed')
  await first.kill()
  const doomed = await startWorker(t, { ...worker, ...working('hang', { config: { concurrency: 4 } }) })
  const running = await queue.enqueue('work', {}, SINGLE_FLIGHT)
  await doomed.next('started')
  const follower = await queue.enqueue('work', {}, SINGLE_FLIGHT)
  const held = { status: 'key-held', id: follower }
  const survivor = await startWorker(t, worker)
  const answers = []
  let retried = 0
  const retry = async (operator) => {
    const answer = await operator.retry(ended)
    answers.push(answer)
    if (answer.status === 'retried') retried += 1
    else assert.ok(answer.status === 'wrong-status' || answer.id === follower, JSON.stringify(answer))
    return retried > 0
  }
  const operators = [queue, other, queue, other].map((operator) =>
    pollUntil('one of the operators has retried it', () => retry(operator)),
  )
  await pollUntil('all were told who holds the key', () => answers.length >= operators.length)
  assert.deepEqual(answers, Array(answers.length).fill(held), 'nobody gets in while the follower waits')
  await doomed.kill()
  await Promise.all(operators)
  await whenDone()
  await heardOut([survivor])
  assert.equal((await stored(running)).status, 'superseded', 'the follower covers its work')
  for (const id of [ended, follower]) assert.equal((await stored(id)).status, 'completed')
  const starts = (id) => survivor.all('started', ({ job }) => job === id).length
  assert.deepEqual([starts(running), starts(follower), starts(ended)], [0, 1, retried])
  const told = survivor.all('started').concat(survivor.all('ended'))
  const kinds = told.sort((one, another) => one.at - another.at).map(({ kind }) => kind)
  assert.deepEqual(
    kinds,
    Array(retried + 1)
      .fill(['started', 'ended'])
      .flat(),
    'one after the other',
  )
  assert.ok(doomed.endedAt < told[0].at, 'no run begins while the killed one may go on')
})

test('a running job is left alone by all that operators ask for', async (t) => {
  const { queue, config, whenJob } = await jobs(t)
  const worker = await startWorker(t, { ...config, ...working('sleep', { ms: 500 }) })
  const id = await queue.enqueue('work', {})
  await worker.next('started')
  const wrong = { status: 'wrong-status', jobStatus: 'active' }
  assert.deepEqual(await queue.retry(id), wrong)
  assert.deepEqual(await queue.promote(id), wrong)
  assert.deepEqual(await queue.reschedule(id, { delay: 1 }), wrong)
  assert.deepEqual(await queue.remove(id), wrong)
  await whenJob(id, 'completed')
  await heardOut([worker])
  assert.equal(worker.all('started').length, 1)
  assert.equal(worker.all('aborted').length, 0)
})

test('a promoted job of a paused type waits for the resume', async (t) => {
  const { queue, config, whenJob, stored } = await jobs(t)
  await startWorker(t, { ...config, ...PUSHED, ...working('nothing') })
  await whenJob(await queue.enqueue('work', 'before'), 'completed')
  await queue.pause('work')
  await letPass(5500, 'other processes learn of a pause within five seconds')
  const id = await queue.enqueue('work', 'later', { delay: NEVER })
  assert.deepEqual(await queue.promote(id), { status: 'promoted' })
  await letPass(500, 'the worker has heard of the job, and leaves it alone')
  assert.equal((await stored(id)).status, 'pending')
  await queue.resume('work')
  await whenJob(id, 'completed')
})

test('jobs that were removed never come back, though workers die that had held them', async (t) => {
  const { queue, config, collection, whenJob } = await jobs(t)
  const worker = await startWorker(t, {
    ...config,
    queue: { visibilityTimeoutMs: 500 },
    ...working('varied', { ms: 20, config: { concurrency: 4, pollInterval: 50 } }),
  })
  const ids = await Promise.all(Array.from({ length: 60 }, (_, n) => queue.enqueue('work', { n })))
  const removed = []
  for (const id of ids) if ((await queue.remove(id)).status === 'removed') removed.push(id)
  await worker.kill()
  const second = await startWorker(t, {
    ...config,
    queue: { visibilityTimeoutMs: 500 },
    ...working('nothing'),
  })
  const left = ids.filter((id) => !removed.includes(id))
  for (const id of left) await whenJob(id, 'completed')
  assert.equal(await collection.countDocuments({ _id: { $in: removed } }), 0)
  await heardOut([second])
  assert.deepEqual(
    second.all('started', ({ job }) => removed.includes(job)),
    [],
  )
})

test('two operators that retry all failed jobs do it once between them', async (t) => {
  const { queue, config, whenDone, collection } = await jobs(t)
  const { queue: other } = await elsewhere(t, config)
  const workers = await startWorkers(t, 2, {
    ...config,
    ...working('scripted', { config: { concurrency: 8, pollInterval: 100 } }),
  })
  const script = { ms: 1, wrongFor: 1 }
  for (let n = 0; n < 120; n += 1) await queue.enqueue('work', script, { maxAttempts: 1 })
  await whenDone()
  assert.equal(await collection.countDocuments({ status: 'failed' }), 120)
  await Promise.all(workers.map((worker) => worker.kill()))
  const results = await Promise.all(
    [queue, other].map((operator) => operator.retryMany({ status: 'failed' })),
  )
  assert.equal(results[0].changed + results[1].changed, 120)
  assert.equal(await collection.countDocuments({ status: 'pending', attempt: 0 }), 120)
})
