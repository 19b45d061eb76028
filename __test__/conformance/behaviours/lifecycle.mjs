import assert from 'node:assert/strict'
import { deferred } from '../../support/async.mjs'
import { endlessHandler } from '../support.mjs'

export default {
  async 'starting twice is harmless'({ backend, makeQueue }) {
    await backend.startup()
    const queue = makeQueue()
    await queue.startup()
    await queue.startup()
    assert.notEqual(await queue.enqueue('t', {}), null)
  },

  async 'resetting forgets all jobs, and frees their keys'({ backend }) {
    await backend.enqueue('t', {}, { dedupeKey: 'k' })
    await backend.resetStorage()
    assert.equal((await backend.getStats()).pending, 0)
    assert.notEqual(await backend.enqueue('t', {}, { dedupeKey: 'k' }), null)
  },

  async 'a shutdown waits for running handlers'({ backend, makeQueue, arrival }) {
    const queue = makeQueue()
    const started = deferred()
    const gate = deferred()
    queue.process('t', async (job) => {
      started.resolve(job.id)
      await gate.promise
    })
    void queue.enqueue('t', {})
    const id = await arrival('the start', started.promise)
    // Read through a handler that has not ended: the backend stays usable until the queue is done with it.
    const shutdown = queue.shutdown(5000)
    assert.ok(queue.draining instanceof Promise)
    assert.equal((await backend.findOne({ id })).status, 'active')
    gate.resolve()
    await arrival('the shutdown', shutdown)
  },

  async 'a shutdown aborts jobs that do not end, and gives them back'({ makeQueue, arrival }) {
    const events = []
    const queue = makeQueue({ onJobEvent: (event) => events.push(event) })
    const { handler, started } = endlessHandler()
    queue.process('t', handler)
    queue.enqueue('t', {}).catch(() => {})
    const { job, ctx } = await arrival('the start', started)
    await arrival('the shutdown', queue.shutdown(20))
    assert.equal(ctx.signal.aborted, true)
    assert.equal(ctx.signal.reason.code, 'ERR_DURABL_SHUT_DOWN')
    assert.deepEqual(events.at(-1), { kind: 'shutdown-released', type: 't', jobId: job.id })
  },

  async 'shutting down twice is harmless'({ makeQueue, arrival }) {
    const queue = makeQueue()
    queue.process('t', () => {})
    await arrival('both', Promise.all([queue.shutdown(100), queue.shutdown()]))
    await arrival('a third', queue.shutdown())
  },

  async 'a queue that was shut down refuses further use'({ makeQueue }) {
    const queue = makeQueue()
    await queue.shutdown(100)
    const isShutDown = { code: 'ERR_DURABL_SHUT_DOWN', name: 'ShutDownError' }
    await assert.rejects(async () => queue.enqueue('t', {}), isShutDown)
    await assert.rejects(async () => queue.claimOrEnqueue('t', {}), isShutDown)
    await assert.rejects(async () => queue.getStats(), isShutDown)
    assert.throws(() => queue.process('t', () => {}), isShutDown)
  },

  async 'a queue ends with its scope'({ makeQueue }) {
    const queue = makeQueue()
    await queue[Symbol.asyncDispose]()
    await assert.rejects(async () => queue.enqueue('t', {}), { code: 'ERR_DURABL_SHUT_DOWN' })
  },
}
