/** Work starts because somebody told of it: in this process, in another, or the run before it by ending. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { JobQueue } from 'durabl'
import { SILENT, jobs } from '../../support/jobs.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { startWorker } from '../../support/workers/workers.mjs'
import { deferred } from '../../support/async.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { elsewhere } from '../../support/elsewhere.mjs'
import { assertEachIsTold, assertTold, starts } from '../../support/told.mjs'
import { letPass } from '../../support/time.mjs'

/** No poll comes to help: what starts has been told of. */
const NEVER = 3_600_000
/** Many times what a wake-up takes, and nothing beside a poll. */
const SOON_MS = 5000

test('a job enqueued where its type is handled starts at once, without push and without a poll', async (t) => {
  const { queue } = await jobs(t)
  const started = starts()
  queue.process('work', started.handler, { pollInterval: NEVER })
  await assertEachIsTold(async (i) => [await queue.enqueue('work', i)], started.of)
})

test('a finished job pulls the next, with one slot and with several', async (t) => {
  const { queue, config } = await jobs(t)
  const { queue: other } = await elsewhere(t, config)
  const types = { one: 1, several: 4 }
  for (const type of Object.keys(types))
    await Promise.all(Array.from({ length: 40 }, (_, i) => other.enqueue(type, i)))
  for (const [type, concurrency] of Object.entries(types)) {
    // All jobs were there before a worker looked, so no wake-up comes for them.
    const times = []
    queue.process(type, async () => void times.push(performance.now()), { concurrency, pollInterval: NEVER })
    await pollUntil('all have run', () => times.length === 40)
    assertTold(times.slice(1).map((start, i) => start - times[i]))
  }
})

test('a job enqueued by another process is pushed', async (t) => {
  const { queue, config } = await jobs(t)
  const { queue: worker } = await elsewhere(t, config, { useChangeStreams: true })
  const started = []
  worker.process('work', async (job) => void started.push(job.id), { pollInterval: NEVER })
  for (let i = 0; i < 10; i += 1) {
    const id = await queue.enqueue('work', i)
    await pollUntil('it started', () => started.includes(id), { everyMs: 1, patienceMs: SOON_MS })
  }
})

test('a type whose processor comes after the stream was opened is pushed too', async (t) => {
  const { queue, config } = await jobs(t)
  const { queue: worker } = await elsewhere(t, config, { useChangeStreams: true })
  for (let i = 0; i < 5; i += 1) {
    const started = new Promise((resolve) => {
      worker.process(`type ${i}`, async (job) => resolve(job.data), { pollInterval: NEVER })
    })
    await letPass(i * 3, 'a moment of the change of interest')
    await queue.enqueue(`type ${i}`, i)
    assert.equal(await started, i)
  }
})

test('a follower starts when another process completes the job before it by hand', async (t) => {
  const { config, queue } = await jobs(t)
  const key = { dedupeKey: 'k', dedupeScope: 'pending' }
  const started = []
  const { queue: worker } = await elsewhere(t, config, { useChangeStreams: true })
  worker.process('single', async (job) => void started.push(job.data), { pollInterval: NEVER })
  for (const end of ['complete', 'failFatal', 'release']) {
    started.length = 0
    const handle = await queue.claimOrEnqueue('single', `${end} 1`, key)
    assert.equal(await queue.claimOrEnqueue('single', `${end} 2`, key), null)
    await handle[end]('over')
    const next = await pollUntil('the follower started', () => started[0], { patienceMs: SOON_MS })
    assert.equal(next, `${end} 2`)
    await pollUntil('nothing is left', async () => !(await queue.hasOutstanding('single', 'k')))
  }
})

for (const [way, wrap] of [
  ['by the engine', (backend) => backend],
  ['by plain JavaScript', (backend) => new Proxy(backend, {})],
]) {
  test(`a follower starts at once when the job before it is completed by a handler that goes on, driven ${way}`, async (t) => {
    const { backend } = await jobs(t)
    const queue = new JobQueue(wrap(backend), SILENT, { autoRecover: false })
    atEnd(t, () => queue.shutdown(0))
    const key = { dedupeKey: 'k', dedupeScope: 'pending' }
    const started = starts()
    const completed = []
    const handler = async (job, ctx) => {
      if (job.data === 'follower') return started.handler(job)
      const follower = await queue.enqueue('work', 'follower', key)
      await ctx.complete()
      completed.shift().resolve([follower])
      await started.of(follower)
    }
    queue.process('work', handler, { concurrency: 2, pollInterval: NEVER })
    await assertEachIsTold(async () => {
      const next = deferred()
      completed.push(next)
      await queue.enqueue('work', 'first', key)
      return next.promise
    }, started.of)
  })
}

test('a retry scheduled in one process runs in another, with and without push', async (t) => {
  const { config, queue, stored } = await jobs(t)
  const retry = { backoffDelay: 300, backoffMaxDelay: 300 }
  for (const [useChangeStreams, pollInterval] of [
    [true, NEVER],
    [false, 100],
  ]) {
    const type = `push ${useChangeStreams}`
    const worker = await startWorker(t, {
      ...config,
      backend: { useChangeStreams },
      processors: { [type]: { handler: 'nothing', config: { pollInterval } } },
    })
    await pollUntil('it has push, or is to have none', async () => {
      return (await worker.call('backend', 'isChangeStreamsActive')) === useChangeStreams
    })
    const handle = await queue.claimOrEnqueue(type, null, retry)
    assert.deepEqual(await handle.fail('not yet'), { status: 'retry-scheduled' })
    await worker.next('event:completed', (event) => event.jobId === handle.id)
    const { runAt, claimedAt, attempt } = await stored(handle.id)
    assert.equal(attempt, 2)
    assert.ok(claimedAt >= runAt, 'not before its time')
  }
})

test('jobs returned by another process are picked up at once', async (t) => {
  const { config, queue } = await jobs(t)
  const handle = await queue.claimOrEnqueue('given back', 1)
  const { queue: worker } = await elsewhere(t, config, { useChangeStreams: true })
  const started = []
  worker.process('given back', async (job) => void started.push(job.id), { pollInterval: NEVER })
  const first = await queue.enqueue('given back', 2)
  await pollUntil('the worker has looked', () => started.includes(first))
  await handle.release()
  await pollUntil('it started', () => started.includes(handle.id), { patienceMs: SOON_MS })
})
