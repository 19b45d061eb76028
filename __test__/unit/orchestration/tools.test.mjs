/** The tools of an orchestration, and what they refuse. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NonRetryable } from 'durabl'
import { testOrchestration } from 'durabl/testing'
import { never, settled } from '../../support/async.mjs'

describe('tools', () => {
  test('tryStep records failures, so that what follows them replays', async () => {
    const ran = []
    const under = testOrchestration(async (job, octx) => {
      const paid = await octx.tryStep('pay', () => {
        ran.push('pay')
        throw Object.assign(new TypeError('no card'), { code: 'E_CARD' })
      })
      const fine = await octx.tryStep('fine', () => ran.push('fine') && { n: 1 })
      await octx.step('tell', () => ran.push(paid, fine) && 1)
    })
    await under.crashAfter('fine')
    await under.resume()
    assert.deepEqual(ran, [
      'pay',
      'fine',
      { status: 'failed', error: { name: 'TypeError', message: 'no card', code: 'E_CARD' } },
      { status: 'ok', value: { n: 1 } },
    ])
  })

  test('a fatal error is no value', async () => {
    const under = testOrchestration((job, octx) =>
      octx.tryStep('pay', () => {
        throw new NonRetryable('never')
      }),
    )
    await assert.rejects(under.run(), NonRetryable)
    assert.deepEqual(under.steps, [])
  })

  test('branches have places of their own', async () => {
    const ran = []
    const turns = []
    const body = (slow) => async (job, octx) => {
      const line = (name) =>
        octx.branch(name, async (b) => {
          for (const step of ['book', 'pay']) {
            await b.step(step, async ({ idempotencyKey }) => {
              if (name === slow) for (let n = 0; n < 20; n += 1) await null
              ran.push(idempotencyKey)
              turns.push(name)
              return idempotencyKey
            })
          }
          return b.branch('in', async (inner) => inner.step('deep', () => ran.push('deep') && name))
        })
      const ends = await Promise.all([line('flight'), line('hotel')])
      assert.deepEqual(ends, ['flight', 'hotel'])
      await octx.step('after', () => ran.push('after'))
    }
    const under = testOrchestration(body('flight'))
    await under.crashAfter('pay')
    const [first] = turns
    assert.equal(first, 'hotel')
    await under.resumeWith(body('hotel'))
    assert.deepEqual(
      [...new Set(ran)].filter((key) => key !== 'deep' && key !== 'after').sort(),
      ['0.0:book', '0.1:pay', '1.0:book', '1.1:pay'].map((key) => `test-job-1:${key}`),
    )
    assert.deepEqual(ran.filter((key) => key === 'deep').length, 2)
    assert.deepEqual(
      under.steps.filter(({ name }) => name === 'after').map(({ seq }) => seq),
      [2],
    )
  })

  test('map has a step for each item, in order, so many at once', async () => {
    let running = 0
    let most = 0
    const ran = []
    const under = testOrchestration(async (job, octx) => {
      running = 0
      const results = await octx.map(
        'send',
        [3, 1, 2],
        async (item, { idempotencyKey }) => {
          running += 1
          most = Math.max(most, running)
          for (let n = 0; n < 10 * item; n += 1) await null
          running = Math.max(0, running - 1)
          ran.push(idempotencyKey)
          return item * 2
        },
        { concurrency: 2 },
      )
      assert.deepEqual(results, [6, 2, 4])
      await octx.step('after', () => 1)
    })
    await under.crashAfter('send[1]')
    await under.resume()
    assert.equal(most, 2)
    assert.equal(ran.filter((key) => key === 'test-job-1:1:send[1]').length, 1)
    assert.deepEqual(
      under.steps.map(({ seq, name }) => [seq, name]),
      [
        [0, 'send[0]'],
        [1, 'send[1]'],
        [2, 'send[2]'],
        [3, 'after'],
      ],
    )
  })

  test('map collects failures as values, or stops at the first', async () => {
    const fail = (item) => {
      if (item > 1) throw new Error(`no ${item}`)
      return item
    }
    let collected
    const collecting = testOrchestration(async (job, octx) => {
      collected = await octx.map('m', [1, 2, 3], fail, { onFailure: 'collect' })
    })
    await collecting.run()
    await collecting.resume()
    assert.deepEqual(collected, [
      { status: 'ok', value: 1 },
      { status: 'failed', reason: 'no 2' },
      { status: 'failed', reason: 'no 3' },
    ])
    const stopping = testOrchestration((job, octx) => octx.map('m', [1, 2, 3, 4], fail, { concurrency: 1 }))
    await assert.rejects(stopping.run(), /no 2/)
    assert.deepEqual(stopping.steps, [{ seq: 0, name: 'm[0]', result: 1 }])
  })

  test('map begins no further item once the attempt has failed beside it', async () => {
    const ran = []
    const under = testOrchestration((job, octx) =>
      Promise.all([
        octx.map(
          'm',
          [1, 2, 3],
          (item, keys, signal) => {
            ran.push(item)
            return new Promise((resolve) => signal.addEventListener('abort', () => resolve(item)))
          },
          { concurrency: 1 },
        ),
        octx.step('fails', () => {
          throw new Error('no')
        }),
      ]),
    )
    await assert.rejects(under.run(), /^Error: no$/)
    await settled()
    assert.deepEqual(ran, [1])
    assert.deepEqual(under.steps, [{ seq: 0, name: 'm[0]', result: 1 }])
  })

  test('a step tries again within its attempt', async () => {
    const keys = []
    const under = testOrchestration(async (job, octx) => {
      const result = await octx.step(
        'flaky',
        ({ idempotencyKey }) => {
          keys.push(idempotencyKey)
          if (keys.length < 3) throw new Error('again')
          return 'done'
        },
        { retry: { maxAttempts: 3, backoffDelay: 1, backoffMaxDelay: 1 } },
      )
      assert.equal(result, 'done')
    })
    await under.run()
    assert.deepEqual(keys, Array(3).fill('test-job-1:0:flaky'))
    keys.length = 0
    const few = testOrchestration((job, octx) =>
      octx.step(
        'flaky',
        () => {
          keys.push(1)
          throw new NonRetryable('never')
        },
        { retry: { maxAttempts: 3, backoffDelay: 1 } },
      ),
    )
    await assert.rejects(few.run(), NonRetryable)
    assert.equal(keys.length, 1)
  })
})

describe('bad input', () => {
  const refused = (call) => async () => {
    let caught
    const under = testOrchestration(async (job, octx) => {
      try {
        await call(octx)
      } catch (error) {
        caught = error
      }
    })
    await under.run().catch(() => {})
    assert.equal(caught?.code, 'ERR_DURABL_INVALID_ARGUMENT', `${caught}`)
  }
  for (const name of [undefined, null, '', 7, {}, 'x'.repeat(5000), 'a\u0000b'])
    test(
      `a step named ${String(name).slice(0, 20)}`,
      refused((octx) => octx.step(name, () => 1)),
    )
  for (const fn of [undefined, null, 'f', {}, class {}, function* () {}])
    test(
      `a step that is ${String(fn).slice(0, 20)}`,
      refused((octx) => octx.step('a', fn)),
    )
  for (const options of [
    7,
    'x',
    { timeoutMs: -1 },
    { timeoutMs: NaN },
    { idempotencyKey: '' },
    { unknown: 1 },
  ])
    test(
      `options ${JSON.stringify(options)}`,
      refused((octx) => octx.step('a', () => 1, options)),
    )
  for (const retry of [{}, { maxAttempts: 0 }, 7, { maxAttempts: 2, backoff: 'odd' }])
    test(
      `retry ${JSON.stringify(retry)}`,
      refused((octx) => octx.step('a', () => 1, { retry })),
    )
  for (const label of [undefined, 7, {}])
    test(
      `label ${label}`,
      refused(async (octx) => octx.uuid(label)),
    )
  for (const items of [undefined, 'abc', {}])
    test(
      `items ${items}`,
      refused((octx) => octx.map('m', items, () => 1)),
    )

  test('a refused call takes no place', async () => {
    const under = testOrchestration(async (job, octx) => {
      await octx.step('', () => 1).catch(() => {})
      await octx.step('a', () => 1)
    })
    await under.run()
    assert.equal(under.steps[0].seq, 0)
  })

  test('a step within a step is refused by name, and fails the job', async () => {
    for (const inner of ['step', 'tryStep', 'branch']) {
      const under = testOrchestration(async (job, octx) => {
        await octx.step('outer', () => octx[inner]('inner', () => 1))
      })
      await assert.rejects(under.run(), (error) => {
        assert.equal(error.code, 'ERR_DURABL_STEP_REFUSED')
        return /"inner" is called within a step/.test(error.message)
      })
      assert.deepEqual(under.steps, [])
    }
  })

  test('a step after the end is refused by name', async () => {
    let late
    const under = testOrchestration(async (job, octx) => void (late = () => octx.step('late', () => 1)))
    await under.run()
    await assert.rejects(late(), (error) => {
      assert.equal(error.code, 'ERR_DURABL_STEP_REFUSED')
      return /"late" is called after the end/.test(error.message)
    })
  })

  test('steps that are not awaited are waited for, and their failure counts', async () => {
    const ran = []
    const fine = testOrchestration(async (job, octx) => {
      void octx.step('a', async () => {
        await null
        ran.push('a')
      })
    })
    await fine.run()
    assert.deepEqual([ran, fine.steps.length], [['a'], 1])
    const failing = testOrchestration(async (job, octx) => {
      void octx.step('a', async () => {
        await null
        throw new Error('late')
      })
    })
    await assert.rejects(failing.run(), /late/)
  })
})

describe('the end of an attempt', () => {
  test('a failure that is awaited late is no unhandled rejection', async (t) => {
    const unhandled = []
    const hear = (reason) => unhandled.push(reason)
    process.on('unhandledRejection', hear)
    t.after(() => process.off('unhandledRejection', hear))
    const under = testOrchestration(async (job, octx) => {
      const slow = octx.step('slow', () => settled())
      const failing = octx.step('failing', () => {
        throw new Error('no')
      })
      await slow
      await failing
    })
    await assert.rejects(under.run(), /^Error: no$/)
    await settled()
    assert.deepEqual(unhandled, [])
  })

  test('an attempt that has failed waits for its running steps, but not for ever', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    let rejected = null
    const under = testOrchestration(async (job, octx) => {
      void octx.step('stuck', () => never())
      throw new Error('no')
    })
    const running = under.run().catch((error) => (rejected = error))
    await settled()
    t.mock.timers.tick(9999)
    await settled()
    assert.equal(rejected, null)
    t.mock.timers.tick(1)
    await running
    assert.equal(rejected.message, 'no')
  })

  test('limits of steps leave no timer behind, and keep no process alive', async (t) => {
    const LIMIT_MS = 77_777
    const { setTimeout, clearTimeout } = globalThis
    const made = []
    const cleared = new Set()
    t.mock.method(globalThis, 'setTimeout', (callback, ms, ...args) => {
      const timer = setTimeout(callback, ms, ...args)
      if (ms === LIMIT_MS) made.push(timer)
      return timer
    })
    t.mock.method(globalThis, 'clearTimeout', (timer) => {
      cleared.add(timer)
      clearTimeout(timer)
    })
    const holds = []
    const body = async (job, octx) => {
      const look = () => holds.push(made.at(-1).hasRef())
      const fail = () => {
        throw new Error('no')
      }
      await octx.tryStep('throws', () => fail(look()))
      await octx.tryStep('rejects', async () => fail(look()))
      await octx.step('returns', () => look())
    }
    await testOrchestration(body, { stepTimeoutMs: LIMIT_MS }).run()
    assert.deepEqual(holds, [false, false, false])
    assert.equal(made.length, 3)
    assert.ok(made.every((timer) => cleared.has(timer)))
  })
})
