/**
 * Testing code that enqueues, without a server: `DummyBackend` records, `ImmediateBackend` runs. The same works in Jest and
 * Vitest, fake timers included.
 *
 *     node --test examples/unit-test.mjs
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DummyBackend, ImmediateBackend, JobQueue } from 'durabl'

/** The code under test: it is given a queue and knows nothing of what stores the jobs. */
class SignUp {
  constructor(queue) {
    this.queue = queue
  }

  async register(user) {
    await this.queue.enqueue('welcome-email', { to: user.email }, { dedupeKey: `welcome:${user.id}` })
  }
}

test('signing up twice leaves one welcome email to be sent', async () => {
  const backend = new DummyBackend()
  const signUp = new SignUp(new JobQueue(backend))

  await signUp.register({ id: 42, email: 'ada@example.com' })
  await signUp.register({ id: 42, email: 'ada@example.com' })

  assert.equal(backend.jobs.length, 1)
  assert.equal(backend.jobs[0].dedupeKey, 'welcome:42')
  assert.deepEqual(backend.jobs[0].data, { to: 'ada@example.com' })
})

test('signing up sends the email', async () => {
  const outbox = []
  const queue = new JobQueue(new ImmediateBackend())
  queue.process('welcome-email', async (job) => {
    outbox.push(job.data.to)
  })

  await new SignUp(queue).register({ id: 42, email: 'ada@example.com' })

  assert.deepEqual(outbox, ['ada@example.com'])
})
