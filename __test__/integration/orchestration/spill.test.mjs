/** Large results of steps, which stand beside their job. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { JournalTooLarge, Orchestrator } from 'durabl'
import { app } from '../../support/app.mjs'
import { SILENT } from '../../support/jobs.mjs'
import { pollUntil } from '../../support/wait.mjs'

const ended = (env, id) =>
  pollUntil('the job has ended', async () => {
    const job = await env.stored(id)
    return ['completed', 'failed'].includes(job.status) && job
  })

const bytesOf = (text) => text.length

/** Returns a megabyte by each of its ways, and fails its first attempt behind them. */
function large(ran, failsAt = [1]) {
  return async (job, octx) => {
    const step = await octx.step('step', () => ran.push('step') && 'a'.repeat(1_000_000))
    const tried = await octx.tryStep('try', () => ran.push('try') && 'b'.repeat(1_000_000))
    const [mapped] = await octx.map('map', [1], () => ran.push('map') && 'c'.repeat(1_000_000))
    const transacted = await octx.transaction('book', async (session) => {
      await job.data.write?.(session)
      return 'd'.repeat(1_000_000)
    })
    if (failsAt.includes(job.attempt)) throw new Error('crash')
    await octx.step('last', () => ran.push(...[step, tried.value, mapped, transacted].map(bytesOf)))
  }
}

describe("with journal: 'spill'", () => {
  test('results of megabytes stand beside the job, are replayed, and go with it', async (t) => {
    const env = await app(t)
    const ran = []
    new Orchestrator(env.queue, SILENT).define('large', large(ran), { journal: 'spill' })
    const jobId = await env.queue.enqueue('large', {}, { backoffDelay: 0, backoffMaxDelay: 0 })
    const job = await ended(env, jobId)
    assert.equal(job.status, 'completed', job.failReason)
    assert.deepEqual(ran, ['step', 'try', 'map', ...Array(4).fill(1_000_000)])
    assert.equal(job.attempt, 2)
    assert.ok(job.journalBytes < 1_000, `${job.journalBytes}`)
    assert.deepEqual(
      job.steps.map(({ name }) => name),
      ['$spilled:step', '$spilled:try', '$spilled:map[0]', '$spilled:book', 'last'],
    )
    const values = env.db.collection(`${env.jobs.collectionName}_steps`)
    assert.equal(await values.countDocuments(), 4)
    assert.deepEqual(await env.queue.remove(jobId), { status: 'removed' })
    assert.equal(await values.countDocuments(), 0)
  })

  test('a process without the option replays them as well, and lets no further ones spill', async (t) => {
    const env = await app(t)
    const ran = []
    const jobId = await env.queue.enqueue('large', {}, { backoffDelay: 0, backoffMaxDelay: 0 })
    const { claimToken } = await env.backend.claimNext('large')
    const record = { seq: 0, name: 'step', result: 'a'.repeat(1_000_000), ts: new Date() }
    await env.backend.appendStep(jobId, claimToken, record, { spill: true })
    await env.backend.release(jobId, claimToken)
    new Orchestrator(env.queue, SILENT).define('large', large(ran, []))
    const job = await ended(env, jobId)
    assert.equal(job.status, 'completed', job.failReason)
    assert.deepEqual(ran, ['try', 'map', ...Array(4).fill(1_000_000)])
    assert.deepEqual(
      job.steps.map(({ name }) => name),
      ['$spilled:step', 'try', 'map[0]', 'book', 'last'],
    )
  })

  test('an old process finds another name at the place, and runs no step again', async (t) => {
    const env = await app(t)
    const jobId = await env.queue.enqueue('large', {})
    const { claimToken } = await env.backend.claimNext('large')
    const record = { seq: 0, name: 'step', result: 'a'.repeat(1_000_000), ts: new Date() }
    await env.backend.appendStep(jobId, claimToken, record, { spill: true })
    // By the fields that 0.2 and 0.3 read.
    const [{ seq, name, result }] = (await env.stored(jobId)).steps
    assert.deepEqual([seq, name, result], [0, '$spilled:step', undefined])
  })

  test('a definition without it is held to the limit of the job', async (t) => {
    const env = await app(t)
    new Orchestrator(env.queue, SILENT).define('large', async (job, octx) => {
      for (let n = 0; n < 9; n += 1) await octx.step('s', () => 'x'.repeat(1_000_000))
    })
    const jobId = await env.queue.enqueue('large', {})
    const job = await ended(env, jobId)
    assert.deepEqual([job.status, job.ending], ['failed', 'fatal'])
    assert.equal(job.failReason, new JournalTooLarge('s', (job.journalBytes / 7) * 8).message)
    assert.equal(job.steps.length, 7)
  })
})

test('another journal than "spill" is refused by name', async (t) => {
  const env = await app(t)
  const define = () => new Orchestrator(env.queue, SILENT).define('t', async () => {}, { journal: 'disk' })
  assert.throws(define, (error) => error.message.includes('journal') && error.message.includes('spill'))
})
