/** Code that writes in transactions, tested without a server: sessions are noted, and nothing waits for a commit. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DummyBackend, ImmediateBackend, JobQueue } from 'durabl'
import { deferred } from '../../support/async.mjs'

/** A stand-in that a test may use for a session. */
const sessionOfTest = () => ({ inTransaction: () => true, endSession: async () => {} })
const SILENT = { debug() {}, info() {}, warn() {}, error() {} }

for (const Backend of [DummyBackend, ImmediateBackend]) {
  describe(Backend.name, () => {
    test('notes the session that a job is enqueued with, and makes it at once', async () => {
      const backend = new Backend()
      const queue = new JobQueue(backend)
      const session = sessionOfTest()
      const id = await queue.enqueue('mail', 1, { session })
      await queue.enqueue('mail', 2)
      assert.equal(backend.jobs[0].id, id)
      assert.equal(backend.jobs[0].session, session)
      assert.equal('session' in backend.jobs[1], false)
    })

    test('notes the session that a handle is completed with', async () => {
      const backend = new Backend()
      const handle = await new JobQueue(backend).claimOrEnqueue('mail', 1)
      const session = sessionOfTest()
      assert.deepEqual(await handle.complete({ session }), { status: 'completed' })
      assert.equal(backend.jobs[0].completedInSession, session)
      assert.equal(backend.jobs[0].status, 'completed')
    })

    test('refuses the sessions that the real one refuses', async () => {
      const queue = new JobQueue(new Backend())
      for (const [session, name] of [
        [{}, 'TypeError'],
        [{ ...sessionOfTest(), hasEnded: true }, 'RangeError'],
        [{ ...sessionOfTest(), inTransaction: () => false }, 'RangeError'],
      ])
        await assert.rejects(queue.enqueue('mail', 1, { session }), { name })
    })

    test('runs handlers that use ctx.transaction and ctx.session', async () => {
      const backend = new Backend()
      const queue = new JobQueue(backend, SILENT)
      const ended = deferred()
      const seen = {}
      queue.process('order', async (job, ctx) => {
        seen.causal = await ctx.session()
        seen.result = await ctx.transaction(async (session) => {
          seen.session = session
          seen.inTransaction = session.inTransaction()
          await queue.enqueue('mail', 1, { session })
          return 'done'
        })
        ended.resolve()
      })
      await queue.enqueue('order', {})
      await ended.promise
      assert.deepEqual([seen.result, seen.inTransaction], ['done', true])
      const [order, mail] = backend.jobs
      assert.deepEqual([order.status, order.completedInSession], ['completed', seen.session])
      assert.equal(mail.session, seen.session)
      assert.deepEqual([seen.session.hasEnded, seen.session.inTransaction()], [true, false])
      await queue.shutdown()
      assert.equal(seen.causal.hasEnded, true)
    })

    test('fails a job whose transaction throws; jobs that were enqueued in it stay, as nothing takes them back', async () => {
      const backend = new Backend()
      const events = []
      const queue = new JobQueue(backend, SILENT, { onJobEvent: ({ kind }) => events.push(kind) })
      const failed = deferred()
      queue.process('order', (job, ctx) =>
        ctx
          .transaction(async (session) => {
            await queue.enqueue('mail', 1, { session })
            throw new Error('no')
          })
          .finally(() => setImmediate(failed.resolve)),
      )
      // Inline, it rejects with what the handler threw.
      await Promise.allSettled([queue.enqueue('order', {}, { maxAttempts: 1 })])
      await failed.promise
      assert.deepEqual(
        backend.jobs.map(({ status }) => status),
        ['failed', 'pending'],
      )
      assert.deepEqual(events, ['claimed', 'failed'])
      await queue.shutdown()
    })

    test('takes sessions from where it is told to', async () => {
      const sessions = []
      const startSession = () => {
        const session = { ...sessionOfTest(), withTransaction: (work) => work() }
        sessions.push(session)
        return session
      }
      const backend = new Backend({ startSession })
      const queue = new JobQueue(backend, SILENT)
      const used = deferred()
      queue.process('order', (job, ctx) => ctx.transaction(async (session) => used.resolve(session)))
      await queue.enqueue('order', {})
      assert.equal(await used.promise, sessions[0])
      await queue.shutdown()
    })
  })
}

test('a handler of ImmediateBackend’s own, without a queue, has both as well', async () => {
  const backend = new ImmediateBackend()
  const seen = []
  backend.registerHandler('order', async (job, ctx) => {
    seen.push(await ctx.transaction(async (session) => session.inTransaction()))
    await assert.rejects(
      ctx.transaction(async () => {}),
      { code: 'ERR_DURABL_TRANSACTION' },
    )
    seen.push((await ctx.session()).inTransaction())
  })
  await backend.enqueue('order', {})
  assert.deepEqual(seen, [true, false])
  assert.equal(backend.jobs[0].status, 'completed')
  assert.notEqual(backend.jobs[0].completedInSession, undefined)

  backend.registerHandler('refund', (job, ctx) =>
    ctx.transaction(async () => {
      throw new Error('no')
    }),
  )
  await backend.enqueue('refund', {}, { maxAttempts: 1 })
  assert.deepEqual([backend.jobs[1].status, backend.jobs[1].failReason], ['failed', 'no'])
})
