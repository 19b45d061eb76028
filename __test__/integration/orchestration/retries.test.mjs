/** Long waits between the tries of a step, on MongoDB and in memory, and over processes that die. */
import assert from 'node:assert/strict'
import { describe, mock, test } from 'node:test'
import { DummyBackend, JobQueue, Orchestrator } from 'durabl'
import { app } from '../../support/app.mjs'
import { SILENT } from '../../support/jobs.mjs'
import { testUrl } from '../../support/mongo.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { startWorker } from '../../support/workers/workers.mjs'
import { BACKENDS, orchestrated } from './support/orchestrated.mjs'

/** Just long enough to park. */
const LONG = { maxAttempts: 3, backoff: 'fixed', backoffDelay: 10_001 }
const DAY = { ...LONG, backoffDelay: 86_400_000 }
const MINUTE_MS = 60_000

/** A step that fails so many times. */
function flaky(failures, retry = DAY) {
  const tries = []
  const body = async (job, octx) => {
    const call = () => {
      tries.push(job.attempt)
      if (tries.length <= failures) throw new Error('no luck')
    }
    await octx.step('flaky', call, { retry })
  }
  return { tries, body }
}

const isParked = (job) => job.status === 'pending' && job.runAt.getTime() > Date.now() + MINUTE_MS && job

for (const name of BACKENDS) {
  describe(name, () => {
    test('a job whose step waits for its next try holds no slot, no lease and no attempt', async (t) => {
      const { orchestrator, queue, backend, job } = await orchestrated(t, name)
      const { tries, body } = flaky(1)
      orchestrator.define('patient', body)
      const ids = [await queue.enqueue('patient', {}, { maxAttempts: 1 })]
      const first = await pollUntil('it is parked', async () => isParked(await job(ids[0])))
      assert.deepEqual([first.attempt, first.claimedAt, tries], [0, undefined, [1]])
      // Concurrency 1: its slot is free.
      ids.push(await queue.enqueue('patient', {}))
      await pollUntil('the next one has run', () => tries.length === 2)
      const [wait] = await backend.readSteps(ids[0])
      assert.deepEqual([wait.seq, wait.name, wait.kind, wait.path], [-2, 'flaky', 'retry', '0.1'])
      assert.deepEqual(wait.result, first.runAt)
      const started = performance.now()
      await queue.shutdown(20_000)
      assert.ok(performance.now() - started < 10_000, 'the shutdown waited')
    })

    test('in dedupe scope `pending` the wait holds the slot, and a shutdown gives the job back', async (t) => {
      const { orchestrator, queue, backend, stored, join } = await orchestrated(t, name)
      const { tries, body } = flaky(1)
      orchestrator.define('patient', body)
      const options = { maxAttempts: 1, dedupeKey: 'k', dedupeScope: 'pending' }
      const id = await queue.enqueue('patient', {}, options)
      await pollUntil('its wait is recorded', async () => (await backend.readSteps(id)).length === 1)
      assert.equal((await backend.findOne({ id })).status, 'active')
      await queue.shutdown(20_000)
      const { status, attempt } = await stored(join(backend), id)
      assert.deepEqual([status, attempt, tries], ['pending', 0, [1]])
    })
  })
}

test('with fake timers a day between two tries passes at once', async (t) => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 0 })
  t.after(() => mock.timers.reset())
  const backend = new DummyBackend()
  const queue = new JobQueue(backend, SILENT, { autoRecover: false })
  t.after(() => queue.shutdown(0))
  const { tries, body } = flaky(2)
  new Orchestrator(queue, SILENT).define('patient', body)
  await queue.enqueue('patient', {}, { maxAttempts: 1 })
  const turns = async (condition) => {
    for (let n = 0; n < 1000 && !condition(); n += 1) await new Promise((resolve) => setImmediate(resolve))
    assert.ok(condition())
  }
  for (const day of [1, 2]) {
    await turns(() => isParked(backend.jobs[0]) && tries.length === day)
    mock.timers.tick(1.1 * DAY.backoffDelay)
  }
  await turns(() => backend.jobs[0].status === 'completed')
  assert.equal(tries.length, 3)
})

test('a worker that is killed while a job is parked uses up no try', async (t) => {
  const env = await app(t)
  const config = {
    ...{ url: testUrl(), database: env.db.databaseName },
    orchestrations: { flaky: { body: 'flaky', failures: 2, retry: LONG } },
  }
  const victim = await startWorker(t, config)
  const id = await env.queue.enqueue('flaky', {}, { maxAttempts: 1 })
  const { until } = await victim.next('parked')
  assert.ok(new Date(until).getTime() > Date.now() + 5_000)
  await victim.kill()
  const heir = await startWorker(t, config)
  await heir.next('tried', ({ tries }) => tries === 2)
  await heir.next('parked')
  await heir.kill()
  // Its step may fail once more, and must not.
  const last = await startWorker(t, config)
  await last.next('returned')
  await last.next('event:completed')
  const job = await env.stored(id)
  assert.deepEqual([job.status, job.attempt], ['completed', 1])
  assert.equal(await env.db.collection('ledger').countDocuments({ job: id }), 3)
})
