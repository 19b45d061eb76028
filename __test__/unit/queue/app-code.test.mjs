/** Calls into the app: its async context, and what it may do to ours. */
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, test } from 'node:test'
import { DummyBackend, ImmediateBackend, JobQueue } from 'durabl'
import { runNode } from '../../support/child.mjs'
import { ISOLATED, storesSeen } from '../../support/async-context.mjs'
import { never, settled } from '../../support/async.mjs'
import { silentLogger } from '../../support/loggers.mjs'
import { override } from '../../support/override.mjs'

describe('a store that a handler or listener enters is not seen by any other', () => {
  for (const [name, backend] of [
    ['DummyBackend', () => new DummyBackend()],
    ['ImmediateBackend', () => new ImmediateBackend()],
    ['a backend that polls', () => override(new DummyBackend(), { onJobAvailable: undefined })],
  ]) {
    test(name, async () => {
      assert.deepEqual(await storesSeen(backend()), ISOLATED)
    })
  }

  test('nor by the caller of enqueue, where the handler runs inside', async () => {
    const storage = new AsyncLocalStorage()
    const backend = new ImmediateBackend()
    backend.registerHandler('work', () => storage.enterWith('handler'))
    await storage.run('caller', async () => {
      await backend.enqueue('work', {})
      assert.equal(storage.getStore(), 'caller')
    })
  })

  test('nor by the handlers of followers, nor by the caller of runClaimed', async () => {
    const storage = new AsyncLocalStorage()
    const queue = new JobQueue(new DummyBackend(), silentLogger)
    const key = { dedupeKey: 'k', dedupeScope: 'pending' }
    const seen = []
    await storage.run('caller', async () => {
      const handle = await queue.claimOrEnqueue('work', {}, key)
      await queue.runClaimed(handle, async (job) => {
        seen.push(storage.getStore())
        if (seen.length < 3) await queue.enqueue('work', {}, key)
        storage.enterWith(job.id)
      })
      assert.equal(storage.getStore(), 'caller')
    })
    assert.deepEqual(seen, ['caller', 'caller', 'caller'])
    await queue.shutdown()
  })

  test('nor by the caller that aborts, where a listener of ctx.signal enters it', async () => {
    const storage = new AsyncLocalStorage()
    const queue = new JobQueue(new DummyBackend(), silentLogger)
    queue.process('work', (job, ctx) => {
      ctx.signal.addEventListener('abort', () => storage.enterWith('listener'))
      return never()
    })
    await queue.enqueue('work', {})
    await settled()
    await storage.run('caller', async () => {
      await queue.shutdown(0)
      assert.equal(storage.getStore(), 'caller')
    })
  })
})

for (const [name, handler] of [
  ['an array', '() => []'],
  ['nothing', '() => undefined'],
]) {
  test(`an app whose Error.prepareStackTrace returns ${name} still gets durabl's errors`, async () => {
    const program = `
      const { DummyBackend, JobQueue } = require('durabl')
      Error.prepareStackTrace = ${handler}
      new JobQueue(new DummyBackend()).enqueue('', {}).catch((error) => console.log(error.code))`
    const { stdout, stderr } = await runNode(['-e', program])
    assert.equal(stdout, 'ERR_DURABL_INVALID_ARGUMENT\n', stderr)
  })
}
