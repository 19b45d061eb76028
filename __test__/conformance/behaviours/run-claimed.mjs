import assert from 'node:assert/strict'
import { FatalJobError } from 'durabl'
import { eventLog } from '../../support/async.mjs'
import { EXCLUSIVE, QUICK_RETRY, SINGLE_FLIGHT } from '../support.mjs'

export default {
  async 'the handle’s job is run and completed'({ makeQueue, stored }) {
    const events = eventLog()
    const queue = makeQueue({ onJobEvent: events.listener })
    const handle = await queue.claimOrEnqueue('t', { a: 1 }, SINGLE_FLIGHT)
    const seen = []
    const result = await queue.runClaimed(handle, async (job, ctx) => {
      // Of the handle it is the job alone.
      seen.push([job.data, 'complete' in job])
      await ctx.log('a line')
    })
    assert.equal(result, undefined)
    assert.deepEqual(seen, [[{ a: 1 }, false]])
    await events.next('completed')
    assert.deepEqual(events.kinds(), ['claimed', 'completed'])
    const job = await stored(handle.id)
    assert.deepEqual([job.status, job.attempt, job.logs.length], ['completed', 1, 1])
  },

  async 'followers are run as well'({ makeQueue, backend }) {
    const queue = makeQueue()
    const handle = await queue.claimOrEnqueue('t', 0, SINGLE_FLIGHT)
    const seen = []
    await queue.runClaimed(handle, async (job) => {
      seen.push(job.data)
      if (job.data < 3) await queue.enqueue('t', job.data + 1, SINGLE_FLIGHT)
    })
    assert.deepEqual(seen, [0, 1, 2, 3])
    assert.equal((await backend.getStats('t')).completed, 4)
  },

  async 'no more followers are run than maxDrains says'({ makeQueue, backend }) {
    const queue = makeQueue()
    for (const [options, runs] of [
      [undefined, 11],
      [{ maxDrains: 2 }, 3],
      [{ maxDrains: 0 }, 1],
    ]) {
      await backend.resetStorage()
      const handle = await queue.claimOrEnqueue('t', 0, SINGLE_FLIGHT)
      const seen = []
      const handler = async (job) => {
        seen.push(job.data)
        await queue.enqueue('t', job.data + 1, SINGLE_FLIGHT)
      }
      await queue.runClaimed(handle, handler, options)
      assert.deepEqual(seen, [...Array(runs).keys()])
      assert.equal((await backend.getStats('t')).pending, 1)
    }
  },

  async 'the error of the handler is rethrown, and the job fails'({ makeQueue, stored }) {
    const queue = makeQueue()
    const handle = await queue.claimOrEnqueue('t', {}, { ...EXCLUSIVE, ...QUICK_RETRY })
    const error = new Error('no luck')
    const handler = () => Promise.reject(error)
    await assert.rejects(queue.runClaimed(handle, handler), (thrown) => thrown === error)
    const { status, failReason, attempt } = await stored(handle.id)
    assert.deepEqual([status, failReason, attempt], ['pending', 'no luck', 1])
  },

  async 'a fatal error fails the job for good'({ makeQueue, stored }) {
    const queue = makeQueue()
    const handle = await queue.claimOrEnqueue('t', {})
    const handler = () => Promise.reject(new FatalJobError('hopeless'))
    await assert.rejects(queue.runClaimed(handle, handler), { code: 'ERR_DURABL_FATAL_JOB' })
    assert.equal((await stored(handle.id)).status, 'failed')
  },

  async 'after a failure that a follower covers, the follower runs first'({ makeQueue, stored }) {
    const events = eventLog()
    const queue = makeQueue({ onJobEvent: events.listener })
    const handle = await queue.claimOrEnqueue('t', 'first', SINGLE_FLIGHT)
    const seen = []
    const handler = async (job) => {
      seen.push(job.data)
      if (job.data === 'follower') return
      await queue.enqueue('t', 'follower', SINGLE_FLIGHT)
      throw new Error('no luck')
    }
    await assert.rejects(queue.runClaimed(handle, handler), { message: 'no luck' })
    assert.deepEqual(seen, ['first', 'follower'])
    assert.equal((await stored(handle.id)).status, 'superseded')
    await events.next('completed')
    assert.deepEqual(events.kinds(), ['claimed', 'superseded', 'claimed', 'completed'])
  },

  async 'a handle that was settled before is not run'({ makeQueue, stored }) {
    const queue = makeQueue()
    const handle = await queue.claimOrEnqueue('t', {})
    await handle.complete()
    let runs = 0
    await queue.runClaimed(handle, () => (runs += 1)).catch(() => {})
    assert.equal(runs, 0)
    assert.equal((await stored(handle.id)).status, 'completed')
  },
}
