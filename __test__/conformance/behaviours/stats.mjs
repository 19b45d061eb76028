import assert from 'node:assert/strict'
import { letPass } from '../../support/time.mjs'
import { SINGLE_FLIGHT } from '../support.mjs'

const NOTHING = {
  pending: 0,
  active: 0,
  completed: 0,
  failed: 0,
  superseded: 0,
  oldestPendingRunAt: null,
  oldestPendingLagMs: 0,
}

export default {
  async 'of no jobs all is zero'({ backend, makeQueue }) {
    assert.deepEqual(await backend.getStats(), NOTHING)
    assert.deepEqual(await makeQueue().getStats('t'), NOTHING)
  },

  async 'jobs are counted by status'({ backend }) {
    const claim = () => backend.claimNext('t')
    for (let n = 0; n < 4; n += 1) await backend.enqueue('t', n)
    await backend.complete((await claim()).id)
    await backend.failFatal((await claim()).id, 'no')
    await claim()
    await backend.enqueue('t', {}, { ...SINGLE_FLIGHT, priority: -1 })
    const superseded = await claim()
    await backend.enqueue('t', {}, SINGLE_FLIGHT)
    await backend.fail(superseded.id, 'no')
    const { pending, active, completed, failed, superseded: covered } = await backend.getStats('t')
    assert.deepEqual([pending, active, completed, failed, covered], [2, 1, 1, 1, 1])
  },

  async 'jobs are counted by type, or all together'({ backend }) {
    await backend.enqueue('t', {})
    await backend.enqueue('other', {})
    assert.equal((await backend.getStats('t')).pending, 1)
    assert.equal((await backend.getStats('nobody')).pending, 0)
    assert.equal((await backend.getStats()).pending, 2)
  },

  async 'lag is the age of the oldest due job'({ backend }) {
    const id = await backend.enqueue('t', {})
    await letPass(30, 'the job waits')
    await backend.enqueue('t', {})
    const { oldestPendingRunAt, oldestPendingLagMs } = await backend.getStats('t')
    const { runAt } = await backend.findOne({ id })
    assert.equal(oldestPendingRunAt.getTime(), runAt.getTime())
    assert.ok(oldestPendingLagMs >= 25 && oldestPendingLagMs < 60_000, `${oldestPendingLagMs} ms`)
  },

  async 'a claimed job is no lag'({ backend }) {
    await backend.enqueue('t', {})
    await backend.claimNext('t')
    const { oldestPendingRunAt, oldestPendingLagMs } = await backend.getStats()
    assert.deepEqual([oldestPendingRunAt, oldestPendingLagMs], [null, 0])
  },

  async 'a job scheduled for later is no lag'({ backend }) {
    await backend.enqueue('t', {}, { delay: 60_000 })
    const { pending, oldestPendingRunAt, oldestPendingLagMs } = await backend.getStats()
    assert.deepEqual([pending, oldestPendingRunAt, oldestPendingLagMs], [1, null, 0])
  },

  async 'a job that waits for its retry is no lag'({ backend }) {
    await backend.enqueue('t', {}, { backoffDelay: 60_000 })
    await backend.fail((await backend.claimNext('t')).id, 'no')
    const { pending, oldestPendingRunAt } = await backend.getStats()
    assert.deepEqual([pending, oldestPendingRunAt], [1, null])
  },
}
