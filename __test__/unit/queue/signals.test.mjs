import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { deferred, never, settled } from '../../support/async.mjs'
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

  it('of one queue can be removed, and those of another stay', async () => {
    const other = new JobQueue(new DummyBackend(), logger)
    const uninstall = queue.installSignalHandlers({ signals: ['SIGUSR2'] })
    other.installSignalHandlers({ signals: ['SIGUSR2'] })
    uninstall()
    process.emit('SIGUSR2', 'SIGUSR2')
    assert.equal(queue.draining, null)
    assert.ok(other.draining instanceof Promise)
    await other.draining
    await settled()
  })

  it('never end the process', async (t) => {
    const exit = t.mock.method(process, 'exit', () => {})
    const kill = t.mock.method(process, 'kill', () => {})
    queue.installSignalHandlers()
    process.emit('SIGINT', 'SIGINT')
    await queue.draining
    assert.equal(exit.mock.callCount() + kill.mock.callCount(), 0)
  })

  it('run before a listener that the app has added earlier, which so sees that the queue drains', async () => {
    let seen = null
    const listener = () => (seen = queue.draining)
    process.once('SIGUSR2', listener)
    queue.installSignalHandlers({ signals: ['SIGUSR2'] })
    process.emit('SIGUSR2', 'SIGUSR2')
    assert.ok(seen instanceof Promise)
    await queue.draining
  })

  it('call onDrained once the running jobs have ended, so that an app closes its client then', async () => {
    const [end, drained] = [deferred(), deferred()]
    await queue.enqueue('work', {}, { maxAttempts: 1 })
    queue.process('work', () => end.promise)
    await settled()
    const statusOf = () => queue.backend.jobs[0].status
    const onDrained = (signal) => drained.resolve([signal, statusOf()])
    queue.installSignalHandlers({ signals: ['SIGUSR2'], onDrained })
    process.emit('SIGUSR2', 'SIGUSR2')
    await settled()
    assert.equal(statusOf(), 'active')
    end.resolve()
    assert.deepEqual(await drained.promise, ['SIGUSR2', 'completed'])
  })

  it('tell the logger of an onDrained that rejects, and leave the process alive', async () => {
    const onDrained = async () => {
      throw new Error('cleanup')
    }
    queue.installSignalHandlers({ signals: ['SIGUSR2'], onDrained })
    process.emit('SIGUSR2', 'SIGUSR2')
    await queue.draining
    await settled()
    assert.deepEqual(
      logger.at('error').map(({ err }) => err.message),
      ['cleanup'],
    )
  })

  it('of twenty queues are one listener, of which Node does not warn', async () => {
    const queues = Array.from({ length: 20 }, () => new JobQueue(new DummyBackend(), logger))
    for (const each of queues) each.installSignalHandlers()
    assert.deepEqual(listeners(), [before[0] + 1, before[1] + 1, before[2]])
    process.emit('SIGTERM', 'SIGTERM')
    await Promise.all(queues.map((each) => each.draining))
    await settled()
  })

  it('give 25 seconds, less than the 30 after which platforms kill', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    await queue.enqueue('work', {})
    queue.process('work', never)
    await settled()
    queue.installSignalHandlers({ signals: ['SIGUSR2'] })
    process.emit('SIGUSR2', 'SIGUSR2')
    t.mock.timers.tick(25_000)
    await settled()
    t.mock.timers.tick(1000)
    await queue.draining
    assert.equal(queue.backend.jobs[0].status, 'pending')
  })

  it('refuse names that are no signals, and install nothing', () => {
    assert.throws(() => queue.installSignalHandlers({ signals: ['SIGNOPE'] }), RangeError)
    assert.throws(() => queue.installSignalHandlers({ signals: 'SIGTERM' }), TypeError)
    assert.throws(() => queue.installSignalHandlers({ timeoutMs: -1 }), RangeError)
    assert.throws(() => queue.installSignalHandlers({ onDrained: 'close' }), TypeError)
  })
})
