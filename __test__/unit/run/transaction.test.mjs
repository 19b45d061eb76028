/** The order in which a transaction of a handler touches its job, and the meaning of each of its ends for the job. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deferred, settled } from '../../support/async.mjs'
import { letPass } from '../../support/time.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { conflict, labelled, playedRun } from './support/managed-run.mjs'

/** Runs a handler; gives the outcome of the one promise that it returns, and everything that happened. */
async function played(handler, options) {
  const over = deferred()
  const played = playedRun(async (ctx, run) => {
    try {
      over.resolve({ result: await handler(ctx, run, played) })
    } catch (error) {
      over.resolve({ error })
      throw error
    }
  }, options)
  played.run.start()
  const outcome = await over.promise
  await settled()
  await settled()
  return { ...played, ...outcome }
}

/** A step of an orchestration that works in a transaction. */
const stepOf = (note, own = {}) => ({
  work: () => 'done',
  write: async () => void note('record'),
  isRecorded: async () => false,
  ...own,
})

describe('ctx.transaction', () => {
  test('makes the lease long first, completes last, and touches the job again only when the session has ended', async () => {
    const { trace, result, events } = await played((ctx, _run, { note }) =>
      ctx.transaction(() => (note('work'), 7)),
    )
    assert.equal(result, 7)
    assert.deepEqual(trace, [
      'suspend 3600000',
      'start session',
      'begin',
      'work',
      'complete',
      'commit',
      'end session',
      'session ended',
      'completed',
      'slot freed',
      'ended',
    ])
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['completed'],
    )
  })

  test('waits until lines and progress are written, and keeps those that come until it has committed', async () => {
    const { trace } = await played(async (ctx) => {
      void ctx.log('before')
      void ctx.progress(1)
      void ctx.progress(2)
      await ctx.transaction(async () => {
        void ctx.log('within')
        void ctx.log('within, too')
      })
    })
    assert.deepEqual(trace, [
      'log before',
      'progress 1',
      'suspend 3600000',
      'start session',
      'begin',
      'complete',
      'commit',
      'end session',
      'session ended',
      'log within',
      'log within, too',
      'progress 2',
      'completed',
      'slot freed',
      'ended',
    ])
  })

  test('keeps the first progress of its handler until it has committed', async () => {
    const { trace } = await played((ctx) =>
      ctx.transaction(async () => {
        void ctx.progress(1)
        await settled()
      }),
    )
    assert.ok(trace.indexOf('progress 1') > trace.indexOf('end session'), trace.join())
    assert.ok(trace.indexOf('progress 1') < trace.indexOf('completed'), trace.join())
  })

  test('that fails has its lines written while the handler goes on', async () => {
    const { trace } = await played(async (ctx, _run, { note, trace }) => {
      const work = () => {
        void ctx.log('within')
        throw new Error('no')
      }
      await assert.rejects(ctx.transaction(work), /no/)
      note('transaction over')
      await pollUntil('the line is written', () => trace.includes('log within'))
    })
    assert.ok(trace.indexOf('log within') > trace.indexOf('session ended'), trace.join())
    assert.ok(trace.includes('settle complete'))
  })

  test('whose function ends it itself fails, and fails for good once that has committed', async () => {
    for (const [state, code] of [
      ['TRANSACTION_COMMITTED', 'ERR_DURABL_FATAL_JOB'],
      ['TRANSACTION_ABORTED', 'ERR_DURABL_TRANSACTION'],
    ]) {
      const { trace, error } = await played((ctx) => ctx.transaction((session) => session.end(state)))
      assert.equal(error.code, code)
      assert.equal(trace.includes('complete'), false)
    }
  })

  test('whose function ends it itself at the second attempt fails as well', async () => {
    let attempt = 0
    const { error } = await played(
      (ctx) =>
        ctx.transaction((session) => {
          attempt += 1
          if (attempt === 2) session.end('TRANSACTION_ABORTED')
        }),
      { commit: async () => Promise.reject(conflict()) },
    )
    assert.equal(error.code, 'ERR_DURABL_TRANSACTION')
  })

  test('renews a lease that has become old before it tries again', async () => {
    let attempt = 0
    const { trace } = await played(
      (ctx, _run, { note }) =>
        ctx.transaction(async (session) => {
          session.operate()
          note('work')
          attempt += 1
          if (attempt === 2) return
          await letPass(40, 'the lease of 20 ms must be old at the second attempt')
          throw conflict()
        }),
      { visibilityTimeoutMs: 20 },
    )
    const seen = trace.filter((line) => line === 'work' || line.startsWith('suspend'))
    const between = seen.slice(seen.indexOf('work') + 1, seen.lastIndexOf('work'))
    assert.equal(seen[0], 'suspend 20')
    assert.ok(between.length > 0 && between.every((line) => line === 'suspend 20'), seen.join())
  })

  test('of a run that is given back meanwhile neither completes nor begins again', async () => {
    for (const fails of [false, true]) {
      const { trace } = await played((ctx, run, { note }) =>
        ctx.transaction((session) => {
          session.operate()
          note('work')
          run.release()
          if (fails) throw conflict()
        }),
      )
      assert.deepEqual(
        trace.filter((line) => ['work', 'complete', 'commit', 'resume', 'settle release'].includes(line)),
        ['work', 'settle release'],
      )
    }
  })

  test('is not begun on a lease that is lost', async () => {
    const { trace, error, events } = await played((ctx) => ctx.transaction(() => {}), {
      suspend: () => 'lease-lost',
    })
    assert.equal(error.code, 'ERR_DURABL_LEASE_LOST')
    assert.equal(trace.includes('start session'), false)
    assert.deepEqual(
      events.map(({ kind, op }) => [kind, op]),
      [['lease-lost', 'complete']],
    )
  })

  const unknown = async () => Promise.reject(labelled('UnknownTransactionCommitResult'))

  test('of unknown result is replaced on its session, and read back when that has ended', async () => {
    const { trace, result, events } = await played((ctx) => ctx.transaction(() => 7), {
      commit: unknown,
      resume: () => ({ status: 'completed' }),
    })
    assert.equal(result, 7)
    assert.deepEqual(trace.slice(2), [
      'begin',
      'complete',
      'begin',
      'complete',
      'end session',
      'session ended',
      'resume',
      'completed',
      'slot freed',
      'ended',
    ])
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['completed'],
    )
  })

  for (const [what, resume] of [
    ['was not committed', () => null],
    ['cannot be read back', () => Promise.reject(new Error('away'))],
  ])
    test(`of unknown result that ${what} throws, and its job fails`, async () => {
      const { trace, error } = await played((ctx) => ctx.transaction(() => {}), { commit: unknown, resume })
      assert.equal(error.message, 'UnknownTransactionCommitResult')
      assert.ok(trace.includes('settle fail'))
    })

  test('of unknown result whose job is another’s writes no verdict', async () => {
    const { trace, error, events } = await played((ctx) => ctx.transaction(() => {}), {
      commit: unknown,
      resume: () => ({ status: 'lease-lost' }),
    })
    assert.equal(error.message, 'UnknownTransactionCommitResult')
    assert.equal(
      trace.some((line) => line.startsWith('settle')),
      false,
    )
    assert.equal(events[0].kind, 'lease-lost')
  })

  test('has a lease that outlasts the longest transaction of the server by a second and a tenth', async () => {
    const leaseOf = async (longestMs, visibilityTimeoutMs) => {
      const { trace } = await played((ctx) => ctx.transaction(() => {}), { longestMs, visibilityTimeoutMs })
      return Number(trace[0].split(' ')[1])
    }
    assert.equal(await leaseOf(90_000, 200_000), 101_000)
    assert.equal(await leaseOf(90_000, 101_000), 101_000)
    assert.equal(await leaseOf(0, 5000), 5000)
    const short = await played((ctx) => ctx.transaction(() => {}), {
      longestMs: 90_000,
      visibilityTimeoutMs: 100_999,
    })
    assert.equal(short.error.code, 'ERR_DURABL_UNSUPPORTED')
    assert.match(short.error.message, /raise it to 101000 at least/)
  })
})

