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

  it('tells of no renewal that holds, and of a lost lease for how long it was held', async () => {
    const answers = ['applied', 'lease-lost']
    queue = new JobQueue(override(backend, { heartbeat: async () => answers.shift() }), silentLogger, {
      onJobEvent: log.listener,
    })
    const handle = await queue.claimOrEnqueue('work', {})
    await handle.heartbeat()
    assert.deepEqual(log.kinds(), ['claimed'])
    await handle.heartbeat()
    assert.deepEqual(log.kinds(), ['claimed', 'lease-lost'])
  })

  it('tells for how long its job took, from the claim', async () => {
    const handle = await queue.claimOrEnqueue('work', {})
    await handle.complete()
    const { durationMs } = log.events[1]
    assert.ok(durationMs >= 0 && durationMs < 60_000, `${durationMs}`)
  })

  describe('that is completed in a transaction', () => {
    /** A handle whose completion is read back with these answers, and a session that commits when it is told to. */
    async function inTransaction(answers) {
      const asked = []
      const transactions = {
        readBack: async (...args) => (asked.push(args), { status: answers.shift() ?? 'completed' }),
      }
      const played = Object.assign(backend, { transactions, complete: async () => ({ status: 'completed' }) })
      queue = new JobQueue(played, silentLogger, { onJobEvent: log.listener })
      const session = {
        transaction: { state: 'TRANSACTION_IN_PROGRESS' },
        hasEnded: false,
        inTransaction: () => session.transaction.state === 'TRANSACTION_IN_PROGRESS',
        endSession() {},
        commit: () => (session.transaction.state = 'TRANSACTION_COMMITTED'),
      }
      return { handle: await queue.claimOrEnqueue('work', {}), session, asked }
    }

    /** The looks at a session keep no process alive. */
    let alive
    beforeEach(() => (alive = setInterval(() => {}, 1000)))
    afterEach(() => clearInterval(alive))

    it('is told of once that has committed, by what is stored then', async () => {
      const { handle, session, asked } = await inTransaction([])
      await handle.complete({ session })
      assert.deepEqual([log.kinds(), asked], [['claimed'], []])
      session.commit()
      await log.next('completed')
      assert.deepEqual(asked, [[handle.id, handle.claimToken]])
    })

    it('is looked at again until it is there, and told of once', async () => {
      const { handle, session, asked } = await inTransaction(['lease-lost'])
      await handle.complete({ session })
      session.commit()
      await log.next('completed')
      assert.deepEqual(asked.length, 2)
      await handle.complete()
      assert.deepEqual(log.kinds(), ['claimed', 'completed'])
    })

    it('is refused by a backend without transactions, and not written outside of one', async () => {
      const { handle, session } = await inTransaction([])
      let written = 0
      Object.assign(backend, { transactions: undefined, complete: async () => void (written += 1) })
      await assert.rejects(handle.complete({ session }), { code: 'ERR_DURABL_UNSUPPORTED' })
      assert.equal(written, 0)
    })
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
