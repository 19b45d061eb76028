/** A lease that is gone: the handler is told, and nothing that its run still does counts. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { JobQueue, LeaseLostError, ShutDownError, TimeoutError } from 'durabl'
import { deferred, eventLog } from '../../support/async.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { farWorker } from './support/far.mjs'
import { SILENT, jobs } from '../../support/jobs.mjs'
import { assertNoOverlap, runsOf } from '../../support/runs.mjs'
import { startWorker } from '../../support/workers/workers.mjs'

const VISIBILITY_MS = 1000
/** Renewed so seldom that within a test no renewal notices a theft. */
const LONG_MS = 300_000

const THIEF = { claimToken: 'thief', attempt: 2 }

/** A queue in this process whose handler goes on as `handler` says, once its job was stolen. */
async function running(t, { visibilityTimeoutMs = VISIBILITY_MS, handler, config } = {}) {
  const env = await jobs(t)
  const log = eventLog()
  const queue = new JobQueue(env.backend, SILENT, {
    visibilityTimeoutMs,
    onJobEvent: log.listener,
    autoRecover: false,
  })
  atEnd(t, () => queue.shutdown(0))
  const started = deferred()
  const stolen = deferred()
  const ended = deferred()
  queue.process(
    'work',
    async (job, ctx) => {
      started.resolve({ job, ctx })
      await stolen.promise
      try {
        return await handler?.(ctx)
      } finally {
        ended.resolve()
      }
    },
    config,
  )
  const id = await queue.enqueue('work', {}, { backoffDelay: 60_000 })
  const { ctx } = await started.promise
  /** Takes the lease away, as a worker does that found it expired. */
  const steal = () => env.collection.updateOne({ _id: id }, { $set: { ...THIEF, claimedAt: new Date() } })
  return { ...env, queue, log, id, ctx, steal, goOn: stolen.resolve, ended: ended.promise }
}

/** Fails unless the job is exactly as the thief has it. */
async function assertThiefs({ stored, id }) {
  const { status, claimToken, attempt, failReason = null } = await stored(id)
  assert.deepEqual(
    { status, claimToken, attempt, failReason },
    { status: 'active', ...THIEF, failReason: null },
  )
}

const ENDS = {
  returns: async () => {},
  throws: async () => {
    throw new Error('too late')
  },
  'completes by hand': async (ctx) => assert.deepEqual(await ctx.complete(), { status: 'lease-lost' }),
  'fails by hand': async (ctx) => assert.deepEqual(await ctx.fail('no'), { status: 'lease-lost' }),
  'fails for good by hand': async (ctx) =>
    assert.deepEqual(await ctx.failFatal('no'), { status: 'lease-lost' }),
  'renews by hand': async (ctx) => assert.equal(await ctx.heartbeat(), 'lease-lost'),
  'logs a line': (ctx) => ctx.log('a line'),
}

describe('a handler whose lease was taken by another', { concurrency: true }, () => {
  for (const [name, handler] of Object.entries(ENDS)) {
    test(`is aborted at the next renewal, and changes nothing when it ${name} after that`, async (t) => {
      const run = await running(t, { handler })
      await run.steal()
      const lost = await run.log.next('lease-lost')
      assert.deepEqual([lost.jobId, lost.type, lost.op], [run.id, 'work', 'heartbeat'])
      assert.equal(run.ctx.signal.aborted, true)
      assert.ok(run.ctx.signal.reason instanceof LeaseLostError)
      run.goOn()
      await run.ended
      await run.queue.shutdown()
      await assertThiefs(run)
      assert.deepEqual(run.log.kinds(), ['claimed', 'lease-lost'])
    })

    test(`changes nothing when it ${name} before a renewal could tell`, async (t) => {
      const run = await running(t, { handler, visibilityTimeoutMs: LONG_MS })
      await run.steal()
      run.goOn()
      await run.ended
      await run.queue.shutdown()
      await assertThiefs(run)
      assert.deepEqual(run.log.kinds(), ['claimed', 'lease-lost'])
    })
  }

  test('tells which write it was that found out', async (t) => {
    const run = await running(t, { visibilityTimeoutMs: LONG_MS })
    await run.steal()
    run.goOn()
    assert.equal((await run.log.next('lease-lost')).op, 'complete')
  })
})

