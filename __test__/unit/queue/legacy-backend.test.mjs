import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { FatalJobError, JobQueue } from 'durabl'
import { deferred, eventLog, never, settled } from '../../support/async.mjs'
import { LegacyBackend } from '../../support/legacy-backend.mjs'
import { silentLogger } from '../../support/loggers.mjs'

let backend, queue, log
beforeEach(() => {
  backend = new LegacyBackend()
  log = eventLog()
  queue = new JobQueue(backend, silentLogger, { onJobEvent: log.listener })
})
afterEach(() => queue.shutdown(0))

async function run(handler, options) {
  await queue.enqueue('work', { n: 1 }, options)
  queue.process('work', handler)
  await settled()
  return backend.jobs[0]
}

describe('on a backend of the first releases', () => {
  it('a handler that completes by hand works as it always did', async () => {
    let result
    const job = await run(async (_job, ctx) => void (result = await ctx.complete()))
    assert.equal(job.status, 'completed')
    assert.deepEqual(result, { status: 'completed' })
    assert.deepEqual(backend.callsOf('complete'), [['legacy-1']])
  })

  it('a handler that returns completes its job', async () => {
    assert.equal((await run(() => {})).status, 'completed')
  })

  it('results cannot be kept, and progress is a warning', async () => {
    assert.throws(() => queue.process('work', () => 1, { results: 'keep' }), {
      code: 'ERR_DURABL_UNSUPPORTED',
      message: /"results"/,
    })
    const job = await run(async (_job, ctx) => {
      await ctx.progress(1)
      await ctx.progress(2)
    })
    assert.equal(job.status, 'completed')
  })

  it('a handler that throws fails, and results are told apart by their attempts', async () => {
    const job = await run(
      () => {
        throw new Error('boom')
      },
      { maxAttempts: 2 },
    )
    assert.deepEqual(backend.callsOf('fail'), [
      ['legacy-1', 'boom'],
      ['legacy-1', 'boom'],
    ])
    assert.equal(job.status, 'failed')
    const failures = log.events.filter(({ kind }) => kind === 'failed')
    assert.deepEqual(
      failures.map(({ terminal }) => terminal),
      [false, true],
    )
  })

  it('a handler can fail for good', async () => {
    assert.equal(
      (
        await run(() => {
          throw new FatalJobError('no')
        })
      ).status,
      'failed',
    )
    assert.equal(log.events[1].kind, 'fail-fatal')
  })

  it('log and heartbeat are called as they always were', async () => {
    let beat
    await run(async (_job, ctx) => {
      ctx.log('line')
      beat = await ctx.heartbeat()
    })
    assert.deepEqual(backend.callsOf('log'), [['legacy-1', 'line']])
    assert.deepEqual(backend.callsOf('heartbeat'), [['legacy-1']])
    assert.equal(beat, 'applied')
  })

  it('a `false` for a settlement is a lost lease', async () => {
    backend.complete = async () => false
    await run(() => {})
    assert.equal(log.events[1].kind, 'lease-lost')
  })

  it('a handle completes and fails', async () => {
    const first = await queue.claimOrEnqueue('work', {})
    assert.deepEqual(await first.complete(), { status: 'completed' })
    const second = await queue.claimOrEnqueue('work', {}, { maxAttempts: 1 })
    assert.deepEqual(await second.fail('boom'), { status: 'failed-terminal' })
    assert.deepEqual(backend.callsOf('fail'), [['legacy-2', 'boom']])
  })

  it('a handle of the backend’s own, with complete, fail and log only, becomes a whole one', async () => {
    const claim = backend.claimOrEnqueue.bind(backend)
    backend.claimOrEnqueue = async (...args) => {
      const job = await claim(...args)
      const { id } = job
      const complete = () => backend.complete(id)
      return {
        ...job,
        complete,
        fail: (reason) => backend.fail(id, reason),
        log: (line) => backend.log(id, line),
      }
    }
    const handle = await queue.claimOrEnqueue('work', {})
    await handle.log('line')
    assert.equal(await handle.heartbeat(), 'applied')
    assert.deepEqual(await handle.complete(), { status: 'completed' })
    const run = []
    await queue.runClaimed(
      await queue.claimOrEnqueue('work', { n: 2 }),
      (job) => void run.push(Object.keys(job)),
    )
    assert.ok(run[0].includes('data') && !run[0].includes('complete'))
    assert.deepEqual(backend.callsOf('complete'), [['legacy-1'], ['legacy-2']])
  })

  it('a handler that settles by hand and ignores what comes back is done, whatever it returns', async () => {
    const job = await run((_job, ctx) => {
      ctx.log('started')
      void ctx.complete()
      return false
    })
    assert.equal(job.status, 'completed')
    assert.equal(backend.callsOf('complete').length, 1)
  })

  it('a handle cannot be released, and says so', async () => {
    const handle = await queue.claimOrEnqueue('work', {})
    await assert.rejects(handle.release(), { code: 'ERR_DURABL_UNSUPPORTED' })
  })

  it('runClaimed runs the handle and drains nothing', async () => {
    const ran = []
    const handle = await queue.claimOrEnqueue('work', { n: 1 }, { dedupeKey: 'k', dedupeScope: 'pending' })
    await queue.enqueue('work', { n: 2 }, { dedupeKey: 'k', dedupeScope: 'pending' })
    await queue.runClaimed(handle, (job) => void ran.push(job.data.n))
    assert.deepEqual(ran, [1])
    assert.equal(backend.jobs[0].status, 'completed')
  })

  it('hasOutstanding is answered by findOne', async () => {
    assert.equal(await queue.hasOutstanding('work', 'k'), false)
    await queue.enqueue('work', {}, { dedupeKey: 'k' })
    assert.equal(await queue.hasOutstanding('work', 'k'), true)
    await backend.claimNext('work')
    assert.equal(await queue.hasOutstanding('work', 'k'), true)
    await backend.complete('legacy-1')
    assert.equal(await queue.hasOutstanding('work', 'k'), false)
  })

  it('statistics that only count are made whole', async () => {
    backend.getStats = async (type) => ({
      pending: type === 'work' ? 2 : 3,
      active: 0,
      completed: 0,
      failed: 1,
    })
    assert.deepEqual(await queue.getStats('work'), {
      ...{ pending: 2, active: 0, completed: 0, failed: 1, superseded: 0 },
      ...{ oldestPendingRunAt: null, oldestPendingLagMs: 0 },
    })
    assert.equal((await queue.getStats()).pending, 3)
  })

  it('the reaper does not start where the backend recovers nothing', async () => {
    await assert.rejects(queue.startReaper(), { code: 'ERR_DURABL_UNSUPPORTED' })
    await assert.rejects(queue.startReaper(), /recoverStuckJobs/)
  })

  it('a shutdown leaves unfinished jobs to their leases', async () => {
    await run(never)
    await queue.shutdown(0)
    assert.equal(backend.jobs[0].status, 'active')
    assert.deepEqual(backend.callsOf('fail'), [])
    assert.equal(log.kinds().includes('shutdown-released'), false)
    assert.equal(backend.callsOf('shutdown').length, 1)
  })

  it('a backend needs no startup and no shutdown', async () => {
    backend.startup = undefined
    backend.shutdown = undefined
    await queue.startup()
    await queue.shutdown()
  })

  it('a job of another processor does not wait for a slot of this one', async () => {
    const hold = deferred()
    queue.process('slow', () => hold.promise)
    await queue.enqueue('slow', {})
    await run(() => {})
    assert.equal(backend.jobs[1].status, 'completed')
    hold.resolve()
  })
})
