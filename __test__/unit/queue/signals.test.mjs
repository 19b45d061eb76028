import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { deferred, settled } from '../../support/async.mjs'
import { recordingLogger } from '../../support/loggers.mjs'

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGUSR2']
const listeners = () => SIGNALS.map((signal) => process.listenerCount(signal))

let queue, before, logger
beforeEach(() => {
  logger = recordingLogger()
  queue = new JobQueue(new DummyBackend(), logger)
  before = listeners()
})
afterEach(async () => {
  await queue.shutdown(0)
  await settled()
  assert.deepEqual(listeners(), before)
})

describe('signal handlers', () => {
  it('shut the queue down at SIGTERM and SIGINT, and then are gone', async () => {
    queue.installSignalHandlers()
    assert.deepEqual(listeners(), [before[0] + 1, before[1] + 1, before[2]])
    assert.equal(queue.draining, null)
    process.emit('SIGTERM', 'SIGTERM')
    assert.ok(queue.draining instanceof Promise)
    await queue.draining
    await settled()
    assert.deepEqual(listeners(), before)
  })

  it('give running jobs the grace, and swallow further signals meanwhile', async () => {
    const end = deferred()
    await queue.enqueue('work', {})
    queue.process('work', () => end.promise)
    await settled()
    queue.installSignalHandlers({ signals: ['SIGUSR2'], timeoutMs: 10_000 })
    process.emit('SIGUSR2', 'SIGUSR2')
    process.emit('SIGUSR2', 'SIGUSR2')
    await settled()
    assert.equal(process.listenerCount('SIGUSR2'), before[2] + 1)
    end.resolve()
    await queue.draining
    assert.equal(queue.backend.jobs[0].status, 'completed')
    assert.equal(logger.at('info').filter(({ message }) => message.startsWith('signal received')).length, 1)
  })

  it('can be removed, twice too', () => {
    const uninstall = queue.installSignalHandlers({ signals: ['SIGUSR2'] })
    uninstall()
    uninstall()
    assert.deepEqual(listeners(), before)
  })

  it('never end the process', async (t) => {
    const exit = t.mock.method(process, 'exit', () => {})
    const kill = t.mock.method(process, 'kill', () => {})
    queue.installSignalHandlers()
    process.emit('SIGINT', 'SIGINT')
    await queue.draining
    assert.equal(exit.mock.callCount() + kill.mock.callCount(), 0)
  })

  it('refuse what is no signal, and install nothing', () => {
    assert.throws(() => queue.installSignalHandlers({ signals: ['SIGNOPE'] }), RangeError)
    assert.throws(() => queue.installSignalHandlers({ signals: 'SIGTERM' }), TypeError)
    assert.throws(() => queue.installSignalHandlers({ timeoutMs: -1 }), RangeError)
  })
})
