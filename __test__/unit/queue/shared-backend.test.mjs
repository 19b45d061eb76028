/** Several queues on one backend, and the bounds of several shutdowns of one queue. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { deferred, never, settled } from '../../support/async.mjs'
import { silentLogger } from '../../support/loggers.mjs'

/** A backend that counts how often it is ended. */
function counted() {
  const backend = new DummyBackend()
  const ends = { count: 0 }
  backend.shutdown = async () => void (ends.count += 1)
  return { backend, ends, queue: () => new JobQueue(backend, silentLogger) }
}

describe('a queue that is shut down', () => {
  test('leaves the backend to another queue with a processor, and it ends with the last', async () => {
    const { ends, queue } = counted()
    const [a, b] = [queue(), queue()]
    a.process('a', () => {})
    b.process('b', () => {})
    await a.shutdown()
    assert.equal(ends.count, 0)
    await b.shutdown()
    assert.equal(ends.count, 1)
  })

  test('leaves it to a reaper, until that is stopped', async () => {
    const { ends, queue } = counted()
    const [a, b, c] = [queue(), queue(), queue()]
    await b.startReaper()
    await a.shutdown()
    assert.equal(ends.count, 0)
    b.stopReaper()
    await c.shutdown()
    assert.equal(ends.count, 1)
    await b.shutdown()
  })

  test('leaves it to a run in progress, which can still settle', async () => {
    const { backend, ends, queue } = counted()
    const [a, b] = [queue(), queue()]
    const end = deferred()
    const handle = await b.claimOrEnqueue('work', {})
    const run = b.runClaimed(handle, () => end.promise)
    await a.shutdown()
    assert.equal(ends.count, 0)
    end.resolve()
    await run
    assert.equal(backend.jobs[0].status, 'completed')
    await b.shutdown()
    assert.equal(ends.count, 1)
  })

  test('ends it where the others only produce', async () => {
    const { ends, queue } = counted()
    const [a, producer] = [queue(), queue()]
    a.process('a', () => {})
    await producer.enqueue('b', {})
    await a.shutdown()
    assert.equal(ends.count, 1)
    await producer.shutdown()
  })

  test('at the same time as the other ends it once', async () => {
    const { ends, queue } = counted()
    const both = [queue(), queue()]
    for (const each of both) each.process('work', () => {})
    await Promise.all(both.map((each) => each.shutdown()))
    assert.equal(ends.count, 1)
  })
})

test('a short shutdown during a long one ends it early', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { backend, queue } = counted()
  const only = queue()
  only.process('work', never)
  await only.enqueue('work', {})
  await settled()
  const long = only.shutdown(6_000_000)
  const short = only.shutdown(500)
  t.mock.timers.tick(500)
  await settled()
  t.mock.timers.tick(1000)
  await Promise.all([long, short])
  assert.equal(backend.jobs[0].status, 'pending')
})

test('a long shutdown during a short one makes it no longer', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { queue } = counted()
  const only = queue()
  only.process('work', never)
  await only.enqueue('work', {})
  await settled()
  const both = [only.shutdown(500), only.shutdown(6_000_000)]
  t.mock.timers.tick(500)
  await settled()
  t.mock.timers.tick(1000)
  await Promise.all(both)
})

test('a processor that stops while others of its queue go on leaves the backend to them', async () => {
  const { ends, queue } = counted()
  const [working, leaving] = [queue(), queue()]
  const first = working.process('a', () => {})
  working.process('b', () => {})
  await first.stop()
  await leaving.shutdown(0)
  assert.equal(ends.count, 0)
  await working.shutdown(0)
  assert.equal(ends.count, 1)
})

test('the last processor that stops leaves the backend to end with another queue', async () => {
  const { ends, queue } = counted()
  const [working, leaving] = [queue(), queue()]
  await working.process('a', () => {}).stop()
  await leaving.shutdown(0)
  assert.equal(ends.count, 1)
  await working.shutdown(0)
})

test('a run by its handle that has ended leaves the backend to end with another queue', async () => {
  const { ends, queue } = counted()
  const [working, leaving] = [queue(), queue()]
  await working.runClaimed(await working.claimOrEnqueue('a', {}), () => {})
  await leaving.shutdown(0)
  assert.equal(ends.count, 1)
  await working.shutdown(0)
})
