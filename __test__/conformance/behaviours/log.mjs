import assert from 'node:assert/strict'
import { letPass } from '../../support/time.mjs'
import { QUICK_RETRY, SINGLE_FLIGHT } from '../support.mjs'

const messages = async (backend, id) => (await backend.findOne({ id })).logs.map(({ message }) => message)

async function claimed(backend, options) {
  await backend.enqueue('t', {}, options)
  return backend.claimNext('t')
}

export default {
  async 'lines are kept in order, with their time'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    for (const line of ['one', 'two', '']) await backend.log(id, line, claimToken)
    assert.deepEqual(await messages(backend, id), ['one', 'two', ''])
    const { logs } = await backend.findOne({ id })
    for (const { timestamp } of logs) assert.ok(Math.abs(timestamp.getTime() - Date.now()) < 60_000)
  },

  async 'a line may hold anything'({ backend }) {
    const { id } = await claimed(backend)
    const lines = ['$$NOW', '{"$set":1}', 'a.b', '🙂\n\ttab']
    for (const line of lines) await backend.log(id, line)
    assert.deepEqual(await messages(backend, id), lines)
  },

  async 'a long line is cut between characters, and says so within its bound'({ backend }) {
    const { id } = await claimed(backend)
    await backend.log(id, 'é'.repeat(5000))
    await backend.log(id, `x${'é'.repeat(5000)}`)
    await backend.log(id, 'y'.repeat(4000))
    const cut = ' [truncated]'
    const [even, odd, whole] = await messages(backend, id)
    assert.equal(even, `${'é'.repeat(1994)}${cut}`)
    assert.equal(odd, `x${'é'.repeat(1993)}${cut}`)
    assert.deepEqual([Buffer.byteLength(even), Buffer.byteLength(odd)], [4000, 3999])
    assert.equal(whole, 'y'.repeat(4000))
  },

  async 'lines that are not awaited are in order, the newest thousand of them'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    const lines = Array.from({ length: 2500 }, (_, n) => String(n))
    await Promise.all(lines.map((line) => backend.log(id, line, claimToken)))
    assert.deepEqual(await messages(backend, id), lines.slice(-1000))
  },

  async 'a job that ends badly says why in its log'({ backend }) {
    const failed = await claimed(backend, { maxAttempts: 1 })
    await backend.log(failed.id, 'a line', failed.claimToken)
    await backend.fail(failed.id, 'no disk', failed.claimToken)
    assert.deepEqual(await messages(backend, failed.id), ['a line', 'Failed: no disk'])
    const fatal = await claimed(backend)
    await backend.failFatal(fatal.id, 'no such user', fatal.claimToken)
    assert.deepEqual(await messages(backend, fatal.id), ['Fatal: no such user'])
    const { logs } = await backend.findOne({ id: fatal.id })
    assert.ok(Math.abs(logs[0].timestamp.getTime() - Date.now()) < 60_000)
  },

  async 'a job that makes way for its follower says why in its log'({ backend }) {
    for (const [end, line] of [
      [(job) => backend.fail(job.id, 'no disk', job.claimToken), 'Superseded: no disk'],
      [(job) => backend.release(job.id, job.claimToken), 'Superseded: a follower covers the work'],
    ]) {
      const job = await claimed(backend, SINGLE_FLIGHT)
      await backend.enqueue('t', {}, SINGLE_FLIGHT)
      await end(job)
      assert.deepEqual(await messages(backend, job.id), [line])
      const follower = await backend.claimNext('t')
      await backend.complete(follower.id, follower.claimToken)
      assert.deepEqual(await messages(backend, follower.id), [])
    }
  },

  async 'a job whose worker is gone says so in its log'({ backend }) {
    const { id } = await claimed(backend, { maxAttempts: 1 })
    await letPass(20, 'the lease ends')
    assert.equal(await backend.recoverStuckJobs(1), 1)
    const [line, ...others] = await messages(backend, id)
    assert.match(line, /^Failed: the lease expired/)
    assert.deepEqual(others, [])
  },

  async 'a line on how a job failed is cut as every other is'({ backend }) {
    const { id, claimToken } = await claimed(backend, { maxAttempts: 1 })
    await backend.fail(id, 'x'.repeat(9000), claimToken)
    const [line] = await messages(backend, id)
    assert.match(line, /^Failed: x+ \[truncated\]$/)
    assert.equal(line.length, 4000)
  },

  async 'an attempt that is tried again says why it failed, and that it was an attempt'({ backend }) {
    const { id, claimToken } = await claimed(backend, QUICK_RETRY)
    await backend.fail(id, 'no disk', claimToken)
    assert.deepEqual(await messages(backend, id), ['Attempt failed: no disk'])
  },

  async 'the newest thousand lines are kept'({ backend }) {
    const { id } = await claimed(backend)
    for (let n = 0; n < 1003; n += 1) await backend.log(id, String(n))
    const kept = await messages(backend, id)
    assert.deepEqual([kept.length, kept[0], kept.at(-1)], [1000, '3', '1002'])
  },

  async 'a worker that has lost the lease logs nothing'({ backend }) {
    const { id } = await claimed(backend)
    await backend.log(id, 'not mine', 'wrong')
    assert.deepEqual(await messages(backend, id), [])
  },

  async 'a line for an unknown job harms nothing'({ backend }) {
    await backend.log('nobody', 'a line')
    assert.equal(await backend.findOne({ id: 'nobody' }), null)
  },

  async 'a log outlives a retry'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    await backend.log(id, 'first', claimToken)
    await backend.release(id, claimToken)
    const again = await backend.claimNext('t')
    await backend.log(id, 'second', again.claimToken)
    assert.deepEqual(await messages(backend, id), ['first', 'second'])
  },
}