describe('a recorded step', () => {
  const recorded = (own, options) =>
    played(async (_ctx, run, { note }) => {
      const result = await run.tools.record(stepOf(note, own), undefined)
      note('step over')
      return result
    }, options)

  test('is over once its lease is kept again, and the run goes on', async () => {
    const { trace, result } = await recorded({})
    assert.equal(result, 'done')
    assert.deepEqual(trace, [
      'suspend 3600000',
      'start session',
      'begin',
      'record',
      'commit',
      'end session',
      'session ended',
      'resume',
      'step over',
      'settle complete',
      'slot freed',
    ])
  })

  test('waits until lines and progress are written, and keeps those that come until it is over', async () => {
    const { trace } = await played(async (ctx, run, { note, trace }) => {
      void ctx.log('before')
      void ctx.progress(1)
      void ctx.progress(2)
      const work = () => {
        void ctx.log('within')
        return settled()
      }
      await run.tools.record(stepOf(note, { work }), undefined)
      note('step over')
      // The handler has not ended.
      await pollUntil('both are written', () => trace.includes('log within') && trace.includes('progress 2'))
    })
    const order = ['log before', 'progress 1', 'suspend 3600000', 'resume', 'step over']
    assert.deepEqual(
      trace.filter((line) => order.includes(line)),
      order,
    )
    for (const line of ['log within', 'progress 2'])
      assert.ok(trace.indexOf(line) > trace.indexOf('resume'), trace.join())
  })

  test('whose error hides a record that is there has its result', async () => {
    const commit = async () => Promise.reject(new Error('commit'))
    const { result } = await recorded({ isRecorded: async () => true }, { commit })
    assert.equal(result, 'done')
  })

  for (const [what, isRecorded] of [
    ['left no record', async () => false],
    ['cannot be looked up', async () => Promise.reject(new Error('away'))],
  ])
    test(`that ${what} throws its error, and the run goes on`, async () => {
      const commit = async () => Promise.reject(new Error('commit'))
      const { error, trace } = await recorded({ isRecorded }, { commit })
      assert.equal(error.message, 'commit')
      assert.ok(trace.includes('settle fail'))
    })

  test('that fails as its lease is lost says so, and writes no verdict', async () => {
    const { error, events, trace } = await recorded(
      { isRecorded: async () => true },
      {
        commit: async () => Promise.reject(new Error('commit')),
        resume: () => ({ status: 'lease-lost' }),
      },
    )
    assert.equal(error.code, 'ERR_DURABL_LEASE_LOST')
    assert.deepEqual(
      events.map(({ kind, op }) => [kind, op]),
      [['lease-lost', 'heartbeat']],
    )
    assert.equal(
      trace.some((line) => line.startsWith('settle')),
      false,
    )
  })
})
