import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { eventLog, settled } from '../../support/async.mjs'
import { silentLogger } from '../../support/loggers.mjs'
import { override } from '../../support/override.mjs'

let backend, queue, log
beforeEach(() => {
  backend = new DummyBackend()
  log = eventLog()
  queue = new JobQueue(backend, silentLogger, { onJobEvent: log.listener })
})
afterEach(() => queue.shutdown(0))

describe('a handle', () => {
  it('is the active job, on its first attempt', async () => {
    const handle = await queue.claimOrEnqueue('work', { n: 1 }, { priority: 3 })
    const { id, type, data, status, attempt, priority } = handle
    assert.deepEqual(
      { id, type, data, status, attempt, priority },
      {
        ...{ id: 'dummy-1', type: 'work', data: { n: 1 }, status: 'active', attempt: 1, priority: 3 },
      },
    )
    assert.deepEqual(log.events, [{ kind: 'claimed', type: 'work', jobId: 'dummy-1', attempt: 1 }])
  })

  const ends = [
    ['complete', [], { status: 'completed' }, 'completed', 'completed'],
    ['fail', ['boom'], { status: 'retry-scheduled' }, 'pending', 'failed'],
    ['failFatal', ['boom'], { status: 'failed-terminal' }, 'failed', 'fail-fatal'],
    ['release', [], { status: 'released' }, 'pending', undefined],
  ]
  for (const [method, args, result, status, event] of ends) {
    it(`${method} settles the job, with its own event`, async () => {
      const handle = await queue.claimOrEnqueue('work', {})
      const { [method]: end } = handle
      assert.deepEqual(await end(...args), result)
      assert.equal(backend.jobs[0].status, status)
      assert.equal(log.events[1]?.kind, event)
    })
  }

  it('takes an error as a reason', async () => {
    const handle = await queue.claimOrEnqueue('work', {})
    await handle.fail(new Error('boom'))
    assert.equal(backend.jobs[0].failReason, 'boom')
  })

  it('tells what a second settlement finds', async () => {
    const handle = await queue.claimOrEnqueue('work', {})
    await handle.complete()
    assert.deepEqual(await handle.fail('late'), { status: 'already-terminal', terminalStatus: 'completed' })
  })

  it('tells of a lost lease', async () => {
    queue = new JobQueue(override(backend, { heartbeat: async () => 'lease-lost' }), silentLogger, {
      onJobEvent: log.listener,
    })
    const handle = await queue.claimOrEnqueue('work', {})
    assert.equal(await handle.heartbeat(), 'lease-lost')
    assert.equal(log.events[1].op, 'heartbeat')
  })

  it('rejects when the backend does', async () => {
    queue = new JobQueue(
      override(backend, {
        complete: async () => {
          throw new Error('down')
        },
      }),
      silentLogger,
    )
    const handle = await queue.claimOrEnqueue('work', {})
    await assert.rejects(handle.complete(), { message: 'down' })
  })

  it('whose settlement frees its key lets a processor here run the follower at once', async (t) => {
    // No poll comes in between.
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const polled = override(backend, { onJobAvailable: undefined })
    queue = new JobQueue(polled, silentLogger, { onJobEvent: log.listener })
    const options = { dedupeKey: 'k', dedupeScope: 'pending' }
    const handle = await queue.claimOrEnqueue('work', 1, options)
    queue.process('work', () => {})
    await queue.enqueue('work', 2, options)
    await handle.complete()
    await settled()
    assert.equal(backend.jobs[1].status, 'completed')
  })
})