describe('a job that was ended behind the back of its handler', { concurrency: true }, () => {
  test('stays as it is', async (t) => {
    const run = await running(t, { visibilityTimeoutMs: LONG_MS })
    assert.deepEqual(await run.backend.failFatal(run.id, 'by hand'), { status: 'failed-terminal' })
    run.goOn()
    await run.queue.shutdown()
    const { status, failReason } = await run.stored(run.id)
    assert.deepEqual([status, failReason], ['failed', 'by hand'])
    assert.deepEqual(run.log.kinds(), ['claimed'])
  })

  test('is noticed at the next renewal', async (t) => {
    const run = await running(t)
    await run.backend.complete(run.id)
    await run.log.next('lease-lost')
    assert.equal(run.ctx.signal.aborted, true)
    run.goOn()
  })

  test('does not come back once it was removed', async (t) => {
    for (const visibilityTimeoutMs of [VISIBILITY_MS, LONG_MS]) {
      const run = await running(t, { visibilityTimeoutMs })
      await run.collection.deleteOne({ _id: run.id })
      if (visibilityTimeoutMs === VISIBILITY_MS) await run.log.next('lease-lost')
      run.goOn()
      await run.queue.shutdown()
      assert.equal(await run.stored(run.id), null)
      assert.ok(!run.log.kinds().includes('completed'))
    }
  })
})

describe('a signal is aborted', { concurrency: true }, () => {
  test('by timeoutMs, and the job fails', async (t) => {
    const run = await running(t, { config: { timeoutMs: 100 } })
    const { reason } = await run.log.next('failed')
    assert.ok(run.ctx.signal.reason instanceof TimeoutError)
    assert.match(reason, /timeoutMs \(100\)/)
    run.goOn()
    await run.ended
    const { status, attempt } = await run.stored(run.id)
    assert.deepEqual([status, attempt], ['pending', 1])
  })

  test('by the shutdown, and the job is given back', async (t) => {
    const run = await running(t)
    await run.queue.shutdown(0)
    assert.ok(run.ctx.signal.reason instanceof ShutDownError)
    run.goOn()
    await run.ended
    const { status, attempt } = await run.stored(run.id)
    assert.deepEqual([status, attempt], ['pending', 0])
  })

  test('before another worker can take the job of a worker that is cut off', async (t) => {
    const visibilityTimeoutMs = 5000
    const aborted = deferred()
    const run = await farWorker(t, {
      visibilityTimeoutMs,
      handler: (_, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            aborted.resolve(Date.now())
            resolve()
          })
        }),
    })
    const id = await run.near.enqueue('work', {})
    run.start()
    await run.log.next('claimed')
    run.proxy.mute()
    const { claimedAt, claimToken } = await run.stored(id)
    const { localTime } = await run.db.command({ hello: 1 })
    const ahead = localTime - Date.now()
    const expiresAt = claimedAt.getTime() + visibilityTimeoutMs
    const late = (await aborted.promise) + ahead - expiresAt
    assert.ok(late < 0, `aborted ${late} ms after the lease had expired`)
    const { status, claimToken: held } = await run.stored(id)
    assert.deepEqual([status, held], ['active', claimToken])
    assert.deepEqual(run.log.kinds(), ['claimed', 'lease-lost'])
  })
})

