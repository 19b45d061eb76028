import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { DummyBackend, JobQueue, ShutDownError } from 'durabl'
import { deferred, eventLog, never, settled } from '../../support/async.mjs'
import { recordingLogger } from '../../support/loggers.mjs'
import { override } from '../../support/override.mjs'

let backend, log, logger, calls
beforeEach(() => {
  backend = new DummyBackend()
  log = eventLog()
  logger = recordingLogger()
  calls = []
})

function queueOn(methods = {}) {
  const shutdown = async (...args) => void calls.push(args)
  return new JobQueue(override(backend, { shutdown, ...methods }), logger, { onJobEvent: log.listener })
}

/** The event loop is looked at so often, and was held up if it took longer than this. */
const LOOK_MS = 5
const HELD_UP_MS = 20

/**
 * Fails unless the promise settles within this time. While a busy machine runs something else, time does not count; while this
 * process computes, it does.
 */
async function within(ms, promise) {
  const startedAt = performance.now()
  let seenAt = startedAt
  const { user, system } = process.cpuUsage()
  let usedMs = (user + system) / 1000
  let heldUp = 0
  const look = () => {
    const gap = performance.now() - seenAt
    const { user, system } = process.cpuUsage()
    const ownMs = (user + system) / 1000 - usedMs
    if (gap > HELD_UP_MS) heldUp += Math.max(0, gap - ownMs)
    seenAt += gap
    usedMs += ownMs
  }
  // It must not be what keeps the process alive until then.
  const looks = setInterval(look, LOOK_MS).unref()
  try {
    const result = await promise
    look()
    const took = seenAt - startedAt
    const allowed = ms + heldUp
    assert.ok(took <= allowed, `took ${Math.round(took)} ms, ${Math.round(allowed)} were promised`)
    return result
  } finally {
    clearInterval(looks)
  }
}

it('a shutdown that blocks the event loop is not forgiven', async () => {
  const blocks = async () => {
    await settled()
    const { user } = process.cpuUsage()
    while (process.cpuUsage().user - user < 300_000);
  }
  await assert.rejects(within(200, blocks()), /took \d+ ms, \d+ were promised/)
})

