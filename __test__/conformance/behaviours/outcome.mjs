import assert from 'node:assert/strict'
import { FatalJobError } from 'durabl'
import { deferred, eventLog } from '../../support/async.mjs'
import { QUICK_RETRY, SINGLE_FLIGHT } from '../support.mjs'

/** Runs one job by this handler, and returns it in the status that it should come to. */
async function runOne({ makeQueue, whenJob }, handler, status, options = {}, config = {}) {
  const queue = makeQueue()
  queue.process('t', handler, config)
  return whenJob(await queue.enqueue('t', {}, options), status)
}

const ONCE = { maxAttempts: 1 }

export default {
  async 'returning completes'(env) {
    await runOne(env, () => {}, 'completed')
  },

  async 'returning anything completes'(env) {
    await runOne(env, async () => false, 'completed')
  },

  async 'completing by hand completes, durably before it resolves'(env) {
    const seen = deferred()
    const handler = async (job, ctx) => {
      const result = await ctx.complete()
      seen.resolve([result, (await env.stored(job.id)).status])
    }
    await runOne(env, handler, 'completed')
    assert.deepEqual(await seen.promise, [{ status: 'completed' }, 'completed'])
  },

  async 'throwing fails, with the message as the reason'(env) {
    const handler = () => {
      throw new Error('no luck')
    }
    const job = await runOne(env, handler, 'failed', ONCE)
    assert.deepEqual([job.failReason, job.attempt], ['no luck', 1])
  },

  async 'rejecting fails'(env) {
    const job = await runOne(env, () => Promise.reject(new TypeError('no luck')), 'failed', ONCE)
    assert.equal(job.failReason, 'no luck')
  },

  async 'throwing a value that is no error fails, with a reason'(env) {
    const things = [
      'text',
      0,
      null,
      undefined,
      { message: 'like an error' },
      Symbol('s'),
      Object.create(null),
      '',
      {
        toString() {
          throw new Error('no')
        },
      },
    ]
    const queue = env.makeQueue()
    queue.process('t', (job) => {
      throw things[job.data]
    })
    for (const index of things.keys()) {
      const job = await env.whenJob(await queue.enqueue('t', index, ONCE), 'failed')
      assert.ok(job.failReason.length > 0)
    }
  },

  async 'a failed job is retried until it succeeds'(env) {
    const attempts = []
    const handler = (job) => {
      attempts.push(job.attempt)
      if (job.attempt < 3) throw new Error('not yet')
    }
    const job = await runOne(env, handler, 'completed', QUICK_RETRY)
    assert.deepEqual(attempts, [1, 2, 3])
    assert.equal(job.attempt, 3)
  },

  async 'a job that never succeeds fails after its last attempt'(env) {
    let runs = 0
    const handler = () => {
      runs += 1
      throw new Error(`run ${runs}`)
    }
    const job = await runOne(env, handler, 'failed', { ...QUICK_RETRY, maxAttempts: 2 })
    assert.deepEqual([runs, job.attempt, job.failReason], [2, 2, 'run 2'])
  },

  async 'a failure with attempts left waits for its retry'(env) {
    const handler = () => {
      throw new Error('later')
    }
    const queue = env.makeQueue()
    queue.process('t', handler)
    const id = await queue.enqueue('t', {}, { backoffDelay: 60_000 })
    const job = await env.until('it has failed once', async () => {
      const stored = await env.stored(id)
      return stored.failReason === 'later' && stored
    })
    assert.deepEqual([job.status, job.attempt], ['pending', 1])
    assert.ok(job.runAt.getTime() > Date.now() + 30_000)
  },

  async 'a fatal error fails for good'(env) {
    const handler = () => {
      throw new FatalJobError('hopeless', { cause: new Error('why') })
    }
    const events = eventLog()
    const makeQueue = () => env.makeQueue({ onJobEvent: events.listener })
    const job = await runOne({ ...env, makeQueue }, handler, 'failed', { maxAttempts: 5 })
    assert.deepEqual([job.failReason, job.attempt], ['hopeless (why)', 1])
    assert.equal((await events.next('fail-fatal')).ending, 'fatal')
  },

  async 'failing by hand fails'(env) {
    const job = await runOne(env, (_, ctx) => ctx.fail('by hand'), 'failed', ONCE)
    assert.equal(job.failReason, 'by hand')
  },

  async 'failing fatally by hand fails for good'(env) {
    const result = deferred()
    const handler = async (_, ctx) => result.resolve(await ctx.failFatal('by hand'))
    const job = await runOne(env, handler, 'failed', { maxAttempts: 5 })
    assert.deepEqual([job.failReason, job.attempt], ['by hand', 1])
    assert.deepEqual(await result.promise, { status: 'failed-terminal' })
  },

  async 'the first settlement counts'(env) {
    const results = deferred()
    const handler = async (_, ctx) => {
      results.resolve([await ctx.complete(), await ctx.fail('too late')])
      throw new Error('too late as well')
    }
    const job = await runOne(env, handler, 'completed')
    assert.deepEqual(await results.promise, [{ status: 'completed' }, { status: 'completed' }])
    assert.equal(job.failReason, undefined)
  },

  async 'running past timeoutMs aborts and fails'(env) {
    const aborted = deferred()
    const handler = (_, ctx) => {
      ctx.signal.addEventListener('abort', () => aborted.resolve(ctx.signal.reason))
      return new Promise(() => {})
    }
    const job = await runOne(env, handler, 'failed', ONCE, { timeoutMs: 50 })
    assert.match(job.failReason, /timeoutMs/)
    assert.equal((await env.arrival('the abort', aborted.promise)).code, 'ERR_DURABL_HANDLER_TIMEOUT')
  },

  async 'a failure with a follower is superseded by it'(env) {
    const queue = env.makeQueue()
    const ids = []
    queue.process('t', async (job) => {
      if (job.data === 'follower') return
      ids.push(job.id, await queue.enqueue('t', 'follower', SINGLE_FLIGHT))
      throw new Error('no')
    })
    void queue.enqueue('t', 'first', SINGLE_FLIGHT)
    await env.until('the first has run', () => ids.length === 2)
    await env.whenJob(ids[0], 'superseded')
    await env.whenJob(ids[1], 'completed')
  },

  async 'log lines are on the job when it has ended'(env) {
    const handler = (_, ctx) => {
      void ctx.log('one')
      void ctx.log('two')
    }
    const { logs } = await runOne(env, handler, 'completed')
    assert.deepEqual(
      logs.map(({ message }) => message),
      ['one', 'two'],
    )
  },

  async 'a heartbeat by hand is applied'(env) {
    const beat = deferred()
    await runOne(env, async (_, ctx) => beat.resolve(await ctx.heartbeat()), 'completed')
    assert.equal(await beat.promise, 'applied')
  },

  async 'a context has signal and log of its own, and the rest on its class, also when taken apart'(env) {
    const seen = deferred()
    const handler = async (job, ctx) => {
      const { complete, fail, failFatal, heartbeat, log, session, transaction, signal } = ctx
      const rest = [complete, fail, failFatal, heartbeat, session, transaction]
      await log('a line')
      seen.resolve({
        own: Object.keys(ctx),
        isLazy: Object.getOwnPropertyDescriptor(ctx, 'signal').get !== undefined,
        signal: signal instanceof AbortSignal && signal === ctx.signal,
        methods: rest.every((method) => typeof method === 'function'),
        beat: await heartbeat(),
        result: await complete(),
        again: await fail('too late'),
      })
    }
    const { logs } = await runOne(env, handler, 'completed')
    assert.deepEqual(await seen.promise, {
      ...{ own: ['signal', 'log'], isLazy: true, signal: true, methods: true, beat: 'applied' },
      ...{ result: { status: 'completed' }, again: { status: 'completed' } },
    })
    assert.deepEqual(
      logs.map(({ message }) => message),
      ['a line'],
    )
  },
}