describe('a worker that stands still', { concurrency: true }, () => {
  const other = { work: { handler: 'hang', config: { pollInterval: 100 } } }

  test('frozen beyond its lease, completes nothing when it goes on', async (t) => {
    const env = await jobs(t)
    const config = { ...env.config, queue: { visibilityTimeoutMs: VISIBILITY_MS } }
    // Time enough to freeze it.
    const frozen = await startWorker(t, { ...config, processors: { work: { handler: 'sleep', ms: 1000 } } })
    const id = await env.queue.enqueue('work', {})
    await frozen.next('started')
    frozen.signal('SIGSTOP')
    const taker = await startWorker(t, { ...config, processors: other })
    assert.equal((await taker.next('started')).attempt, 2)
    const before = await env.stored(id)
    frozen.signal('SIGCONT')
    await frozen.next('ended')
    await frozen.next('event:lease-lost')
    await frozen.call('worker', 'end', 1000)
    const { status, attempt, claimToken } = await env.stored(id)
    assert.deepEqual([status, attempt, claimToken], ['active', 2, before.claimToken])
    assert.deepEqual([frozen.all('event:completed'), taker.all('event:lease-lost')], [[], []])
  })

  test('frozen beyond its leases, starts none of the jobs that it held ready', async (t) => {
    const env = await jobs(t)
    const config = { ...env.config, queue: { visibilityTimeoutMs: VISIBILITY_MS } }
    const ids = []
    for (let n = 0; n < 3; n += 1) ids.push(await env.queue.enqueue('work', n))
    const ahead = { handler: 'sleep', ms: 1500, config: { concurrency: 1, prefetch: 3 } }
    const frozen = await startWorker(t, { ...config, processors: { work: ahead } })
    for (const id of ids) await frozen.next('event:claimed', (event) => event.jobId === id)
    // Its next turn, after it is woken, is that of the timer: then the first handler ends.
    frozen.signal('SIGSTOP')
    const quick = { handler: 'nothing', config: { pollInterval: 100 } }
    const taker = await startWorker(t, { ...config, processors: { work: quick } })
    for (const id of ids) await env.whenJob(id, 'completed')
    frozen.signal('SIGCONT')
    // Of the one that it was at, its verdict may be the first to tell.
    const { job: first } = await frozen.next('started')
    for (const id of ids.filter((id) => id !== first))
      await frozen.next('event:lease-lost', (event) => event.jobId === id)
    assert.equal(frozen.all('started').length, 1)
    assert.equal(taker.all('started').length, 3)
  })

  test('frozen for less than its lease, keeps its job', async (t) => {
    const env = await jobs(t)
    const config = { ...env.config, queue: { visibilityTimeoutMs: 8000 } }
    const frozen = await startWorker(t, { ...config, processors: { work: { handler: 'sleep', ms: 300 } } })
    const taker = await startWorker(t, { ...config, processors: { other: { handler: 'nothing' } } })
    const id = await env.queue.enqueue('work', {})
    await frozen.next('started')
    frozen.signal('SIGSTOP')
    // The other one sweeps every two seconds or so meanwhile.
    const swept = await env.queue.enqueue('other', {}, { delay: 3000 })
    await env.whenJob(swept, 'completed')
    frozen.signal('SIGCONT')
    assert.equal((await env.whenJob(id, 'completed')).attempt, 1)
    assert.deepEqual([frozen.all('event:lease-lost'), taker.all('event:reaper-recovered')], [[], []])
  })

  test('its event loop stuck for longer than maxBlockMs, loses its job, and claims no other', async (t) => {
    const env = await jobs(t)
    const config = { ...env.config, queue: { visibilityTimeoutMs: VISIBILITY_MS } }
    const directory = await mkdtemp(join(tmpdir(), 'durabl-stuck-'))
    atEnd(t, () => rm(directory, { recursive: true }))
    const takenOver = join(directory, 'taken-over')
    // Frozen at first, or it would take the job itself.
    const taker = await startWorker(t, { ...config, processors: other })
    taker.signal('SIGSTOP')
    const stuck = await startWorker(t, {
      ...config,
      backend: { maxBlockMs: 500 },
      processors: { work: { handler: 'blockUntil', file: takenOver } },
    })
    const id = await env.queue.enqueue('work', {})
    await stuck.next('started')
    taker.signal('SIGCONT')
    // Not 3: the stuck process, whose engine is well, must not take it again and again until its attempts are used up.
    assert.equal((await taker.next('started')).attempt, 2)
    await writeFile(takenOver, '')
    await stuck.next('event:lease-lost')
    const [first, second] = runsOf([stuck, taker])
    assert.ok(second.from < first.to, 'it was stuck when the other one took over')
    assert.throws(
      () => assertNoOverlap([first, second], 'job'),
      'so here, and only here, two handlers overlap',
    )
    const { status, attempt } = await env.stored(id)
    assert.deepEqual([status, attempt], ['active', 2])
    assert.deepEqual([stuck.all('event:completed'), stuck.all('started').length], [[], 1])
    // Once it answers again, it works again.
    const next = await env.queue.enqueue('work', {})
    await stuck.next('started', ({ job }) => job === next)
  })
})
