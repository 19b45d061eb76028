import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { DummyBackend, JobQueue, consoleLogger, defaultLogger } from 'durabl'
import { never, settled } from '../../support/async.mjs'
import { recordingLogger } from '../../support/loggers.mjs'

const boom = () => {
  throw new Error('observer')
}
const reject = async () => {
  throw new Error('observer')
}

/** Every kind of ending, on one queue; returns the statuses that came of it. */
async function workOn(logger, options) {
  const backend = new DummyBackend()
  const queue = new JobQueue(backend, logger, options)
  queue.process('good', () => {})
  queue.process('bad', () => {
    throw new Error('boom')
  })
  queue.process('stuck', never)
  for (const type of ['good', 'bad', 'stuck']) await queue.enqueue(type, {}, { maxAttempts: 1 })
  await queue.startReaper()
  await settled()
  await queue.shutdown(0)
  return backend.jobs.map(({ status }) => status)
}

const EXPECTED = ['completed', 'failed', 'pending']

describe('an event listener', () => {
  it('that throws harms nothing, and is reported once', async () => {
    const logger = recordingLogger()
    assert.deepEqual(await workOn(logger, { onJobEvent: boom }), EXPECTED)
    assert.equal(logger.at('warn').filter(({ message }) => message.includes('onJobEvent')).length, 1)
  })

  it('that rejects harms nothing', async () => {
    assert.deepEqual(await workOn(recordingLogger(), { onJobEvent: reject }), EXPECTED)
  })

  it('is called synchronously, in order', async () => {
    const seen = []
    const queue = new JobQueue(new DummyBackend(), recordingLogger(), {
      onJobEvent: (event) => seen.push(event.kind),
    })
    queue.process('work', () => void seen.push('handler'))
    await queue.enqueue('work', {})
    await settled()
    assert.deepEqual(seen, ['claimed', 'handler', 'completed'])
    await queue.shutdown()
  })
})

describe('a logger', () => {
  for (const [name, method] of [
    ['throws', boom],
    ['rejects', reject],
  ]) {
    it(`that ${name} harms nothing`, async () => {
      const logger = { debug: method, info: method, warn: method, error: method, child: boom }
      assert.deepEqual(await workOn(logger, { onJobEvent: boom }), EXPECTED)
    })
  }

  it('is called on itself', async () => {
    class Logger {
      lines = []
      debug() {
        this.lines.push('debug')
      }
      info() {
        this.lines.push('info')
      }
      warn() {
        this.lines.push('warn')
      }
      error() {
        this.lines.push('error')
      }
    }
    const logger = new Logger()
    await workOn(logger)
    assert.ok(logger.lines.includes('error'))
  })

  it('is asked for a child of the queue’s own category, which gets the entries', async () => {
    const [parent, child, asked] = [recordingLogger(), recordingLogger(), []]
    await workOn(Object.assign(parent, { child: (bindings) => (asked.push(bindings), child) }))
    assert.deepEqual(asked, [{ category: 'JobQueue' }])
    assert.equal(child.at('error').length, 1)
    assert.deepEqual(parent.entries, [])
  })

  it('whose child is none, as of a mock, logs itself, and adds no field', async () => {
    for (const child of [() => undefined, () => null, undefined]) {
      const logger = Object.assign(recordingLogger(), { child })
      await workOn(logger)
      const [entry] = logger.at('error')
      assert.equal('category' in entry, false)
    }
  })

  it('that is malformed is refused', () => {
    assert.throws(() => new JobQueue(new DummyBackend(), {}), TypeError)
  })
})

describe('the console loggers', () => {
  let lines
  beforeEach(() => {
    lines = []
    for (const level of ['debug', 'info', 'warn', 'error']) {
      mock.method(console, level, (...args) => lines.push([level, ...args]))
    }
  })
  afterEach(() => mock.restoreAll())

  it('write fields and message, and no debug entries', () => {
    const logger = consoleLogger()
    logger.debug('hidden')
    logger.info('plain')
    logger.warn({ n: 1 }, 'with fields')
    assert.deepEqual(lines, [
      ['info', 'durabl: plain'],
      ['warn', 'durabl: with fields', { n: 1 }],
    ])
  })

  it('have children that add their bindings', () => {
    consoleLogger().child({ a: 1 }).child({ b: 2 }).error({ c: 3 }, 'deep')
    assert.deepEqual(lines, [['error', 'durabl: deep', { a: 1, b: 2, c: 3 }]])
  })

  it('are silent below warnings by default', () => {
    for (const level of ['debug', 'info', 'warn', 'error']) defaultLogger[level](level)
    assert.deepEqual(
      lines.map(([level]) => level),
      ['warn', 'error'],
    )
  })
})
