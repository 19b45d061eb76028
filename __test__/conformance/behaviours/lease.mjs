import assert from 'node:assert/strict'
import { letPass } from '../../support/time.mjs'

export default {
  async 'a heartbeat renews the lease'({ backend, tokenOf }) {
    await backend.enqueue('t', {})
    const job = await backend.claimNext('t')
    await letPass(10, 'the renewal is later than the claim')
    assert.equal(await backend.heartbeat(job.id, job.claimToken), 'applied')
    const { claimedAt, attempt } = await backend.findOne({ id: job.id })
    assert.ok(claimedAt > job.claimedAt)
    assert.deepEqual([await tokenOf(job.id), attempt], [job.claimToken, 1])
  },

  async 'a heartbeat without a token renews an active job'({ backend }) {
    await backend.enqueue('t', {})
    const { id } = await backend.claimNext('t')
    assert.equal(await backend.heartbeat(id), 'applied')
  },

  async 'a heartbeat of a job that is not held says so'({ backend }) {
    assert.equal(await backend.heartbeat('nobody', 'token'), 'lease-lost')
    const id = await backend.enqueue('t', {})
    assert.equal(await backend.heartbeat(id), 'lease-lost')
    assert.equal(await backend.heartbeat(id, 'token'), 'lease-lost')
    const job = await backend.claimNext('t')
    assert.equal(await backend.heartbeat(id, 'wrong'), 'lease-lost')
    assert.equal(await backend.heartbeat(id, ''), 'lease-lost')
    await backend.complete(id, job.claimToken)
    assert.equal(await backend.heartbeat(id, job.claimToken), 'lease-lost')
    assert.equal(await backend.heartbeat(id), 'lease-lost')
  },
}
