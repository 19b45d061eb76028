/**
 * One fleet of this version and of the TypeScript package 0.2.2 and 0.3: either resumes what the other began. The old package is acted out, by
 * the documents that it leaves and the writes that it sends.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MongoJobQueue, Orchestrator } from 'durabl'
import { app } from '../../support/app.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { SILENT } from '../../support/jobs.mjs'
import { pollUntil } from '../../support/wait.mjs'

const STARTED_AT = 1_735_689_600_000
const SEED = '00112233445566778899aabbccddeeff'

/** The size of a record, as the old package counts it. */
const oldBytes = (record) => JSON.stringify(record).length

/** A job that has two records and a bootstrap record, and waits for its next attempt. */
function begun(era, fields = {}) {
  const ts = new Date(STARTED_AT)
  const steps = [
    { seq: 1, name: 'void', result: { __durablVoid: true }, ts },
    { seq: -1, name: '$bootstrap', result: { startedAt: STARTED_AT, seed: SEED }, ts },
    { seq: 0, name: 'charge', result: { id: 'ch_1', at: new Date(5) }, ts },
  ]
  const receipt = { token_b2xk: { fail: { status: 'retry-scheduled' } } }
  return {
    ...{ _id: `of-${era}`, type: 'trial', data: { userId: 'u1' }, status: 'pending', priority: 0 },
    ...{ attempt: 1, maxAttempts: 3, backoff: 'exponential', backoffDelay: 1, backoffMaxDelay: 60_000 },
    ...{
      runAt: new Date(0),
      createdAt: new Date(0),
      logs: [{ timestamp: ts, message: 'Attempt failed: x' }],
    },
    // 0.3 leaves the token of a claim that has failed, and its receipt.
    ...{ claimToken: 'old', claimedAt: ts, failReason: 'x', steps },
    journalBytes: steps.reduce((sum, record) => sum + oldBytes(record), 0),
    ...(era === '0.3' && { terminalReceipts: receipt }),
    ...fields,
  }
}

/** The writes of an old process, by its driver. */
const old = (jobs, id, token = 'old-2') => ({
  claim: () =>
    jobs.findOneAndUpdate(
      { _id: id, status: 'pending', runAt: { $lte: new Date() } },
      { $set: { status: 'active', claimedAt: new Date(), claimToken: token }, $inc: { attempt: 1 } },
      { returnDocument: 'after' },
    ),
  append: (seq, name, result) => {
    const record = { seq, name, result, ts: new Date() }
    return jobs.updateOne(
      { _id: id, claimToken: token, status: 'active', 'steps.seq': { $ne: seq } },
      { $push: { steps: record }, $inc: { journalBytes: oldBytes(record) }, $set: { claimedAt: new Date() } },
    )
  },
  complete: () =>
    jobs.updateOne(
      { _id: id, claimToken: token, status: 'active' },
      { $set: { status: 'completed', completedAt: new Date() } },
    ),
})

/** The body that both kinds of processes have. */
function trial(ran, { failsAfter } = {}) {
  return async (job, octx) => {
    const charge = await octx.step('charge', () => ran.push('charge') && { id: 'ours', at: new Date(7) })
    const none = await octx.step('void', () => void ran.push('void'))
    if (failsAfter === 'void' && job.attempt === 1) throw new Error('crash')
    await octx.step('mail', () => ran.push('mail', charge.id, none) && [octx.now(), octx.uuid('order')])
  }
}

const ended = (env, id) =>
  pollUntil('the job has ended', async () => {
    const job = await env.stored(id)
    return ['completed', 'failed'].includes(job.status) && job
  })

