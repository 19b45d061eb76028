/** A worker that dies in the middle of a job: somebody else starts it, once, and counts the attempt. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { jobs } from '../../support/jobs.mjs'
import { assertNoOverlap, runsOf } from '../../support/runs.mjs'
import { heardOut, nextOf, now, startWorker, startWorkers } from '../../support/workers/workers.mjs'

/** The promise without any configuration. */
const PROMISED_MS = 30_000

/** Two workers; the one that gets the job is killed. Resolves to the other one, and to when that happened. */
async function killTheHolder(t, { queue, config }, processor) {
  const workers = await startWorkers(t, 2, { ...config, ...processor })
  const id = await queue.enqueue('work', {})
  const { worker: victim } = await nextOf(workers, 'started')
  await victim.kill()
  const killedAt = now()
  const survivor = workers.find((worker) => worker !== victim)
  return { id, workers, survivor, killedAt }
}

describe('a job whose worker was killed', { concurrency: true }, () => {
  test('is started once elsewhere within half a minute, by default', async (t) => {
    const env = await jobs(t)
    const processors = { work: { handler: 'sleep', ms: 3000 } }
    // The survivor finishes at once; only the victim would have taken its time.
    const { id, workers, survivor, killedAt } = await killTheHolder(t, env, { processors })
    const again = await survivor.next('started')
    assert.equal(again.job, id)
    assert.equal(again.attempt, 2)
    assert.ok(again.at - killedAt < PROMISED_MS, `it took ${Math.round(again.at - killedAt)} ms`)

    const job = await env.whenJob(id, 'completed')
    assert.equal(job.attempt, 2)
    assert.equal((await survivor.next('event:reaper-recovered')).handled, 1)
    const runs = runsOf(workers)
    assert.equal(runs.length, 2)
    assertNoOverlap(runs, 'job')
  })

  for (const [name, queue, config, promisedMs] of [
    ['by a shorter visibility timeout', { visibilityTimeoutMs: 1000 }, {}, 4000],
    ['by a shorter heartbeat interval', {}, { heartbeatIntervalMs: 250 }, 10_000],
  ]) {
    test(`is started sooner where that is asked for, ${name}`, async (t) => {
      const env = await jobs(t)
      const processors = { work: { handler: 'sleep', ms: 3000, config } }
      const { id, survivor, killedAt } = await killTheHolder(t, env, { queue, processors })
      const again = await survivor.next('started')
      assert.deepEqual([again.job, again.attempt], [id, 2])
      assert.ok(again.at - killedAt < promisedMs, `it took ${Math.round(again.at - killedAt)} ms`)
      assert.equal((await env.whenJob(id, 'completed')).attempt, 2)
      assert.equal(survivor.all('started').length, 1)
    })
  }

  test('is not lost with the prefetched ones', async (t) => {
    const env = await jobs(t)
    const processors = { work: { handler: 'sleep', ms: 100, config: { prefetch: 20, pollInterval: 100 } } }
    const queue = { visibilityTimeoutMs: 1000 }
    const victim = await startWorker(t, { ...env.config, queue, processors })
    // At once, so that there is something to fetch ahead of the first one's end.
    await env.queue.enqueueMany(Array.from({ length: 30 }, (_, n) => ({ type: 'work', data: n })))
    await victim.next('ended')
    await victim.kill()
    const held = await env.collection.countDocuments({ status: 'active' })
    assert.ok(held > 1, `it held ${held} jobs`)
    const survivor = await startWorker(t, { ...env.config, queue, processors })
    await env.whenDone()
    await heardOut([survivor])
    assert.equal(await env.collection.countDocuments({ status: 'completed' }), 30)
    assertNoOverlap(runsOf([victim, survivor]), 'job')
  })

  test('fails once its attempts are used up, if it kills its worker each time', async (t) => {
    const env = await jobs(t)
    const config = {
      ...env.config,
      queue: { visibilityTimeoutMs: 800 },
      processors: { poison: { handler: 'crash' }, work: { handler: 'nothing' } },
    }
    const id = await env.queue.enqueue('poison', {}, { maxAttempts: 3 })
    const workers = []
    const startsSoFar = () => workers.flatMap((worker) => worker.all('started')).length
    // A process manager that starts a worker again whenever one has died.
    while (startsSoFar() < 3) {
      const worker = await startWorker(t, config)
      workers.push(worker)
      await worker.exited
    }
    const last = await startWorker(t, config)
    workers.push(last)
    const job = await env.whenJob(id, 'failed')
    assert.equal(job.attempt, 3)
    assert.match(job.failReason, /lease expired on attempt 3 of 3/)
    // The queue goes on without it.
    const other = await env.queue.enqueue('work', {})
    await env.whenJob(other, 'completed')
    const starts = workers.flatMap((worker) => worker.all('started', (event) => event.job === id))
    assert.deepEqual(
      starts.map(({ attempt }) => attempt),
      [1, 2, 3],
    )
    assert.equal(last.endedAt, undefined)
  })
})
