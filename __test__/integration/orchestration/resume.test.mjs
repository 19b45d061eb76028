/** Orchestrations on MongoDB and in memory: what an attempt leaves to the next one. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NonRetryable, NondeterminismError, Orchestrator } from 'durabl'
import { deferred } from '../../support/async.mjs'
import { letPass } from '../../support/time.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { BACKENDS, QUICK, orchestrated } from './support/orchestrated.mjs'

/** No retry comes by itself within a test. */
const LONG_MS = 3_600_000

for (const name of BACKENDS) {
  describe(name, () => {
    test('steps run once each, in their order, and the job completes', async (t) => {
      const { orchestrator, queue, ended, stepsOf } = await orchestrated(t, name)
      const ran = []
      orchestrator.define('trip', async (job, octx) => {
        const seat = await octx.step('seat', async ({ idempotencyKey, jobId, seq }) => {
          ran.push([idempotencyKey, jobId, seq])
          return { seat: `${job.data.row}A`, at: new Date(5) }
        })
        await octx.step('mail', () => void ran.push(seat))
      })
      const id = await queue.enqueue('trip', { row: 7 })
      assert.equal((await ended(id)).status, 'completed')
      assert.deepEqual(ran, [[`${id}:0:seat`, id, 0], { seat: '7A', at: new Date(5) }])
      assert.deepEqual(await stepsOf(id), [
        [0, 'seat', { seat: '7A', at: new Date(5) }],
        [1, 'mail', { __durablVoid: true }],
      ])
    })

    test('an attempt that failed is resumed behind its last step', async (t) => {
      const { orchestrator, queue, ended, events } = await orchestrated(t, name)
      const ran = []
      orchestrator.define('trip', async (job, octx) => {
        const one = await octx.step('one', () => ran.push('one') && { n: 1 })
        const none = await octx.step('void', () => void ran.push('void'))
        if (job.attempt === 1) throw new Error('no luck')
        await octx.step('two', () => void ran.push(one, none))
      })
      const id = await queue.enqueue('trip', {}, { backoffDelay: LONG_MS })
      // A failure is stored a moment before it is told, and a retry may be claimed in between.
      await pollUntil('the failure is told', () => events.length === 2)
      assert.deepEqual(await queue.promote(id), { status: 'promoted' })
      assert.equal((await ended(id)).status, 'completed')
      assert.deepEqual(ran, ['one', 'void', { n: 1 }, undefined])
      await pollUntil('its end is told', () => events.length === 4)
      assert.deepEqual(
        events.map(({ kind, attempt, terminal }) => [kind, attempt, terminal]),
        [
          ['claimed', 1, undefined],
          ['failed', 1, false],
          ['claimed', 2, undefined],
          ['completed', undefined, undefined],
        ],
      )
    })

    test('parallel steps and loops resume by their places', async (t) => {
      const { orchestrator, queue, ended, stepsOf } = await orchestrated(t, name)
      const ran = []
      orchestrator.define('trip', async (job, octx) => {
        const parts = await Promise.all(
          [30, 20, 10].map((ms, n) =>
            octx.step('part', async ({ idempotencyKey }) => {
              ran.push(idempotencyKey)
              await letPass(ms, 'the steps end in the other order')
              return n
            }),
          ),
        )
        assert.deepEqual(parts, [0, 1, 2])
        for (let n = 0; n < 3; n += 1) await octx.step('turn', () => ran.push(n))
        if (job.attempt === 1) throw new Error('crash')
      })
      const id = await queue.enqueue('trip', {}, QUICK)
      assert.equal((await ended(id)).status, 'completed')
      assert.deepEqual(ran, [0, 1, 2].map((n) => `${id}:${n}:part`).concat([0, 1, 2]))
      assert.deepEqual(
        (await stepsOf(id)).map(([seq, step]) => [seq, step]),
        [0, 1, 2].map((n) => [n, 'part']).concat([3, 4, 5].map((n) => [n, 'turn'])),
      )
    })

    test('a step whose record failed to be written runs again, with the same keys', async (t) => {
      const { orchestrator, queue, backend, ended } = await orchestrated(t, name)
      const keys = []
      const { appendStep } = backend
      let fails = 2
      backend.appendStep = async function (...args) {
        if (fails > 0 && args[2].name === 'charge') {
          fails -= 1
          throw new Error('away')
        }
        return appendStep.apply(backend, args)
      }
      orchestrator.define('pay', async (job, octx) => {
        await octx.step('charge', ({ idempotencyKey }) => keys.push(idempotencyKey), job.data.options)
      })
      const plain = await queue.enqueue('pay', {}, QUICK)
      assert.equal((await ended(plain)).status, 'completed')
      fails = 1
      const named = await queue.enqueue('pay', { options: { idempotencyKey: 'card-7' } }, QUICK)
      assert.equal((await ended(named)).status, 'completed')
      assert.deepEqual(keys, [...Array(3).fill(`${plain}:0:charge`), 'card-7', 'card-7'])
    })

    test('a step answers with a record that is there already', async (t) => {
      const { orchestrator, queue, backend, ended, stepsOf } = await orchestrated(t, name)
      let ran = 0
      let answer
      orchestrator.define('once', async (job, octx) => {
        answer = await octx.step('a', async () => {
          ran += 1
          const { claimToken } = job
          await backend.appendStep(job.id, claimToken, {
            seq: 0,
            name: 'a',
            result: 'stored',
            ts: new Date(),
          })
          return 'own'
        })
      })
      const id = await queue.enqueue('once', {})
      assert.equal((await ended(id)).status, 'completed')
      assert.deepEqual([ran, answer, (await stepsOf(id)).length], [1, 'stored', 1])
    })

    test('another name at a recorded place ends the job for good', async (t) => {
      const { orchestrator, queue, ended, events } = await orchestrated(t, name)
      let caught
      orchestrator.define('odd', async (job, octx) => {
        try {
          await octx.step(job.attempt === 1 ? 'charge' : 'Charge', () => 1)
        } catch (error) {
          caught = error
        }
        if (job.attempt === 1) throw new Error('again')
      })
      const id = await queue.enqueue('odd', {}, { ...QUICK, maxAttempts: 5 })
      const job = await ended(id)
      assert.deepEqual([job.status, job.attempt], ['failed', 2])
      assert.match(job.failReason, /nondeterminism/)
      assert.ok(job.logs.some(({ message }) => /^Fatal: nondeterminism/.test(message)))
      assert.ok(caught instanceof NondeterminismError)
      await pollUntil('its end is told', () => events.at(-1).kind === 'fail-fatal')
    })

    test('NonRetryable fails for good, in a step or beside one', async (t) => {
      const { orchestrator, queue, ended } = await orchestrated(t, name)
      let ran = 0
      orchestrator.define('fatal', async (job, octx) => {
        ran += 1
        const end = () => {
          throw new NonRetryable('no such card', { cause: new Error('the bank') })
        }
        if (job.data.within) await octx.step('charge', end)
        end()
      })
      for (const within of [true, false]) {
        const job = await ended(await queue.enqueue('fatal', { within }, QUICK))
        assert.deepEqual([job.status, job.attempt], ['failed', 1])
        assert.ok(job.logs.some(({ message }) => message.startsWith('Fatal: no such card')))
      }
      assert.equal(ran, 2)
    })

    test('a step that returns an instance of a class fails its job at once, by name', async (t) => {
      const { orchestrator, queue, ended } = await orchestrated(t, name)
      orchestrator.define('class', (job, octx) => octx.step('load', () => new (class User {})()))
      const job = await ended(await queue.enqueue('class', {}, QUICK))
      assert.deepEqual([job.status, job.attempt], ['failed', 1])
      assert.ok(job.logs.some(({ message }) => /^Fatal: .*"load".*class User/.test(message)))
    })

    test('the last attempt’s error fails the job', async (t) => {
      const { orchestrator, queue, ended, events } = await orchestrated(t, name)
      orchestrator.define('bad', async () => {
        throw new Error('no')
      })
      const job = await ended(await queue.enqueue('bad', {}, { ...QUICK, maxAttempts: 2 }))
      assert.deepEqual([job.status, job.attempt, job.failReason], ['failed', 2, 'no'])
      await pollUntil('its end is told', () => events.at(-1).terminal === true)
    })

    test('now and uuid are the same at each attempt, and make one record', async (t) => {
      const { orchestrator, queue, ended, stepsOf } = await orchestrated(t, name)
      const seen = []
      orchestrator.define('time', async (job, octx) => {
        seen.push([octx.now(), octx.uuid('a'), octx.uuid('b'), octx.uuid('a'), octx.now()])
        await octx.step('s', () => 1)
        if (job.attempt === 1) throw new Error('again')
      })
      const before = Date.now()
      const id = await queue.enqueue('time', {}, QUICK)
      const other = await queue.enqueue('time', {}, QUICK)
      await ended(id)
      await ended(other)
      const [one, two] = [seen[0], seen.find(([, a]) => a !== seen[0][1])]
      assert.equal(seen.filter((values) => values[1] === one[1]).length, 2)
      assert.deepEqual(
        seen.filter((values) => values[1] === one[1]).map((values) => values.join()),
        [one.join(), one.join()],
      )
      assert.ok(two)
      const [now, a, b, again, same] = one
      assert.deepEqual([again, same], [a, now])
      assert.notEqual(a, b)
      assert.match(a, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      assert.ok(Math.abs(now - before) < 60_000)
      assert.deepEqual(
        (await stepsOf(id)).map(([seq, step]) => [seq, step]),
        [
          [-1, '$bootstrap'],
          [0, 's'],
        ],
      )
    })

    test('a shutdown lets the running step end, begins none, and gives the job back', async (t) => {
      const { orchestrator, queue, backend, stored, events, stepsOf, join } = await orchestrated(t, name)
      const started = deferred()
      const going = deferred()
      const ran = []
      const body = async (job, octx) => {
        await octx.step('one', async () => {
          ran.push('one')
          started.resolve()
          await going.promise
          return 1
        })
        await octx.step('two', () => ran.push('two'))
      }
      orchestrator.define('long', body)
      const id = await queue.enqueue('long', {})
      await started.promise
      const down = queue.shutdown(20_000)
      going.resolve()
      const begun = performance.now()
      await down
      assert.ok(performance.now() - begun < 5000)
      assert.equal(
        events.some(({ kind }) => kind === 'failed'),
        false,
      )
      const next = join(backend)
      const job = await stored(next, id)
      assert.deepEqual([job.status, job.attempt], ['pending', 0])
      assert.deepEqual(ran, ['one'])
      new Orchestrator(next.queue).define('long', body)
      assert.equal((await next.ended(id)).status, 'completed')
      assert.deepEqual(ran, ['one', 'two'])
      assert.equal((await stepsOf(id, next)).length, 2)
    })

    test('a shutdown lets the running item of a map end, and begins no further one', async (t) => {
      const { orchestrator, queue, backend, stored, stepsOf, join } = await orchestrated(t, name)
      const started = deferred()
      const going = deferred()
      const ran = []
      orchestrator.define('many', async (job, octx) => {
        await octx.map(
          'item',
          [0, 1, 2],
          async (item) => {
            ran.push(item)
            started.resolve()
            await going.promise
          },
          { concurrency: 1 },
        )
      })
      const id = await queue.enqueue('many', {})
      await started.promise
      const down = queue.shutdown(20_000)
      going.resolve()
      await down
      const next = join(backend)
      const { status, attempt } = await stored(next, id)
      assert.deepEqual([status, attempt, ran], ['pending', 0, [0]])
      assert.deepEqual(
        (await stepsOf(id, next)).map(([, step]) => step),
        ['item[0]'],
      )
    })

    for (const tool of ['step', 'tryStep']) {
      test(`a shutdown does not wait for the next try of a ${tool}, and costs the job nothing`, async (t) => {
        const { orchestrator, queue, backend, stored, stepsOf, join } = await orchestrated(t, name)
        const tried = deferred()
        let tries = 0
        const body = async (job, octx) => {
          const flaky = () => {
            tries += 1
            tried.resolve()
            if (tries === 1) throw new Error('no luck')
          }
          await octx[tool]('flaky', flaky, {
            retry: { maxAttempts: 3, backoff: 'fixed', backoffDelay: 9_000 },
          })
        }
        orchestrator.define('patient', body)
        const id = await queue.enqueue('patient', {}, { maxAttempts: 1 })
        await tried.promise
        const beganAt = performance.now()
        await queue.shutdown(20_000)
        assert.ok(performance.now() - beganAt < 10_000)
        const next = join(backend)
        const { status, attempt } = await stored(next, id)
        assert.deepEqual([status, attempt, tries], ['pending', 0, 1])
        assert.deepEqual(await stepsOf(id, next), [])
        new Orchestrator(next.queue).define('patient', body)
        assert.equal((await next.ended(id)).status, 'completed')
        assert.equal(tries, 2)
      })
    }
  })
}
