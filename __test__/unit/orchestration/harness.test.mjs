/** `durabl/testing`: the step machine over a journal in memory. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'
import {
  LeaseLostError,
  NonRetryable,
  NonSerializableStepResult,
  NondeterminismError,
  StepTimeout,
} from 'durabl'
import {
  SimulatedCrash,
  TEST_SEED,
  TEST_STARTED_AT,
  TestOrchestration,
  testOrchestration,
} from 'durabl/testing'

const require = createRequire(import.meta.url)
const vectors = JSON.parse(
  readFileSync(new URL('../../../engine/vectors/uuid.json', import.meta.url), 'utf8'),
)

/** Two steps and a void one. */
function trip() {
  const ran = []
  const body = async (job, octx) => {
    const seat = await octx.step('seat', ({ idempotencyKey }) => ran.push(idempotencyKey) && { n: job.data })
    octx.log(`seat ${seat.n}`)
    await octx.step('pay', async ({ idempotencyKey }) => void ran.push(idempotencyKey))
    await octx.step('mail', ({ idempotencyKey }) => ran.push(idempotencyKey) && 'sent')
  }
  return { ran, body }
}

test('an attempt runs the steps in their order', async () => {
  const { ran, body } = trip()
  const under = testOrchestration(body, { data: 7 })
  await under.run()
  assert.deepEqual(under.steps, [
    { seq: 0, name: 'seat', result: { n: 7 } },
    { seq: 1, name: 'pay', result: undefined },
    { seq: 2, name: 'mail', result: 'sent' },
  ])
  assert.deepEqual(ran, ['test-job-1:0:seat', 'test-job-1:1:pay', 'test-job-1:2:mail'])
  assert.equal(under.attempts, 1)
  assert.deepEqual(under.logs, ['seat 7'])
  const { job } = under
  assert.deepEqual(
    [job.type, job.status, job.attempt, job.maxAttempts, job.claimToken, job.createdAt.getTime()],
    ['test-orchestration', 'active', 1, 25, 'test-claim-token', TEST_STARTED_AT],
  )
})

test('a crash after a step is resumed behind it', async () => {
  const { ran, body } = trip()
  const under = new TestOrchestration(body, { data: 7 })
  await under.crashAfter('pay')
  assert.deepEqual(
    under.steps.map(({ name }) => name),
    ['seat', 'pay'],
  )
  await under.resume()
  assert.deepEqual(ran, ['test-job-1:0:seat', 'test-job-1:1:pay', 'test-job-1:2:mail'])
  assert.deepEqual([under.attempts, under.job.attempt], [2, 2])
  assert.deepEqual(under.logs, ['seat 7', 'seat 7'])
})

test('a crash before the record of a step runs it again, with the same key', async () => {
  const { ran, body } = trip()
  const under = testOrchestration(body, { data: 7, jobId: 'order-9' })
  await under.crashBefore('seat')
  assert.deepEqual(under.steps, [])
  await under.resume()
  assert.deepEqual(ran.slice(0, 2), ['order-9:0:seat', 'order-9:0:seat'])
})

test('now and uuid are the same everywhere, and after a crash', async () => {
  const seen = []
  const body = async (job, octx) => {
    seen.push([octx.now(), ...vectors.map(({ label }) => octx.uuid(label))])
    await octx.step('a', () => 1)
  }
  for (const { seed, label, uuid } of vectors) {
    const under = testOrchestration(body, { seed })
    await under.crashAfter('a')
    await under.resume()
    const [first, second] = seen.splice(0)
    assert.deepEqual(first, second)
    assert.equal(first[1 + vectors.findIndex((vector) => vector.label === label)], uuid)
    assert.equal(first[0], TEST_STARTED_AT)
    assert.deepEqual(under.steps.length, 1)
  }
  assert.equal(vectors[0].seed, TEST_SEED)
})

test('other code diverges: the class is the one of durabl', async () => {
  const { body } = trip()
  const under = testOrchestration(body, { data: 7 })
  await under.crashAfter('seat')
  const diverged = await under.resumeWith((job, octx) => octx.step('flight', () => 1)).catch((error) => error)
  assert.ok(diverged instanceof NondeterminismError)
  assert.deepEqual([diverged.expected, diverged.actual], ['seat', 'flight'])
  for (const resumed of [
    (job, octx) => octx.branch('seat', async () => {}),
    (job, octx) => octx.tryStep('other', () => 1),
    (job, octx) => octx.map('seat', [1], () => 1),
    async (job, octx) => {
      await octx.step('flight', () => 1).catch(() => {})
    },
  ])
    await assert.rejects(under.resumeWith(resumed), NondeterminismError)
})

