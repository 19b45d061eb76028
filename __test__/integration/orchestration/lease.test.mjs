/** Orchestrations and their leases, limits and ends. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LeaseLostError, MaxDurationExceeded, NonRetryable, StepTimeout } from 'durabl'
import { deferred } from '../../support/async.mjs'
import { letPass } from '../../support/time.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { BACKENDS, QUICK, orchestrated } from './support/orchestrated.mjs'

const write = async (backend, id, fields) => {
  const job = backend.jobs?.find((candidate) => candidate.id === id)
  if (job !== undefined) return Object.assign(job, fields)
  return backend.getCollection().updateOne({ _id: id }, { $set: fields })
}

for (const name of BACKENDS) {
  describe(name, () => {
    test('a lease that another has taken cuts the orchestration off', async (t) => {
      const { orchestrator, queue, backend, events, job } = await orchestrated(t, name)
      const taken = deferred()
      const seen = []
      orchestrator.define(
        'taken',
        async ({ id }, octx) => {
          await octx.step('one', () => 1)
          await write(backend, id, { claimToken: 'another' })
          taken.resolve()
          await pollUntil('the loss is noticed', () => octx.signal.aborted)
          seen.push(octx.signal.reason)
          const refused = await octx.step('two', () => seen.push('ran')).catch((error) => error)
          seen.push(refused, await octx.heartbeat())
        },
        { heartbeatIntervalMs: 400 },
      )
      const id = await queue.enqueue('taken', {}, QUICK)
      await taken.promise
      await pollUntil('the orchestration has ended', () => seen.length === 3)
      assert.ok(seen[0] instanceof LeaseLostError && seen[1] instanceof LeaseLostError)
      assert.equal(seen[2], 'lease-lost')
      await pollUntil('its loss is told', () => events.some(({ kind }) => kind === 'lease-lost'))
      const stored = await job(id)
      assert.deepEqual([stored.status, stored.attempt, stored.failReason], ['active', 1, undefined])
    })

    test('a heartbeat that finds the lease lost is the last thing that works', async (t) => {
      const { orchestrator, queue, backend, events, job } = await orchestrated(t, name)
      const seen = []
      // The queue's own renewal would notice too, but not within this test.
      orchestrator.define(
        'asking',
        async ({ id }, octx) => {
          await octx.step('one', () => 1)
          await write(backend, id, { claimToken: 'another' })
          seen.push(await octx.heartbeat(), octx.signal.aborted)
          for (const call of ['step', 'tryStep', 'transaction'])
            seen.push(await octx[call](call, () => seen.push('ran')).catch((error) => error.name))
          seen.push(await octx.sleep('sleep', 5).catch((error) => error.name))
        },
        { heartbeatIntervalMs: 15_000 },
      )
      const id = await queue.enqueue('asking', {}, QUICK)
      await pollUntil('its loss is told', () => events.some(({ kind }) => kind === 'lease-lost'))
      assert.deepEqual(seen, ['lease-lost', true, ...Array(4).fill('LeaseLostError')])
      const stored = await job(id)
      assert.deepEqual([stored.status, stored.attempt, stored.failReason], ['active', 1, undefined])
      assert.deepEqual(
        (await backend.readSteps(id)).map((step) => step.name),
        ['one'],
      )
    })

    test('a record that finds the lease lost cuts it off, whatever it catches', async (t) => {
      const { orchestrator, queue, backend, events, job } = await orchestrated(t, name)
      orchestrator.define('taken', async ({ id }, octx) => {
        await octx.step('one', () => write(backend, id, { claimToken: 'another' })).catch(() => {})
      })
      const id = await queue.enqueue('taken', {}, QUICK)
      await pollUntil('its loss is told', () => events.some(({ kind }) => kind === 'lease-lost'))
      assert.equal((await job(id)).status, 'active')
      assert.deepEqual(await backend.readSteps(id), [])
    })

    test('a lease that is lost aborts the step that is running, and no renewal follows', async (t) => {
      const { orchestrator, queue, backend, events } = await orchestrated(t, name)
      const seen = []
      let renewals = 0
      const { heartbeat } = backend
      backend.heartbeat = function (...args) {
        renewals += 1
        return heartbeat.apply(backend, args)
      }
      orchestrator.define(
        'taken',
        ({ id }, octx) =>
          octx.step('long', async (keys, signal) => {
            await write(backend, id, { claimToken: 'another' })
            await pollUntil('the step hears of the loss', () => signal.aborted)
            seen.push(signal.reason, octx.signal.reason)
          }),
        { heartbeatIntervalMs: 100 },
      )
      const id = await queue.enqueue('taken', {}, QUICK)
      await pollUntil('its loss is told', () => events.some(({ kind }) => kind === 'lease-lost'))
      await pollUntil('the step has ended', () => seen.length === 2)
      assert.ok(seen[0] instanceof LeaseLostError && seen[1] instanceof LeaseLostError)
      assert.deepEqual(await backend.readSteps(id), [])
      const before = renewals
      await letPass(350, 'time for more renewals')
      assert.equal(renewals, before)
    })

    test('a sweep that failed the job after its last step does not undo it; before it, it does', async (t) => {
      const { orchestrator, queue, backend, ended, job } = await orchestrated(t, name)
      const swept = deferred()
      orchestrator.define('swept', async ({ id, data }, octx) => {
        const sweep = () =>
          write(backend, id, { status: 'failed', failReason: 'swept', failedAt: new Date() })
        await octx.step('one', data.early ? sweep : () => 1)
        if (!data.early) await sweep()
        swept.resolve()
      })
      const late = await queue.enqueue('swept', {})
      await pollUntil('it is completed', async () => (await job(late)).status === 'completed')
      assert.deepEqual([(await job(late)).failReason, (await job(late)).failedAt], [undefined, undefined])
      const early = await queue.enqueue('swept', { early: true })
      await ended(early, ['failed', 'completed'])
      await letPass(100, 'nothing else may become of it')
      assert.deepEqual([(await job(early)).status, (await job(early)).failReason], ['failed', 'swept'])
    })

    test('maxDurationMs ends an attempt, and the next step throws', async (t) => {
      const { orchestrator, queue, ended } = await orchestrated(t, name)
      const seen = []
      orchestrator.define(
        'long',
        async (job, octx) => {
          await letPass(120, 'longer than the limit')
          seen.push(await octx.step('late', () => seen.push('ran')).catch((error) => error))
        },
        { maxDurationMs: 40 },
      )
      const failed = await ended(await queue.enqueue('long', {}, { maxAttempts: 1 }))
      assert.equal(failed.status, 'failed')
      assert.match(failed.failReason, /40/)
      await pollUntil('the step was refused', () => seen.length > 0)
      assert.equal(seen.length, 1)
      assert.ok(seen[0] instanceof MaxDurationExceeded)
    })

    test('deadlineMs counts from the first attempt, and is final', async (t) => {
      const { orchestrator, queue, ended } = await orchestrated(t, name)
      orchestrator.define(
        'late',
        async () => {
          await letPass(60, 'a part of the deadline')
          throw new Error('again')
        },
        { deadlineMs: 150 },
      )
      const failed = await ended(await queue.enqueue('late', {}, { ...QUICK, maxAttempts: 100 }))
      assert.equal(failed.status, 'failed')
      assert.ok(failed.attempt > 1 && failed.attempt < 10, `${failed.attempt}`)
      assert.match(failed.failReason, /deadlineMs/)
    })

    test('a step past its limit is aborted and tried again, with the same key', async (t) => {
      const { orchestrator, queue, ended } = await orchestrated(t, name)
      const seen = []
      orchestrator.define(
        'slow',
        async (job, octx) => {
          await octx.step(
            'slow',
            async ({ idempotencyKey }, signal) => {
              seen.push(idempotencyKey)
              if (job.attempt > 1) return
              await new Promise((resolve) => signal.addEventListener('abort', resolve))
              seen.push(signal.reason)
            },
            { timeoutMs: 30 },
          )
        },
        { stepTimeoutMs: 60_000 },
      )
      const id = await queue.enqueue('slow', {}, QUICK)
      assert.equal((await ended(id)).status, 'completed')
      assert.deepEqual([seen[0], seen[2], seen.length], [`${id}:0:slow`, `${id}:0:slow`, 3])
      assert.ok(seen[1] instanceof StepTimeout)
    })

    test('a throw stops the steps beside it, and the retry waits for their end', async (t) => {
      const { orchestrator, queue, ended } = await orchestrated(t, name)
      let running = 0
      let most = 0
      const aborted = []
      orchestrator.define('beside', async (job, octx) => {
        await Promise.all([
          octx.step('sibling', async (keys, signal) => {
            running += 1
            most = Math.max(most, running)
            signal.addEventListener('abort', () => aborted.push(job.attempt))
            await letPass(80, 'it ends in its own time')
            running -= 1
            if (job.attempt === 1) throw new Error('aborted')
          }),
          octx.step('other', () => {
            if (job.attempt === 1) throw new Error('no')
          }),
        ])
      })
      assert.equal((await ended(await queue.enqueue('beside', {}, QUICK))).status, 'completed')
      assert.deepEqual([most, aborted], [1, [1]])
    })

    test('only the queue’s heartbeat is called by itself', async (t) => {
      const { orchestrator, queue, backend, ended } = await orchestrated(t, name)
      const calls = []
      for (const method of ['heartbeat', 'heartbeatClaimed']) {
        const original = backend[method]
        backend[method] = function (...args) {
          calls.push(method)
          return original.apply(backend, args)
        }
      }
      orchestrator.define('asks', async (job, octx) => {
        await octx.step('a', () => 1)
        if (job.data.asks) assert.equal(await octx.heartbeat(), 'heartbeated')
      })
      await ended(await queue.enqueue('asks', {}))
      assert.equal(calls.includes('heartbeatClaimed'), false)
      await ended(await queue.enqueue('asks', { asks: true }))
      assert.equal(calls.filter((method) => method === 'heartbeatClaimed').length, 1)
    })

    test('a key is held while a retry waits, and free once the job has ended', async (t) => {
      const { orchestrator, queue, ended } = await orchestrated(t, name)
      orchestrator.define('keyed', async (job, octx) => {
        await octx.step('a', () => 1)
        throw job.attempt === 1 ? new Error('again') : new NonRetryable('no')
      })
      const options = { dedupeKey: 'k', backoffDelay: 150, backoffMaxDelay: 150 }
      const id = await queue.enqueue('keyed', {}, options)
      await pollUntil('it waits', async () => (await ended(id, ['pending'])).attempt === 1)
      assert.equal(await queue.enqueue('keyed', {}, options), null)
      await ended(id)
      assert.ok(await queue.enqueue('keyed', {}, options))
    })
  })
}

test('a damaged journal fails its job for good, by name, and harms no other', async (t) => {
  const { orchestrator, queue, backend, ended } = await orchestrated(t, 'MongoJobQueue')
  orchestrator.define('any', (job, octx) => octx.step('a', () => 1))
  const jobs = await Promise.all([1, 2, 3, 4].map(() => queue.enqueue('any', {}, { delay: 400 })))
  const collection = backend.getCollection()
  const spoil = (id, steps) => collection.updateOne({ _id: id }, { $set: { steps, journalBytes: 7 } })
  await spoil(jobs[0], 'none')
  await spoil(jobs[1], [{ seq: 'x' }])
  const step = { seq: 0, name: 'a', result: 1, ts: new Date() }
  await spoil(jobs[2], [step, step])
  for (const [index, id] of jobs.entries()) {
    const { status, failReason, attempt } = await ended(id)
    if (index === 3) assert.equal(status, 'completed')
    else assert.deepEqual([status, attempt, /damaged/.test(failReason)], ['failed', 1, true], failReason)
  }
})

test('a job without a claim token fails at once, and its orchestration is not called', async (t) => {
  const { orchestrator, queue, backend, ended } = await orchestrated(t, 'DummyBackend')
  const { claimNext } = backend
  backend.claimNext = async (type) => {
    const claimed = await claimNext.call(backend, type)
    if (claimed !== null) delete claimed.claimToken
    return claimed
  }
  let called = 0
  orchestrator.define('bare', async () => void (called += 1))
  const job = await ended(await queue.enqueue('bare', {}))
  assert.deepEqual([job.status, job.attempt, called], ['failed', 1, 0])
  assert.ok(job.logs.some(({ message }) => message.startsWith('Fatal:')))
  assert.ok(job.logs.some(({ message }) => /durable orchestration.*claimToken/.test(message)))
})

test('branches that race for places are warned of once, and so is a job in scope pending', async (t) => {
  const warnings = []
  const logger = {
    debug() {},
    info() {},
    error() {},
    warn: (fields, message) => warnings.push([fields, message]),
  }
  const { orchestrator, queue, ended } = await orchestrated(t, 'DummyBackend', { logger })
  orchestrator.define('races', async (job, octx) => {
    const line = async (name) => {
      await octx.step(name, () => letPass(name === 'x' ? 5 : 30, 'one line is slower'))
      await octx.step(`${name}2`, () => letPass(5, 'as above'))
    }
    await Promise.all([line('x'), line('y')])
  })
  await ended(await queue.enqueue('races', {}))
  await ended(await queue.enqueue('races', {}))
  const racing = warnings.filter(([, message]) => /race for their places/.test(message))
  assert.deepEqual(
    racing.map(([{ running, called }]) => [running, called]),
    [['y', 'x2']],
  )
  orchestrator.define('pending', (job, octx) => octx.step('a', () => 1))
  await ended(await queue.enqueue('pending', {}, { dedupeKey: 'k', dedupeScope: 'pending' }))
  assert.equal(warnings.filter(([, message]) => /dedupe scope "pending"/.test(message)).length, 1)
})
