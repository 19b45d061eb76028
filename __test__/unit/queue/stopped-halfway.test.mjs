/** A handler that returns after the shutdown has aborted its signal. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DummyBackend, JobQueue, ShutDownError } from 'durabl'
import { settled } from '../../support/async.mjs'
import { silentLogger } from '../../support/loggers.mjs'

const aborted = (signal) => new Promise((resolve) => signal.addEventListener('abort', resolve))

/** The job of a handler that a shutdown without grace meets. */
async function jobAfter(handler, config) {
  const backend = new DummyBackend()
  const queue = new JobQueue(backend, silentLogger)
  queue.process('work', handler, config)
  await queue.enqueue('work', {})
  await settled()
  await queue.shutdown(0)
  return backend.jobs[0]
}

test('a job whose handler stops at the abort of a shutdown is not taken for done: it runs again', async () => {
  const job = await jobAfter(async (_, ctx) => {
    while (!ctx.signal.aborted) await settled()
  })
  assert.equal(job.status, 'pending')
  assert.equal(job.attempt, 0)
})

test('nor where the signal was taken out of the context before', async () => {
  assert.equal((await jobAfter((_, { signal }) => aborted(signal))).status, 'pending')
})

test('a handler that finished calls ctx.complete(), and its job is done', async () => {
  const job = await jobAfter(async (_, ctx) => {
    await aborted(ctx.signal)
    await ctx.complete()
  })
  assert.equal(job.status, 'completed')
})

test('a handler that never looked at the signal has finished its work', async () => {
  const job = await jobAfter(async () => {
    for (let i = 0; i < 10; i += 1) await settled()
  })
  assert.equal(job.status, 'completed')
})

test('one that looked, and returns before any abort, has finished, too', async () => {
  const job = await jobAfter((_, ctx) => void ctx.signal.aborted)
  assert.equal(job.status, 'completed')
})

test('a time-out fails the job as ever, whatever the handler does then', async () => {
  const backend = new DummyBackend()
  const queue = new JobQueue(backend, silentLogger)
  const over = new Promise((resolve) => {
    const handler = async (_, ctx) => resolve(await aborted(ctx.signal))
    queue.process('work', handler, { timeoutMs: 1 })
  })
  await queue.enqueue('work', {}, { maxAttempts: 1 })
  await over
  await queue.shutdown()
  assert.equal(backend.jobs[0].status, 'failed')
})

test('the caller of runClaimed hears that its job was given back', async () => {
  const backend = new DummyBackend()
  const queue = new JobQueue(backend, silentLogger)
  const handle = await queue.claimOrEnqueue('work', {})
  const run = queue.runClaimed(handle, (_, ctx) => aborted(ctx.signal))
  await settled()
  await Promise.all([queue.shutdown(0), assert.rejects(run, ShutDownError)])
  assert.equal(backend.jobs[0].status, 'pending')
})
