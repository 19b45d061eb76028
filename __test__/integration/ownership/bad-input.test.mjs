/** Handlers, listeners, loggers and callers that do what they should not, on MongoDB: nothing of it reaches the process. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { JobQueue } from 'durabl'
import { deferred, eventLog, never } from '../../support/async.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { SILENT, jobs } from '../../support/jobs.mjs'

const escaped = []
const note = (error) => escaped.push(error)
before(() => process.on('unhandledRejection', note).on('uncaughtException', note))
after(() => {
  process.removeListener('unhandledRejection', note).removeListener('uncaughtException', note)
  assert.deepEqual(escaped, [], 'something escaped into the process')
})

async function setUp(t, { logger = SILENT, onJobEvent, ...options } = {}) {
  const env = await jobs(t)
  const log = eventLog()
  const queue = new JobQueue(env.backend, logger, { onJobEvent: onJobEvent ?? log.listener, ...options })
  atEnd(t, () => queue.shutdown(0))
  return { ...env, queue, log }
}

const once = { maxAttempts: 1 }

test('a handler fails its job, with a reason, when it', async (t) => {
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const things = {
    undefined,
    null: null,
    'an empty string': '',
    zero: 0,
    'not a number': NaN,
    false: false,
    'an empty object': {},
    'a symbol': Symbol('s'),
    'a function': () => {},
    'a bigint': 1n,
    'an error without a message': new Error(),
    'an error whose message is none': Object.assign(new Error('x'), { message: { $set: 1 } }),
    'an object whose message cannot be read': {
      get message() {
        throw new Error('no')
      },
    },
    'a revoked proxy': revoked.proxy,
    'a text too long to store': 'x'.repeat(20_000_000),
    'half a character': '\ud83d',
    'a text with a null byte': 'a\0b',
  }
  const ways = {
    throws: (thing) => {
      throw thing
    },
    'rejects with': (thing) => Promise.reject(thing),
  }
  const { queue, log, stored } = await setUp(t)
  queue.process('work', ({ data: [way, name] }) => ways[way](things[name]))

  for (const name of Object.keys(things)) {
    for (const way of Object.keys(ways)) {
      await t.test(`${way} ${name}`, async () => {
        const id = await queue.enqueue('work', [way, name], once)
        const { reason } = await log.next('failed', ({ jobId }) => jobId === id)
        const job = await stored(id)
        assert.equal(job.status, 'failed')
        assert.ok(typeof job.failReason === 'string' && job.failReason !== '')
        assert.ok(typeof reason === 'string' && reason !== '')
      })
    }
  }
})

describe('a handler that', { concurrency: true }, () => {
  test('never settles holds its own slot, and no other', async (t) => {
    const { queue, log } = await setUp(t)
    const stuck = await queue.enqueue('work', 'stuck')
    queue.process('work', ({ data }) => (data === 'stuck' ? never() : undefined), { concurrency: 2 })
    await log.next('claimed', ({ jobId }) => jobId === stuck)
    const others = await Promise.all(Array.from({ length: 20 }, (_, n) => queue.enqueue('work', n)))
    for (const id of others) await log.next('completed', ({ jobId }) => jobId === id)
    assert.ok(!log.events.some(({ kind, jobId }) => jobId === stuck && kind !== 'claimed'))
  })

  test('returns a promise of a foreign kind that settles twice, or throws while it does, is understood', async (t) => {
    const { queue, log } = await setUp(t)
    const thenables = {
      twice: {
        then(resolve, reject) {
          resolve()
          reject(new Error('too late'))
          throw new Error('much too late')
        },
      },
      broken: {
        get then() {
          throw new Error('no then')
        },
      },
    }
    queue.process('work', ({ data }) => thenables[data])
    const good = await queue.enqueue('work', 'twice', once)
    const bad = await queue.enqueue('work', 'broken', once)
    await log.next('completed', ({ jobId }) => jobId === good)
    assert.equal((await log.next('failed', ({ jobId }) => jobId === bad)).reason, 'no then')
  })

  test('rejects after it was aborted fails by the timeout, once', async (t) => {
    const { queue, log, stored } = await setUp(t)
    const rejected = deferred()
    const id = await queue.enqueue('work', {}, once)
    queue.process(
      'work',
      (_, { signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () =>
            setImmediate(() => {
              reject(new Error('late'))
              rejected.resolve()
            }),
          )
        }),
      { timeoutMs: 50 },
    )
    await log.next('failed')
    await rejected.promise
    await queue.shutdown()
    assert.match((await stored(id)).failReason, /timeoutMs/)
    assert.deepEqual(log.kinds(), ['claimed', 'failed'])
  })
})

test('a listener and a logger that throw at everything keep no job from its end', async (t) => {
  const complain = () => {
    throw new Error('no')
  }
  const logger = { debug: complain, info: complain, warn: complain, error: complain, child: complain }
  const { queue, whenJob, collection, stored } = await setUp(t, {
    logger,
    onJobEvent: complain,
    visibilityTimeoutMs: 1000,
  })
  queue.process('good', () => {})
  queue.process('bad', () => {
    throw new Error('on purpose')
  })
  queue.process(
    'stolen',
    (_, { signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
  )
  const [good, bad, stolen] = await Promise.all(
    ['good', 'bad', 'stolen'].map((type) => queue.enqueue(type, {}, once)),
  )
  await whenJob(good, 'completed')
  await whenJob(bad, 'failed')
  await whenJob(stolen, 'active')
  await collection.updateOne(
    { _id: stolen },
    { $set: { claimToken: 'thief', claimedAt: new Date(Date.now() + 60_000) } },
  )
  const handle = await queue.claimOrEnqueue('by hand', {})
  await handle.fail('no')
  await queue.shutdown(2000)
  assert.equal((await stored(stolen)).claimToken, 'thief')
})

describe('a handle', { concurrency: true }, () => {
  const ENDS = {
    complete: (handle) => handle.complete(),
    fail: (handle) => handle.fail('no'),
    failFatal: (handle) => handle.failFatal('no'),
    release: (handle) => handle.release(),
  }

  for (const [name, end] of Object.entries(ENDS)) {
    test(`whose job was removed finds nothing to ${name}`, async (t) => {
      const { queue, collection } = await setUp(t)
      const handle = await queue.claimOrEnqueue('work', {})
      await collection.deleteOne({ _id: handle.id })
      assert.deepEqual(await end(handle), { status: 'not-found' })
      assert.equal(await handle.heartbeat(), 'lease-lost')
      await handle.log('nobody reads it')
      await assert.rejects(
        queue.runClaimed(handle, () => assert.fail('there is nothing to run')),
        { code: 'ERR_DURABL_LEASE_LOST' },
      )
    })

    test(`settled by ${name} and by everything else at once is settled once`, async (t) => {
      const { queue, stored } = await setUp(t)
      const handle = await queue.claimOrEnqueue('work', {}, { backoffDelay: 60_000 })
      const others = Object.values(ENDS).filter((other) => other !== end)
      const found = await Promise.all([end, ...others, ...others].map((settle) => settle(handle)))
      const effective = found.filter(({ status }) => !['lease-lost', 'already-terminal'].includes(status))
      assert.equal(effective.length, 1, JSON.stringify(found))
      const expected = {
        completed: 'completed',
        'retry-scheduled': 'pending',
        released: 'pending',
        'failed-terminal': 'failed',
      }
      assert.equal((await stored(handle.id)).status, expected[effective[0].status])
    })
  }
})

test('a malformed visibility timeout is refused before anything is recovered', async (t) => {
  const { backend, collection, stored } = await setUp(t)
  const { id } = await backend.claimOrEnqueue('work', {})
  await collection.updateOne({ _id: id }, { $set: { claimedAt: new Date(0) } })
  for (const timeout of [-1, NaN, Infinity, '1000', null, {}])
    await assert.rejects(backend.recoverStuckJobs(timeout), { code: 'ERR_DURABL_INVALID_ARGUMENT' })
  for (const timeout of [0, -1, NaN, Infinity, 0.5, '1000', null, {}]) {
    assert.throws(() => new JobQueue(backend, SILENT, { visibilityTimeoutMs: timeout }), {
      code: 'ERR_DURABL_INVALID_ARGUMENT',
    })
  }
  assert.equal((await stored(id)).status, 'active')
})
