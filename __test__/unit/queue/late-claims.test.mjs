/** Claims whose answer comes when the shutdown has begun, and calls to processors that have stopped. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { deferred, settled } from '../../support/async.mjs'
import { LegacyBackend } from '../../support/legacy-backend.mjs'
import { recordingLogger, silentLogger } from '../../support/loggers.mjs'

/** A queue in whose backend a claim and a release wait for these gates. */
function gated(logger) {
  const backend = new DummyBackend()
  const gates = { claim: deferred(), release: deferred() }
  const claim = backend.claimOrEnqueue.bind(backend)
  backend.claimOrEnqueue = async (...args) => {
    const handle = await claim(...args)
    await gates.claim.promise
    return handle
  }
  const release = backend.release.bind(backend)
  backend.release = async (...args) => {
    await gates.release.promise
    return release(...args)
  }
  return { backend, gates, queue: new JobQueue(backend, logger) }
}

test('a claim that is answered after the shutdown began is refused once its job is given back', async () => {
  const { backend, gates, queue } = gated(silentLogger)
  let refusal = null
  const claiming = queue.claimOrEnqueue('work', {}).catch((error) => (refusal = error))
  await settled()
  const over = queue.shutdown(5000)
  gates.claim.resolve()
  await settled()
  assert.equal(refusal, null)
  gates.release.resolve()
  await claiming
  assert.equal(refusal.code, 'ERR_DURABL_SHUT_DOWN')
  assert.equal(backend.jobs[0].status, 'pending')
  await over
})

test('a job that cannot be given back then is told of', async () => {
  const logger = recordingLogger()
  const { gates, queue } = gated(logger)
  const claiming = assert.rejects(queue.claimOrEnqueue('work', {}), { code: 'ERR_DURABL_SHUT_DOWN' })
  await settled()
  const over = queue.shutdown(5000)
  gates.release.reject(new Error('away'))
  gates.claim.resolve()
  await claiming
  await over
  assert.deepEqual(
    logger.at('warn').map(({ message, err }) => [message, err.message]),
    [['a job claimed during the shutdown could not be given back', 'away']],
  )
})

test('a run by its handle keeps no result where the backend would drop it in silence', async () => {
  const queue = new JobQueue(new LegacyBackend(), silentLogger)
  const handle = await queue.claimOrEnqueue('work', {})
  await assert.rejects(
    queue.runClaimed(handle, () => assert.fail('it ran'), { results: 'keep' }),
    { code: 'ERR_DURABL_UNSUPPORTED', message: /^runClaimed: option "results" cannot be "keep"/ },
  )
  await queue.shutdown(0)
})

test('a processor that has stopped takes no other number of handlers', async () => {
  const queue = new JobQueue(new DummyBackend(), silentLogger)
  const told = []
  queue.driver.process = () => ({
    type: 'work',
    stop: async () => {},
    setConcurrency: (concurrency) => told.push(concurrency),
  })
  const processor = queue.process('work', () => {})
  processor.setConcurrency(2)
  await processor.stop()
  processor.setConcurrency(3)
  assert.deepEqual(told, [2])
  assert.throws(() => processor.setConcurrency(-1), { code: 'ERR_DURABL_INVALID_ARGUMENT' })
  await queue.shutdown(0)
})
