import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { afterEach, beforeEach, describe, it } from 'node:test'
import {
  DummyBackend,
  JobQueue,
  createJobQueue,
  getDefaultQueue,
  getGlobalBackend,
  setGlobalBackend,
  withGlobalQueue,
} from 'durabl'
import { deferred, settled } from '../../support/async.mjs'
import { recordingLogger, silentLogger } from '../../support/loggers.mjs'

let backend
beforeEach(() => (backend = new DummyBackend()))
afterEach(() => setGlobalBackend(null))

describe('the global backend', () => {
  it('must have been set', () => {
    for (const use of [getGlobalBackend, getDefaultQueue, createJobQueue]) {
      assert.throws(() => use(), { code: 'ERR_DURABL_NO_GLOBAL_BACKEND' })
    }
  })

  it('is the one that was set, until it is unset', () => {
    setGlobalBackend(backend)
    assert.equal(getGlobalBackend(), backend)
    setGlobalBackend(null)
    assert.throws(getGlobalBackend)
  })

  it('must be one', () => {
    assert.throws(() => setGlobalBackend({}), TypeError)
    assert.throws(() => setGlobalBackend(backend, { visibilityTimeout: 1 }), /visibilityTimeoutMs/)
  })

  it('is shared with another copy of the package', () => {
    const require = createRequire(import.meta.url)
    const path = require.resolve('../../../dist/compat/global.js')
    require(path)
    delete require.cache[path]
    const copy = require(path)
    assert.notEqual(copy.setGlobalBackend, setGlobalBackend)
    copy.setGlobalBackend(backend)
    assert.equal(getGlobalBackend(), backend)
  })
})

describe('the default queue', () => {
  it('is one, and a new one for a new backend', () => {
    setGlobalBackend(backend)
    const queue = getDefaultQueue()
    assert.ok(queue instanceof JobQueue)
    assert.equal(queue.backend, backend)
    assert.equal(getDefaultQueue(), queue)
    setGlobalBackend(new DummyBackend())
    assert.notEqual(getDefaultQueue(), queue)
  })

  it('has the global options and logger', async () => {
    const logger = recordingLogger()
    const events = []
    setGlobalBackend(backend, { logger, onJobEvent: (event) => events.push(event.kind) })
    const queue = getDefaultQueue()
    queue.process('work', () => {
      throw new Error('boom')
    })
    await queue.enqueue('work', {})
    await settled()
    await queue.shutdown()
    assert.deepEqual(events, ['claimed', 'failed'])
    assert.equal(logger.at('warn').length, 1)
  })
})

describe('createJobQueue', () => {
  it('makes a new queue at each call, on the global backend or on another', () => {
    setGlobalBackend(backend)
    const other = new DummyBackend()
    assert.notEqual(createJobQueue(), createJobQueue())
    assert.equal(createJobQueue().backend, backend)
    assert.equal(createJobQueue(other).backend, other)
  })

  it('puts the overrides over the global options', async () => {
    const seen = []
    setGlobalBackend(backend, { logger: silentLogger, onJobEvent: () => seen.push('global') })
    const queue = createJobQueue(undefined, { onJobEvent: () => seen.push('own') })
    await queue.claimOrEnqueue('work', {})
    await createJobQueue().claimOrEnqueue('work', {})
    assert.deepEqual(seen, ['own', 'global'])
    assert.throws(() => createJobQueue(backend, { onJobEvents: () => {} }), /onJobEvent"/)
  })
})

describe('withGlobalQueue', () => {
  it('makes the backend global for the callback, and resolves to what that returns', async () => {
    const result = await withGlobalQueue(backend, async (queue) => {
      assert.equal(getGlobalBackend(), backend)
      assert.equal(getDefaultQueue(), queue)
      await queue.enqueue('work', {})
      return 42
    })
    assert.equal(result, 42)
    assert.equal(backend.jobs.length, 1)
    assert.throws(getGlobalBackend)
  })

  it('takes options', async () => {
    const events = []
    const options = { logger: silentLogger, onJobEvent: ({ kind }) => events.push(kind) }
    await withGlobalQueue(backend, options, (queue) => queue.claimOrEnqueue('work', {}))
    assert.deepEqual(events, ['claimed'])
  })

  it('restores exactly what was, also after a failure and after changes inside', async () => {
    setGlobalBackend(backend, { logger: silentLogger })
    const before = getDefaultQueue()
    const failing = withGlobalQueue(new DummyBackend(), () => {
      setGlobalBackend(new DummyBackend())
      getDefaultQueue()
      throw new Error('boom')
    })
    await assert.rejects(failing, { message: 'boom' })
    assert.equal(getGlobalBackend(), backend)
    assert.equal(getDefaultQueue(), before)
    await before.enqueue('work', {})
  })

  it('shuts down its own queue, and no other', async () => {
    setGlobalBackend(backend)
    const outside = getDefaultQueue()
    let inside
    await withGlobalQueue(new DummyBackend(), (queue) => (inside = queue))
    await assert.rejects(inside.enqueue('work', {}), { code: 'ERR_DURABL_SHUT_DOWN' })
    await outside.enqueue('work', {})
  })

  it('refuses to contain or overlap another, and harms neither', async () => {
    const gate = deferred()
    const first = withGlobalQueue(backend, async (queue) => {
      await assert.rejects(
        withGlobalQueue(new DummyBackend(), () => assert.fail()),
        {
          code: 'ERR_DURABL_GLOBAL_SCOPE_OVERLAP',
        },
      )
      await gate.promise
      assert.equal(getDefaultQueue(), queue)
    })
    await assert.rejects(
      withGlobalQueue(new DummyBackend(), () => {}),
      { code: 'ERR_DURABL_GLOBAL_SCOPE_OVERLAP' },
    )
    gate.resolve()
    await first
    await withGlobalQueue(backend, () => {})
  })

  it('refuses a value that is no backend or no callback, and opens no scope', async () => {
    await assert.rejects(
      withGlobalQueue({}, () => {}),
      TypeError,
    )
    await assert.rejects(withGlobalQueue(backend), TypeError)
    await assert.rejects(withGlobalQueue(backend, {}, 'callback'), TypeError)
    await withGlobalQueue(backend, () => {})
  })
})