describe('shutdown', () => {
  it('of an idle queue is immediate, and shuts the backend down', async () => {
    const queue = queueOn()
    queue.process('work', () => {})
    await within(200, queue.shutdown())
    assert.equal(calls.length, 1)
    assert.ok(calls[0][0] > 0 && calls[0][0] <= 30_000)
  })

  it('waits for running handlers, and claims nothing more', async () => {
    const queue = queueOn()
    const end = deferred()
    await queue.enqueue('work', 1)
    await queue.enqueue('work', 2)
    queue.process('work', () => end.promise)
    await settled()
    let isDown = false
    const down = queue.shutdown().then(() => (isDown = true))
    await settled()
    assert.equal(isDown, false)
    assert.deepEqual(calls, [])
    end.resolve()
    await down
    assert.deepEqual(
      backend.jobs.map(({ status }) => status),
      ['completed', 'pending'],
    )
  })

  it('lets running handlers enqueue, settle and look', async () => {
    const queue = queueOn()
    const go = deferred()
    await queue.enqueue('work', 1)
    queue.process('work', async (_job, ctx) => {
      await go.promise
      await queue.enqueue('next', {})
      await queue.getStats()
      await ctx.complete()
    })
    await settled()
    const down = queue.shutdown()
    go.resolve()
    await down
    assert.deepEqual(
      backend.jobs.map(({ type, status }) => [type, status]),
      [
        ['work', 'completed'],
        ['next', 'pending'],
      ],
    )
  })

  it('aborts what is still running after the grace, and releases it with its attempt', async () => {
    const queue = queueOn()
    await queue.enqueue('work', {})
    let signal
    queue.process('work', (_job, ctx) => ((signal = ctx.signal), never()))
    await settled()
    await within(1050, queue.shutdown(50))
    assert.ok(signal.reason instanceof ShutDownError)
    const [job] = backend.jobs
    assert.equal(job.status, 'pending')
    assert.equal(job.attempt, 0)
    assert.deepEqual(log.kinds(), ['claimed', 'shutdown-released'])
    assert.deepEqual(log.events[1], { kind: 'shutdown-released', type: 'work', jobId: 'dummy-1' })
  })

  it('releases a job whose handler throws because it was aborted', async () => {
    const queue = queueOn()
    await queue.enqueue('work', {})
    queue.process(
      'work',
      (_job, ctx) =>
        new Promise((_, reject) => {
          ctx.signal.addEventListener('abort', () => reject(new Error('stopped')))
        }),
    )
    await settled()
    await within(400, queue.shutdown(0))
    assert.equal(backend.jobs[0].status, 'pending')
    assert.equal(backend.jobs[0].attempt, 0)
    assert.equal(backend.jobs[0].failReason, undefined)
  })

  it('releases a job whose handler returns because it was aborted, as it may be half done', async () => {
    const queue = queueOn()
    await queue.enqueue('work', {})
    queue.process(
      'work',
      (_job, ctx) => new Promise((resolve) => ctx.signal.addEventListener('abort', resolve)),
    )
    await settled()
    await within(400, queue.shutdown(0))
    assert.equal(backend.jobs[0].status, 'pending')
  })

  for (const [name, end] of [
    ['rejects', (late) => late.reject(new Error('late'))],
    ['resolves', (late) => late.resolve()],
  ]) {
    it(`ignores a handler that ${name} after its job was released`, async () => {
      const queue = queueOn()
      const late = deferred()
      await queue.enqueue('work', {})
      let ctx
      queue.process('work', (_job, context) => ((ctx = context), late.promise))
      await settled()
      await queue.shutdown(0)
      end(late)
      await settled()
      assert.equal(backend.jobs[0].status, 'pending')
      assert.deepEqual(await ctx.complete(), { status: 'released' })
      assert.equal(await ctx.heartbeat(), 'lease-lost')
    })
  }

  it('gives back a claim that arrives after it began, at once', async () => {
    const reply = deferred()
    const queue = queueOn({ claimNext: () => reply.promise })
    queue.process('work', () => assert.fail('must not start'))
    await queue.enqueue('work', {})
    const down = queue.shutdown()
    reply.resolve(await backend.claimNext('work'))
    await settled()
    // Not only when the grace for running handlers is over.
    assert.equal(backend.jobs[0].status, 'pending')
    assert.equal(backend.jobs[0].attempt, 0)
    await within(1000, down)
    assert.deepEqual(log.kinds(), ['claimed', 'shutdown-released'])
  })

  it('twice is one shutdown', async () => {
    const queue = queueOn()
    await Promise.all([queue.shutdown(), queue.shutdown(5)])
    await queue.shutdown()
    assert.equal(calls.length, 1)
  })

  it('can be awaited as `draining`, and by `await using`', async () => {
    const queue = queueOn()
    assert.equal(queue.draining, null)
    const down = queue[Symbol.asyncDispose]()
    assert.ok(queue.draining instanceof Promise)
    await Promise.all([queue.draining, down])
    assert.equal(calls.length, 1)
  })

  it('refuses a malformed timeout and does not begin', async () => {
    const queue = queueOn()
    await assert.rejects(queue.shutdown('soon'), TypeError)
    await assert.rejects(queue.shutdown(-1), RangeError)
    assert.equal(queue.draining, null)
    await queue.shutdown(0)
  })
})

describe('shutdown is bounded', () => {
  const down = async () => {
    throw new Error('down')
  }
  const bad = [
    ['a backend whose shutdown never ends', { shutdown: never }],
    ['a backend whose shutdown rejects', { shutdown: down }],
    [
      'a backend whose shutdown throws',
      {
        shutdown: () => {
          throw new Error('down')
        },
      },
    ],
    ['a backend whose releases never end', { release: never }],
    ['a backend whose releases reject', { release: down }],
    [
      'a backend that never answers at all',
      { release: never, heartbeat: never, fail: never, complete: never, shutdown: never },
    ],
    [
      'an unsubscribe that throws',
      {
        onJobAvailable: () => () => {
          throw new Error('no')
        },
      },
    ],
  ]
  for (const [name, methods] of bad) {
    it(`with ${name}`, async () => {
      const queue = queueOn(methods)
      await queue.enqueue('work', {})
      queue.process('work', never)
      await settled()
      await within(1150, queue.shutdown(100))
    })
  }

  it('with claims that never answer', async () => {
    const queue = queueOn({ claimNext: never, shutdown: never })
    queue.process('work', () => {})
    await within(1050, queue.shutdown(0))
  })

  it('with verdicts that are never written', async () => {
    const queue = queueOn({ complete: never })
    await queue.enqueue('work', {})
    queue.process('work', () => {})
    await settled()
    await within(1050, queue.shutdown(0))
  })

  it('with a handler that runs a claimed job and never ends', async () => {
    const queue = queueOn()
    const handle = await queue.claimOrEnqueue('work', {})
    const run = assert.rejects(queue.runClaimed(handle, never), { code: 'ERR_DURABL_SHUT_DOWN' })
    await settled()
    await within(1050, queue.shutdown(0))
    await run
    assert.equal(backend.jobs[0].status, 'pending')
  })
})
