import assert from 'node:assert/strict'
import { FatalJobError } from 'durabl'
import { SINGLE_FLIGHT } from '../support.mjs'

/** A handle of the backend itself, from either of the calls that hand one out. */
const CLAIMS = {
  claimOrEnqueue: (backend) => backend.claimOrEnqueue('t', { a: 1 }, SINGLE_FLIGHT),
  async claimNextByKey(backend) {
    await backend.enqueue('t', { a: 1 }, SINGLE_FLIGHT)
    return backend.claimNextByKey('t', SINGLE_FLIGHT.dedupeKey)
  },
}

const ENDS = {
  complete: [[], 'completed', 'completed'],
  fail: [['because'], 'retry-scheduled', 'pending'],
  failFatal: [['because'], 'failed-terminal', 'failed'],
  release: [[], 'released', 'pending'],
}

const perClaim = {}
for (const [name, claim] of Object.entries(CLAIMS)) {
  for (const [method, [args, result, status]] of Object.entries(ENDS)) {
    perClaim[`${name} resolves to a handle that can ${method}, also when taken apart`] = async ({
      backend,
      stored,
    }) => {
      const handle = await claim(backend)
      const { id, type, data, attempt, claimToken, [method]: end, heartbeat, log } = handle
      assert.deepEqual([type, data, handle.status, attempt], ['t', { a: 1 }, 'active', 1])
      assert.ok(claimToken.length > 0)
      assert.equal(await heartbeat(), 'applied')
      await log('a line')
      assert.deepEqual(await end(...args), { status: result })
      const job = await stored(id)
      assert.equal(job.status, status)
      assert.ok(job.logs.some(({ message }) => message === 'a line'))
    }
  }
}

export default {
  ...perClaim,

  async 'claimNext resolves to a plain job with its token'({ backend }) {
    await backend.enqueue('t', {})
    const job = await backend.claimNext('t')
    assert.ok(job.claimToken.length > 0)
    assert.ok(Object.values(job).every((value) => typeof value !== 'function'))
  },

  async 'a handle says what a second settlement finds'({ backend }) {
    const handle = await backend.claimOrEnqueue('t', {})
    await handle.complete()
    assert.deepEqual(await handle.fail('late'), { status: 'already-terminal', terminalStatus: 'completed' })
    assert.equal(await handle.heartbeat(), 'lease-lost')
  },

  async 'a handle of the backend is run by a queue'({ backend, makeQueue, stored }) {
    const queue = makeQueue()
    for (const [error, status] of [
      [null, 'completed'],
      [new Error('no luck'), 'pending'],
      [new FatalJobError('hopeless'), 'failed'],
    ]) {
      const handle = await backend.claimOrEnqueue('t', {})
      const run = queue.runClaimed(handle, () => {
        if (error !== null) throw error
      })
      if (error === null) await run
      else await assert.rejects(run, (thrown) => thrown === error)
      assert.equal((await stored(handle.id)).status, status)
    }
  },

  async 'a copy of a handle is run by its own methods'({ backend, makeQueue, stored }) {
    const calls = []
    const events = []
    const queue = makeQueue({ onJobEvent: ({ kind }) => events.push(kind) })
    const handle = await backend.claimOrEnqueue('t', {})
    const complete = () => (calls.push('complete'), handle.complete())
    await queue.runClaimed({ ...handle, complete }, () => {})
    assert.deepEqual([calls, events], [['complete'], ['completed']])
    assert.equal((await stored(handle.id)).status, 'completed')
  },
}
