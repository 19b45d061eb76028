import assert from 'node:assert/strict'
import { QUICK_RETRY } from '../support.mjs'

const OPERATIONS = {
  complete: (backend, id, ...token) => backend.complete(id, ...token),
  fail: (backend, id, ...token) => backend.fail(id, 'a reason', ...token),
  failFatal: (backend, id, ...token) => backend.failFatal(id, 'a reason', ...token),
  release: (backend, id, ...token) => backend.release(id, ...token),
}

async function claimed(backend, options) {
  await backend.enqueue('t', {}, options)
  return backend.claimNext('t')
}

const perOperation = {}
for (const [name, operate] of Object.entries(OPERATIONS)) {
  Object.assign(perOperation, {
    async [`${name} with a wrong token changes nothing`]({ backend, tokenOf }) {
      const job = await claimed(backend)
      for (const token of ['wrong', ''])
        assert.deepEqual(await operate(backend, job.id, token), { status: 'lease-lost' })
      const stored = await backend.findOne({ id: job.id })
      assert.deepEqual([stored.status, stored.attempt], ['active', 1])
      assert.equal(await tokenOf(job.id), job.claimToken)
    },

    async [`${name} of what is not there finds nothing`]({ backend }) {
      assert.deepEqual(await operate(backend, 'nobody', 'token'), { status: 'not-found' })
      assert.deepEqual(await operate(backend, 'nobody'), { status: 'not-found' })
    },

    async [`${name} never overwrites an end`]({ backend }) {
      const job = await claimed(backend)
      await backend.complete(job.id, job.claimToken)
      for (const token of [[job.claimToken], ['wrong'], []]) {
        const found = await operate(backend, job.id, ...token)
        assert.deepEqual(found, { status: 'already-terminal', terminalStatus: 'completed' })
      }
      assert.equal((await backend.findOne({ id: job.id })).status, 'completed')
    },

    async [`${name} with a token from before is refused`]({ backend, tokenOf }) {
      const first = await claimed(backend)
      await backend.release(first.id, first.claimToken)
      assert.deepEqual(await operate(backend, first.id, first.claimToken), { status: 'lease-lost' })
      const second = await backend.claimNext('t')
      assert.deepEqual(await operate(backend, first.id, first.claimToken), { status: 'lease-lost' })
      assert.equal(await tokenOf(first.id), second.claimToken)
    },
  })
}

export default {
  async 'a completed job stays completed'({ backend }) {
    const job = await claimed(backend)
    assert.deepEqual(await backend.complete(job.id, job.claimToken), { status: 'completed' })
    const stored = await backend.findOne({ id: job.id })
    assert.equal(stored.status, 'completed')
    assert.ok(stored.completedAt >= stored.createdAt)
    assert.equal(await backend.claimNext('t'), null)
  },

  async 'a failed job waits for its retry'({ backend, tokenOf }) {
    const job = await claimed(backend, { backoffDelay: 60_000 })
    assert.deepEqual(await backend.fail(job.id, 'no luck', job.claimToken), { status: 'retry-scheduled' })
    const stored = await backend.findOne({ id: job.id })
    assert.deepEqual([stored.status, stored.attempt, stored.failReason], ['pending', 1, 'no luck'])
    assert.deepEqual(
      [await tokenOf(job.id), stored.claimedAt, stored.failedAt],
      [undefined, undefined, undefined],
    )
    assert.ok(stored.runAt.getTime() >= job.claimedAt.getTime() + 60_000)
    assert.equal(await backend.claimNext('t'), null)
  },

  async 'a retry is the next attempt'({ backend, until }) {
    const job = await claimed(backend, QUICK_RETRY)
    await backend.fail(job.id, 'no', job.claimToken)
    const retry = await until('the retry is due', () => backend.claimNext('t'))
    assert.deepEqual([retry.id, retry.attempt, retry.failReason], [job.id, 2, 'no'])
  },

  async 'the last attempt fails for good'({ backend }) {
    const job = await claimed(backend, { maxAttempts: 1 })
    assert.deepEqual(await backend.fail(job.id, 'the end', job.claimToken), { status: 'failed-terminal' })
    const stored = await backend.findOne({ id: job.id })
    assert.deepEqual([stored.status, stored.failReason, stored.attempt], ['failed', 'the end', 1])
    assert.ok(stored.failedAt instanceof Date)
  },

  async 'a fatal failure leaves attempts unused'({ backend }) {
    const job = await claimed(backend, { maxAttempts: 5 })
    assert.deepEqual(await backend.failFatal(job.id, 'hopeless', job.claimToken), {
      status: 'failed-terminal',
    })
    const stored = await backend.findOne({ id: job.id })
    assert.deepEqual([stored.status, stored.failReason, stored.attempt], ['failed', 'hopeless', 1])
  },

  async 'a released job is due at once, its attempt given back'({ backend, tokenOf }) {
    const job = await claimed(backend)
    assert.deepEqual(await backend.release(job.id, job.claimToken), { status: 'released' })
    const stored = await backend.findOne({ id: job.id })
    assert.deepEqual([stored.status, stored.attempt], ['pending', 0])
    assert.equal(await tokenOf(job.id), undefined)
    assert.equal((await backend.claimNext('t')).attempt, 1)
  },

  async 'without a token an active job can be settled'({ backend }) {
    const expected = {
      complete: 'completed',
      fail: 'retry-scheduled',
      failFatal: 'failed-terminal',
      release: 'released',
    }
    for (const [name, operate] of Object.entries(OPERATIONS)) {
      const { id } = await claimed(backend, { backoffDelay: 60_000, priority: -1 })
      assert.deepEqual(await operate(backend, id), { status: expected[name] })
    }
  },

  async 'without a token a pending job can be ended'({ backend }) {
    const completed = await backend.enqueue('t', {})
    assert.deepEqual(await backend.complete(completed), { status: 'completed' })
    const failed = await backend.enqueue('t', {})
    assert.deepEqual(await backend.failFatal(failed, 'no'), { status: 'failed-terminal' })
    assert.equal(await backend.claimNext('t'), null)
  },

  async 'a token does not fit a pending job'({ backend }) {
    const id = await backend.enqueue('t', {})
    assert.deepEqual(await backend.complete(id, 'token'), { status: 'lease-lost' })
    assert.equal((await backend.findOne({ id })).status, 'pending')
  },

  async 'an id that is an operator is refused'({ backend }) {
    const id = await backend.enqueue('t', {})
    await assert.rejects(async () => backend.complete({ $gt: '' }), { code: 'ERR_DURABL_INVALID_ARGUMENT' })
    await assert.rejects(async () => backend.complete(id, { $gt: '' }), {
      code: 'ERR_DURABL_INVALID_ARGUMENT',
    })
    assert.equal((await backend.findOne({ id })).status, 'pending')
  },

  async 'a reason may be long and hold anything'({ backend }) {
    const reason = `$failReason 🙂 {"$set": 1} ${'x'.repeat(3000)}`
    const job = await claimed(backend, { maxAttempts: 1 })
    await backend.fail(job.id, reason, job.claimToken)
    assert.equal((await backend.findOne({ id: job.id })).failReason, reason)
  },

  ...perOperation,
}