test('results that could not be recorded are refused', async () => {
  const under = testOrchestration((job, octx) => octx.step('load', () => ({ save() {} })))
  await assert.rejects(under.run(), (error) => {
    assert.ok(error instanceof NonSerializableStepResult)
    return /"load".*<result>\.save is a function/.test(error.message)
  })
  const marked = testOrchestration((job, octx) => octx.step('load', () => ({ __durablVoid: true })))
  await assert.rejects(marked.run(), NonSerializableStepResult)
})

test('errors come out as they were thrown', async () => {
  const odd = { any: 'thing' }
  const thrown = [new NonRetryable('no'), odd, new Error('x')]
  for (const error of thrown) {
    const rejected = testOrchestration(async () => {
      throw error
    }).run()
    assert.equal(await rejected.catch((caught) => caught), error)
  }
})

test('a crash that does not come is said', async () => {
  const { body } = trip()
  await assert.rejects(
    testOrchestration(body, { data: 1 }).crashAfter('nope'),
    /^Error: expected a crash at step 'nope'/,
  )
  await assert.rejects(
    testOrchestration(async () => {
      throw new Error('own')
    }).crashBefore('nope'),
    /own/,
  )
  assert.ok(new SimulatedCrash('a', 'after') instanceof Error)
})

test('nothing of an attempt goes on after its crash', async () => {
  const after = []
  const under = testOrchestration(async (job, octx) => {
    const other = octx.step('other', () => 2)
    try {
      await octx.step('a', () => 1)
    } catch (error) {
      after.push(error)
    } finally {
      after.push('finally')
    }
    await other
    await octx.step('b', () => after.push('b'))
    octx.log('b')
  })
  await under.crashAfter('other')
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(after, [])
  assert.deepEqual(under.logs, [])
  assert.deepEqual(
    under.steps.map(({ name }) => name),
    ['other'],
  )
})

test('a later change of a result does not change the journal', async () => {
  const kept = { list: [1] }
  const seen = []
  const under = testOrchestration(async (job, octx) => {
    const result = await octx.step('a', () => kept)
    seen.push(JSON.stringify(result))
    result.list.push(2)
    await octx.step('b', () => 1)
  })
  await under.crashAfter('b')
  await under.resume()
  assert.deepEqual(seen, ['{"list":[1]}', '{"list":[1]}'])
})

test('of several steps of one name the given one is hit', async () => {
  const under = testOrchestration(async (job, octx) => {
    for (let n = 0; n < 5; n += 1) await octx.step('turn', () => n)
  })
  await under.crashAfter('turn', { occurrence: 3 })
  assert.equal(under.steps.length, 3)
  await under.crashAfter('turn')
  assert.equal(under.steps.length, 4)
})

test('a lost lease can’t be hidden, and a limit that passes fails the attempt', async () => {
  const signals = []
  const under = testOrchestration(async (job, octx) => {
    const a = octx.step('a', (keys, signal) => {
      signals.push(signal)
      return signal.aborted ? 1 : new Promise((resolve) => signal.addEventListener('abort', resolve))
    })
    await a.catch((error) => {
      if (error instanceof StepTimeout) throw error
    })
  })
  await under.timeOut('a')
  assert.ok(signals[0].aborted && signals[0].reason instanceof StepTimeout)
  const lost = testOrchestration(async (job, octx) => {
    await octx.step('a', () => 1).catch(() => {})
    await octx.step('b', () => 1).catch(() => {})
  })
  await lost.loseLease('a')
  assert.deepEqual(lost.steps, [])
  await lost.run()
  assert.equal(lost.steps.length, 2)
  assert.ok(LeaseLostError)
})

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

test('one class of each error, in both module systems', () => {
  const commonjs = { ...require('durabl'), ...require('durabl/testing') }
  for (const [name, value] of Object.entries({
    NondeterminismError,
    NonRetryable,
    SimulatedCrash,
    TestOrchestration,
  }))
    assert.equal(commonjs[name], value)
})