for (const era of ['0.2.2', '0.3']) {
  describe(`with ${era}`, () => {
    test('a job that it began is resumed behind its journal', async (t) => {
      const env = await app(t)
      const before = begun(era)
      await env.jobs.insertOne(before)
      const ran = []
      new Orchestrator(env.queue, SILENT).define('trial', trial(ran))
      const job = await ended(env, before._id)
      assert.deepEqual([job.status, job.attempt], ['completed', 2])
      assert.deepEqual(ran, ['mail', 'ch_1', undefined])
      const mail = job.steps.at(-1)
      assert.deepEqual(Object.keys(mail), ['seq', 'name', 'result', 'ts'])
      assert.deepEqual([mail.seq, mail.result], [2, [STARTED_AT, 'f7862a1a-02cc-4d8c-a9ec-d23402818124']])
      assert.ok(job.journalBytes > before.journalBytes)
      assert.deepEqual(job.steps.slice(0, 3), before.steps)
    })

    test('one whose worker died is recovered and resumed', async (t) => {
      const env = await app(t, { queue: { visibilityTimeoutMs: 60_000 } })
      await env.jobs.insertOne(begun(era, { status: 'active', claimedAt: new Date(0) }))
      const ran = []
      new Orchestrator(env.queue, SILENT).define('trial', trial(ran))
      assert.equal(await env.backend.recoverStuckJobs(60_000), 1)
      const job = await ended(env, `of-${era}`)
      assert.deepEqual([job.status, ran], ['completed', ['mail', 'ch_1', undefined]])
    })

    test('its claim keeps this package from recording, and its journal goes on from that of this package', async (t) => {
      const env = await app(t)
      const ran = []
      new Orchestrator(env.queue, SILENT).define('trial', trial(ran, { failsAfter: 'void' }))
      const id = await env.queue.enqueue('trial', {}, { backoffDelay: 3_600_000, backoffMaxDelay: 3_600_000 })
      const ours = await pollUntil('the first attempt has failed', async () => {
        const job = await env.stored(id)
        return job.status === 'pending' && job.attempt === 1 && job
      })
      await env.queue.shutdown()
      const backend = new MongoJobQueue({ db: env.db, logger: SILENT })
      atEnd(t, () => backend.shutdown(5000))
      await env.jobs.updateOne({ _id: id }, { $set: { runAt: new Date(0) } })
      const theirs = old(env.jobs, id)
      const claimed = await theirs.claim()
      // All that the old package reads: places, names, results and dates, in its order of fields.
      assert.deepEqual(
        claimed.steps.map((step) => [Object.keys(step).join(), step.seq, step.name]),
        [
          ['seq,name,result,ts', 0, 'charge'],
          ['seq,name,result,ts', 1, 'void'],
        ],
      )
      assert.deepEqual(claimed.steps[1].result, { __durablVoid: true })
      const record = { seq: 2, name: 'mail', result: 'ours', ts: new Date() }
      const stale = await backend.appendStep(id, ours.claimToken ?? 'gone', record)
      assert.deepEqual(stale, { status: 'lease-lost' })
      assert.equal((await theirs.append(2, 'mail', 'theirs')).modifiedCount, 1)
      const found = await backend.appendStep(id, 'old-2', record)
      assert.deepEqual([found.status, found.existing.result], ['already-recorded', 'theirs'])
      assert.equal((await theirs.complete()).modifiedCount, 1)
      assert.deepEqual(ran, ['charge', 'void'])
      assert.equal(await backend.completeClaimed(id, 'other'), 'lease-lost')
    })
  })
}

test('a journal of the old package may be larger than it says, and numbers may be of any kind', async (t) => {
  const { Double, Long } = await import('mongodb')
  const env = await app(t)
  const before = begun('0.3')
  before.steps[0].seq = Long.fromNumber(1)
  before.steps[2].seq = new Double(0)
  before.journalBytes = new Double(12)
  await env.jobs.insertOne(before)
  const ran = []
  new Orchestrator(env.queue, SILENT).define('trial', trial(ran))
  assert.equal((await ended(env, before._id)).status, 'completed')
  assert.deepEqual(ran, ['mail', 'ch_1', undefined])
})
