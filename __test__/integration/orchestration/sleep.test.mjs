/** Orchestrations that sleep, on MongoDB and in memory. */
import assert from 'node:assert/strict'
import { describe, mock, test } from 'node:test'
import { DummyBackend, JobQueue, Orchestrator } from 'durabl'
import { SILENT } from '../../support/jobs.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { BACKENDS, QUICK, orchestrated } from './support/orchestrated.mjs'

const DAY_MS = 86_400_000

for (const name of BACKENDS) {
  describe(name, () => {
    /** A job whose orchestration sleeps for a day. */
    async function asleep(t, { config, options, queue } = {}) {
      const world = await orchestrated(t, name, { queue })
      const ran = []
      world.orchestrator.define(
        'trial',
        async (job, octx) => {
          await octx.step('one', () => void ran.push(job.attempt))
          await octx.sleep('a day', DAY_MS)
          await octx.step('two', () => void ran.push('two'))
        },
        config,
      )
      const id = await world.queue.enqueue('trial', {}, options)
      const job = await pollUntil('it is parked', async () => {
        const found = await world.job(id)
        return found.status === 'pending' && found.runAt.getTime() > Date.now() + DAY_MS / 2 && found
      })
      return { ...world, ran, id, parkedJob: job }
    }

    test('a sleep of more than a second parks, and ends on time, once', async (t) => {
      const changes = []
      const { orchestrator, queue, ended, stepsOf, events } = await orchestrated(t, name, {
        queue: { onJobChange: (change) => changes.push(change) },
      })
      const ran = []
      let wokeAt
      orchestrator.define('trial', async (job, octx) => {
        await octx.step('one', () => void ran.push(['one', job.attempt]))
        await octx.sleep('pause', 1300)
        wokeAt ??= Date.now()
        await octx.step('two', () => void ran.push(['two', job.attempt]))
      })
      const id = await queue.enqueue('trial', {}, { maxAttempts: 1 })
      assert.equal((await ended(id)).status, 'completed')
      assert.deepEqual(ran, [
        ['one', 1],
        ['two', 1],
      ])
      const [, [, , until]] = await stepsOf(id)
      assert.ok(wokeAt >= until.getTime() - 1 && wokeAt < until.getTime() + 1000, `${wokeAt - until}`)
      assert.deepEqual(
        changes.filter(({ kind }) => kind === 'parked'),
        [{ kind: 'parked', type: 'trial', jobId: id, waitsFor: 'sleep', until }],
      )
      await pollUntil('its end is told', () => events.length === 3)
      assert.deepEqual(
        events.map(({ kind }) => kind),
        ['claimed', 'claimed', 'completed'],
      )
    })

    test('a short sleep is waited for in place', async (t) => {
      const { orchestrator, queue, ended, events } = await orchestrated(t, name)
      orchestrator.define('nap', async (job, octx) => {
        await Promise.all([octx.sleep('a', 40), octx.sleep('b', 20)])
        await octx.sleep('c', 10)
      })
      const id = await queue.enqueue('nap', {})
      assert.equal((await ended(id)).status, 'completed')
      await pollUntil('its end is told', () => events.length === 2)
    })

    test('a parked job holds no slot, no lease and no attempt', async (t) => {
      const { queue, orchestrator, ended, parkedJob, ran, backend, id } = await asleep(t)
      assert.deepEqual([parkedJob.attempt, parkedJob.claimedAt], [0, undefined])
      assert.deepEqual(ran, [1])
      assert.equal(await backend.recoverStuckJobs(0), 0)
      orchestrator.define('other', async () => {})
      // Concurrency 1: the slot of its type is free as well.
      const next = await queue.enqueue('trial', {})
      await pollUntil('the next one has run', () => ran.length === 2)
      assert.equal((await ended(await queue.enqueue('other', {}))).status, 'completed')
      assert.deepEqual([(await backend.findOne({ id })).status, typeof next], ['pending', 'string'])
    })

    test('its key stays held, promote and reschedule leave it alone, and cancel ends it', async (t) => {
      const key = { dedupeKey: 'k', dedupeScope: 'pending+active' }
      const { queue, id, job } = await asleep(t, { options: key })
      assert.equal(await queue.enqueue('trial', {}, key), null)
      const wrong = { status: 'wrong-status', jobStatus: 'pending' }
      assert.deepEqual(await queue.promote(id), wrong)
      assert.deepEqual(await queue.reschedule(id, { delay: 5 }), wrong)
      assert.deepEqual(await queue.reschedule(id, { priority: 3 }), wrong)
      assert.deepEqual(await queue.retry(id), wrong)
      assert.equal((await queue.promoteMany({ status: 'pending', type: 'trial' })).changed, 0)
      assert.deepEqual(await queue.cancel(id), { status: 'cancelled' })
      assert.equal((await job(id)).failReason, 'cancelled')
      assert.equal(typeof (await queue.enqueue('trial', {}, key)), 'string')
    })

    test('a shutdown has nothing to wait for, and another process goes on', async (t) => {
      const { queue, id, ran, join, backend } = await asleep(t)
      const beganAt = Date.now()
      await queue.shutdown(20_000)
      assert.ok(Date.now() - beganAt < 10_000)
      const next = join(backend)
      new Orchestrator(next.queue, SILENT).define('trial', async (job, octx) => {
        await octx.step('one', () => void ran.push('again'))
        await octx.sleep('a day', 0)
        await octx.step('two', () => void ran.push('two'))
      })
      await next.queue.enqueue('trial', {})
      await next.ended(id, ['pending'])
      await pollUntil('the other one runs', () => ran.includes('two'))
      assert.deepEqual(ran, [1, 'again', 'two'])
    })

    test('a job that expires unless it is started does not while it sleeps', async (t) => {
      const { backend, id } = await asleep(t, { options: { expiresInMs: 1 + DAY_MS / 4 } })
      const raw = backend.jobs?.[0] ?? (await backend.getCollection().findOne({ _id: id }))
      assert.deepEqual([raw.expiresAt, raw.parked.kind, raw.parked.until], [undefined, 'sleep', raw.runAt])
      assert.equal(await backend.recoverStuckJobs(300_000), 0)
    })

    test('in dedupe scope `pending` a sleep fails the job for good', async (t) => {
      const { orchestrator, queue, ended } = await orchestrated(t, name)
      orchestrator.define('trial', (job, octx) => octx.sleep('s', 5).catch(() => {}))
      const id = await queue.enqueue('trial', {}, { ...QUICK, dedupeKey: 'k', dedupeScope: 'pending' })
      const job = await ended(id)
      assert.deepEqual([job.status, job.attempt], ['failed', 1])
      assert.match(job.failReason, /durable orchestration.*sleep.*scope "pending"/)
    })

    test('a step that is running is waited for, and a sleep that ends meanwhile is answered in place', async (t) => {
      const { orchestrator, queue, ended, events } = await orchestrated(t, name)
      const order = []
      orchestrator.define('trial', async (job, octx) => {
        await Promise.all([
          octx.branch('long', (b) =>
            b.step('work', () => pollUntil('the sleep has ended', () => order.includes('woke'))),
          ),
          octx.branch('sleep', async (b) => {
            await b.sleep('s', 1100)
            order.push('woke')
          }),
        ])
      })
      const id = await queue.enqueue('trial', {})
      assert.equal((await ended(id)).status, 'completed')
      await pollUntil('its end is told', () => events.length === 2)
      assert.deepEqual(order, ['woke'])
    })
  })
}

test('with fake timers a week passes at once', async (t) => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 0 })
  t.after(() => mock.timers.reset())
  const backend = new DummyBackend()
  const queue = new JobQueue(backend, SILENT, { autoRecover: false })
  t.after(() => queue.shutdown(0))
  const ran = []
  new Orchestrator(queue, SILENT).define('trial', async (job, octx) => {
    await octx.step('one', () => void ran.push('one'))
    await octx.sleep('a week', 7 * DAY_MS)
    await octx.step('two', () => void ran.push('two'))
  })
  await queue.enqueue('trial', {})
  const turns = async (condition) => {
    for (let n = 0; n < 1000 && !condition(); n += 1) await new Promise((resolve) => setImmediate(resolve))
    assert.ok(condition())
  }
  await turns(() => backend.jobs[0].parked !== undefined && backend.jobs[0].status === 'pending')
  mock.timers.tick(7 * DAY_MS - 1)
  await turns(() => true)
  assert.deepEqual(ran, ['one'])
  mock.timers.tick(1)
  await turns(() => backend.jobs[0].status === 'completed')
  assert.deepEqual(ran, ['one', 'two'])
})
