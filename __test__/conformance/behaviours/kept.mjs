/** Values that jobs keep beside their payloads: results of handlers, and how far they are. */
import assert from 'node:assert/strict'
import { deferred } from '../../support/async.mjs'
import { recordingLogger } from '../../support/loggers.mjs'
import { SINGLE_FLIGHT } from '../support.mjs'

const LARGE = 'x'.repeat(70_000)
const KEEP = { results: 'keep' }
const UNSTORABLE = { code: 'ERR_DURABL_PAYLOAD_NOT_ENCODABLE' }
const TOO_LARGE = { code: 'ERR_DURABL_PAYLOAD_TOO_LARGE' }

let types = 0

/** Runs one job by a processor that keeps results, and returns it as it ended. */
async function run({ makeQueue, backend, whenJob }, handler, { config = KEEP, logger } = {}) {
  types += 1
  const type = `t${types}`
  const queue = makeQueue(undefined, logger)
  queue.process(type, handler, config)
  const id = await queue.enqueue(type, {})
  await whenJob(id, 'completed')
  return { id, queue, job: await backend.getJob(id) }
}

export default {
  async 'a job keeps what its handler returned, and shows it'(env) {
    const at = new Date(1_700_000_000_000)
    const { id, queue, job } = await run(env, async () => ({ sum: 3, at, parts: ['a', null] }))
    assert.deepEqual(job.result, { sum: 3, at, parts: ['a', null] })
    assert.deepEqual(await queue.waitFor(id), { status: 'completed', result: job.result })
  },

  async 'null is a result, and undefined is none'(env) {
    assert.equal((await run(env, () => null)).job.result, null)
    assert.equal('result' in (await run(env, () => {})).job, false)
  },

  async 'results are discarded unless they are to be kept'(env) {
    const { id, job } = await run(env, (_job, ctx) => ctx.complete({ result: 1 }), { config: {} })
    assert.equal('result' in job, false)
    assert.equal('result' in (await env.raw(id)), false)
  },

  async 'a handler that completes its job passes the result'(env) {
    const { job } = await run(env, async (_job, ctx) => {
      await ctx.complete({ result: { by: 'hand' } })
      return { by: 'return' }
    })
    assert.deepEqual(job.result, { by: 'hand' })
  },

  async 'the function of a transaction returns the result'(env) {
    const { job } = await run(env, async (_job, ctx) => {
      await ctx.transaction(() => ({ by: 'transaction' }))
      return { by: 'return' }
    })
    assert.deepEqual(job.result, { by: 'transaction' })
  },

  async 'a claimed job and the followers behind it keep results where they are to be kept'({
    makeQueue,
    backend,
    raw,
  }) {
    const queue = makeQueue()
    for (const [options, expected] of [
      [KEEP, [{ of: 0 }, { of: 1 }]],
      [undefined, [undefined, undefined]],
    ]) {
      const handle = await queue.claimOrEnqueue('t', 0, SINGLE_FLIGHT)
      const follower = await queue.enqueue('t', 1, SINGLE_FLIGHT)
      await queue.runClaimed(handle, (job) => ({ of: job.data }), options)
      const jobs = await Promise.all([handle.id, follower].map((id) => backend.getJob(id)))
      assert.deepEqual(
        jobs.map(({ status, result }) => [status, result]),
        expected.map((result) => ['completed', result]),
      )
      if (options === undefined) assert.equal('result' in (await raw(handle.id)), false)
    }
  },

  async 'a claimed job keeps the result that its handler passes, and drops one that cannot be kept'(env) {
    const logger = recordingLogger()
    const queue = env.makeQueue(undefined, logger)
    const byHand = await queue.claimOrEnqueue('t', {})
    await queue.runClaimed(byHand, (_job, ctx) => ctx.complete({ result: 'by hand' }), KEEP)
    assert.equal((await env.backend.getJob(byHand.id)).result, 'by hand')
    const large = await queue.claimOrEnqueue('t', {})
    await queue.runClaimed(large, () => LARGE, KEEP)
    const job = await env.backend.getJob(large.id)
    assert.deepEqual([job.status, 'result' in job], ['completed', false])
    assert.deepEqual(
      logger.entries.filter(({ level }) => level === 'warn').map(({ jobId, err }) => [jobId, err.code]),
      [[large.id, TOO_LARGE.code]],
    )
    await assert.rejects(
      queue.runClaimed(large, () => {}, { results: 'all' }),
      {
        code: 'ERR_DURABL_INVALID_ARGUMENT',
      },
    )
  },

  async 'a result that cannot be kept is dropped with a warning, and the job completes'(env) {
    for (const [result, code] of [
      [{ run: () => {} }, UNSTORABLE.code],
      [LARGE, TOO_LARGE.code],
    ]) {
      for (const give of [() => result, (_job, ctx) => ctx.complete({ result })]) {
        const logger = recordingLogger()
        const { id, job } = await run(env, give, { logger })
        assert.equal('result' in job, false)
        assert.deepEqual([job.status, job.attempt], ['completed', 1])
        const warnings = logger.entries.filter(({ level }) => level === 'warn')
        assert.deepEqual(
          warnings.map(({ type, jobId, err }) => [type, jobId, err.code]),
          [[job.type, id, code]],
        )
      }
    }
  },

  async 'a result that cannot be kept leaves a transaction as it is'(env) {
    const logger = recordingLogger()
    const { job } = await run(env, (_job, ctx) => ctx.transaction(() => LARGE), { logger })
    assert.deepEqual(['result' in job, job.attempt], [false, 1])
    assert.equal(logger.entries.filter(({ level }) => level === 'warn').length, 1)
  },

  async 'a backend refuses a result that cannot be kept, and changes nothing'({ backend, stored }) {
    const id = await backend.enqueue('t', {})
    const { claimToken } = await backend.claimNext('t')
    const complete = (value) => backend.complete(id, claimToken, { result: { value } })
    await assert.rejects(complete(Symbol('no')), UNSTORABLE)
    await assert.rejects(complete(LARGE), TOO_LARGE)
    assert.equal((await stored(id)).status, 'active')
    assert.deepEqual(await complete([1]), { status: 'completed' })
    assert.deepEqual((await backend.getJob(id)).result, [1])
  },

  async 'a retry forgets the result'(env) {
    const { id, queue } = await run(env, (job) => (job.maxAttempts === 1 ? undefined : 1))
    assert.equal((await env.backend.getJob(id)).result, 1)
    assert.deepEqual(await queue.retry(id, { maxAttempts: 1 }), { status: 'retried' })
    await env.whenJob(id, 'completed')
    assert.equal('result' in (await env.backend.getJob(id)), false)
  },

  async 'a job shows how far its handler is'({ makeQueue, backend, whenJob, until, raw }) {
    const queue = makeQueue()
    const goesOn = deferred()
    queue.process('t', async (_job, ctx) => {
      await ctx.progress({ done: 1, of: 2 })
      await goesOn.promise
      // Only the last of those that come at once counts, and it is written before the job ends.
      for (let percent = 51; percent <= 100; percent += 1) ctx.progress(percent)
    })
    const made = queue.enqueue('t', {})
    const job = await until('progress is shown', async () => {
      const [active] = (await backend.listJobs({ status: 'active' })).jobs
      const found = active && (await backend.getJob(active.id))
      return found?.progress !== undefined && found
    })
    assert.deepEqual(job.progress, { done: 1, of: 2 })
    goesOn.resolve()
    await whenJob(await made, 'completed')
    assert.equal((await backend.getJob(job.id)).progress, 100)
    assert.equal('progress' in (await raw(await queue.enqueue('idle', {}))), false)
  },

  async 'progress of a job that has failed stays'({ makeQueue, backend, until }) {
    const queue = makeQueue()
    queue.process('t', (_job, ctx) => {
      ctx.progress('half')
      throw new Error('it broke')
    })
    // A backend that runs jobs within the call passes the failure on.
    await queue.enqueue('t', {}, { maxAttempts: 1 }).catch(() => {})
    const job = await until('the job has failed', async () => {
      return (await backend.listJobs({ status: 'failed' })).jobs[0] ?? false
    })
    assert.equal((await backend.getJob(job.id)).progress, 'half')
  },

  async 'progress within a transaction is written after it'(env) {
    const { id } = await run(env, async (_job, ctx) => {
      ctx.progress('before')
      await ctx.transaction(() => void ctx.progress('within'))
    })
    const isWritten = async () => (await env.backend.getJob(id)).progress === 'within'
    await env.until('the progress is that of the transaction', isWritten)
  },

  async 'progress that cannot be written is one warning, and fails nothing'(env) {
    const logger = recordingLogger()
    const { id, job } = await run(
      env,
      async (_job, ctx) => {
        await ctx.progress(LARGE)
        await ctx.progress({ run: () => {} })
      },
      { logger },
    )
    assert.equal('progress' in job, false)
    const warnings = logger.entries.filter(({ level }) => level === 'warn')
    assert.deepEqual(
      warnings.map(({ jobId, err }) => [jobId, err.code]),
      [[id, TOO_LARGE.code]],
    )
  },

  async 'progress is the claim holder’s to set'({ backend }) {
    const id = await backend.enqueue('t', {})
    const { claimToken } = await backend.claimNext('t')
    await backend.progress(id, 'mine', claimToken)
    await backend.progress(id, 'not mine', 'wrong')
    assert.equal((await backend.getJob(id)).progress, 'mine')
    await assert.rejects(backend.progress(id, LARGE, claimToken), TOO_LARGE)
    await assert.rejects(
      backend.progress(id, () => {}, claimToken),
      UNSTORABLE,
    )
    await assert.rejects(backend.progress({ $ne: 1 }, 1, claimToken), { code: 'ERR_DURABL_INVALID_ARGUMENT' })
    await backend.progress('nobody', 1, claimToken)
    assert.equal((await backend.getJob(id)).progress, 'mine')
  },
}
