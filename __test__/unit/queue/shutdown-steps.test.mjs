/** The five steps of a shutdown, in their order and with the time that each may take. */
import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { safeLogger } from '../../../dist/base/logger.js'
import { shutDown } from '../../../dist/queue/shutdown.js'
import { never, settled } from '../../support/async.mjs'
import { recordingLogger } from '../../support/loggers.mjs'

let told, logger, driver, backend, leaves, covered
beforeEach((t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  told = []
  logger = recordingLogger()
  leaves = true
  covered = []
  const step = (name) => () => void told.push(name)
  driver = {
    ...Object.fromEntries(['quiesce', 'releaseAll', 'close'].map((name) => [name, step(name)])),
    idle: never,
    abort: (reason) => void told.push(`abort: ${reason.code}`),
  }
  backend = { shutdown: async (limitMs) => void told.push(`backend: ${limitMs}`) }
})

/** A grace in which as much is left as said, and whose waits end as said. */
function shutDownWithin({ leftMs = 2000, overtimeMs = 900, covers = [false, true] }) {
  const grace = {
    left: (extraMs = 0) => (extraMs === 0 ? leftMs : overtimeMs),
    covers: async (_promise, extraMs = 0) => (covered.push(extraMs), covers.shift()),
  }
  return shutDown({ driver, backend, logger: safeLogger(logger), leave: () => leaves }, grace)
}

const messages = () => logger.entries.map(({ level, message }) => `${level}: ${message}`)

test('handlers that end in time are neither aborted nor warned of', async () => {
  await shutDownWithin({ covers: [true, true] })
  assert.deepEqual(told, ['quiesce', 'backend: 900', 'close'])
  assert.deepEqual([messages(), covered], [[], [0, 900]])
})

test('handlers that end on their abort are not released', async () => {
  driver.idle = async () => {}
  await shutDownWithin({})
  assert.deepEqual(told, ['quiesce', 'abort: ERR_DURABL_SHUT_DOWN', 'backend: 900', 'close'])
  assert.deepEqual(
    logger.entries.map(({ level, timeoutMs }) => [level, timeoutMs]),
    [['warn', 2000]],
  )
})

describe('handlers that never end', () => {
  /** Lets this time pass; returns the last step by then. */
  async function after(t, ms) {
    t.mock.timers.tick(ms)
    await settled()
    return told.at(-1)
  }

  test('have a quarter of a second to react, and their release 350 ms', async (t) => {
    const over = shutDownWithin({})
    await settled()
    assert.equal(await after(t, 249), 'abort: ERR_DURABL_SHUT_DOWN')
    assert.equal(await after(t, 1), 'releaseAll')
    assert.equal(await after(t, 349), 'releaseAll')
    assert.equal(await after(t, 1), 'close')
    await over
    assert.equal(told.at(-2), 'backend: 900')
  })

  test('have less where less is left', async (t) => {
    const over = shutDownWithin({ overtimeMs: 100 })
    await settled()
    assert.equal(await after(t, 99), 'abort: ERR_DURABL_SHUT_DOWN')
    assert.equal(await after(t, 1), 'releaseAll')
    assert.equal(await after(t, 100), 'close')
    await over
    assert.equal(told.at(-2), 'backend: 100')
  })
})

test('the backend has at most the time that the handlers had, or 900 ms', async () => {
  await shutDownWithin({ leftMs: 5000, overtimeMs: 5900, covers: [true, true] })
  assert.equal(told.at(-2), 'backend: 5000')
})

test('a backend that is not done is left, and that is told', async () => {
  await shutDownWithin({ covers: [true, false] })
  assert.deepEqual(messages(), ['warn: shutdown: the backend is not done; leaving it'])
  assert.equal(logger.entries[0].limitMs, 900)
  assert.equal(told.at(-1), 'close')
})

test('the driver is closed only after the backend is done', async () => {
  let end
  backend.shutdown = () => new Promise((resolve) => (end = resolve))
  const grace = { left: () => 900, covers: async (promise) => (await promise, true) }
  driver.idle = async () => {}
  const over = shutDown({ driver, backend, logger: safeLogger(logger), leave: () => true }, grace)
  await settled()
  assert.deepEqual(told, ['quiesce'])
  end()
  await over
  assert.deepEqual(told, ['quiesce', 'close'])
})

test('a backend that another queue works on stays', async () => {
  leaves = false
  await shutDownWithin({ covers: [true, true] })
  assert.deepEqual(told, ['quiesce', 'close'])
})

test('a step that fails is told, and the next ones follow', async () => {
  driver.quiesce = () => {
    throw new Error('stuck')
  }
  backend.shutdown = async () => {
    throw new Error('away')
  }
  await shutDownWithin({ covers: [true, true] })
  assert.deepEqual(messages(), [
    'error: shutdown: a step failed; going on',
    'error: shutdown: the backend failed to shut down',
  ])
  assert.deepEqual(told, ['close'])
})
