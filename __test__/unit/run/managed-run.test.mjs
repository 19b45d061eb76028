/** The reports of a managed run: durations, events, and the fate of acts that come too late. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deferred, never, settled } from '../../support/async.mjs'
import { letPass } from '../../support/time.mjs'
import { playedRun } from './support/managed-run.mjs'

const now = () => performance.now()
const worked = () => letPass(25, 'work that a handler does')

describe('the duration of a run', () => {
  test('in a transaction ends where its function does: the commit does not count', async () => {
    const since = now()
    let limit
    const { run, events } = playedRun((ctx) => ctx.transaction(worked), {
      isFollowed: true,
      complete: () => {
        limit = now() - since
        return { status: 'completed' }
      },
      commit: worked,
    })
    run.start()
    while (events.length === 0) await settled()
    assert.ok(events[0].durationMs >= 20, `${events[0].durationMs}`)
    assert.ok(events[0].durationMs <= limit, `${events[0].durationMs} of ${limit}`)
  })

  for (const [what, options] of [
    ['in a transaction', {}],
    ['after a commit that failed', { commit: async () => Promise.reject(new Error('commit')) }],
  ])
    test(`whose lease is lost ${what} lasts until then`, async () => {
      const working = deferred()
      const isAfter = options.commit !== undefined
      const { run, events, ends } = playedRun(
        async (ctx) => {
          const work = async () => {
            if (isAfter) return
            working.resolve()
            await never()
          }
          await ctx.transaction(work).catch(() => {})
          working.resolve()
          await never()
        },
        { isFollowed: true, ...options },
      )
      run.start()
      await working.promise
      const since = now()
      await worked()
      const least = now() - since
      run.leaseLost('heartbeat')
      assert.ok(events[0].durationMs >= least, `${events[0].durationMs} of ${least}`)
      run.release()
      assert.equal(ends[0].status, 'lease-lost')
      assert.ok(ends[0].durationMs >= least)
    })

  test('that ends in a transaction is not touched by the rollback', async () => {
    const end = deferred()
    const { run, events, trace } = playedRun((ctx) => ctx.transaction(() => end.promise), { timeoutMs: 25 })
    const since = now()
    run.start()
    while (!trace.includes('settle fail')) await letPass(1, 'the timeout has to fire')
    const most = now() - since
    end.resolve()
    while (!trace.includes('end session')) await settled()
    await settled()
    run.settled({ status: 'failed-terminal' })
    assert.ok(events[0].durationMs >= 24 && events[0].durationMs <= most, `${events[0].durationMs}`)
  })

  test('of a job that was completed though the function threw is that of the handler', async () => {
    const { run, events } = playedRun(
      (ctx) =>
        ctx.transaction(async () => {
          await worked()
          throw new Error('late')
        }),
      { resume: () => ({ status: 'completed' }) },
    )
    run.start()
    while (events.length === 0) await settled()
    assert.equal(events[0].kind, 'completed')
    assert.ok(events[0].durationMs >= 20)
  })

  test('of a job that is cancelled before its start is none', () => {
    const { run, events, trace } = playedRun(() => assert.fail('it must not start'))
    run.cancelRequested('no need')
    assert.deepEqual(trace, ['settle release'])
    run.settled({ status: 'cancelled' })
    assert.equal(events[0].durationMs, 0)
  })
})

test('a job that is cancelled while its handler runs is left to the handler, which is told why', async () => {
  for (const [reason, message] of [
    ['no need', 'job j was cancelled: no need'],
    [null, 'job j was cancelled'],
  ]) {
    let signal
    const { run, trace } = playedRun((ctx) => {
      ;({ signal } = ctx)
      return never()
    })
    run.start()
    run.cancelRequested(reason)
    assert.deepEqual([signal.aborted, signal.reason.message], [true, message])
    assert.deepEqual(trace, [])
  }
})

test('a run whose lease is left to expire is over', () => {
  const { run, trace, ends } = playedRun(() => never(), { isFollowed: true })
  run.start()
  run.release()
  run.leftToExpire()
  assert.deepEqual(trace, ['settle release', 'slot freed', 'ended'])
  assert.equal(ends[0].status, 'lease-lost')
})

test('a verdict that waits for log lines is not sent once the lease is lost', async () => {
  const written = deferred()
  const { run, trace, events } = playedRun((ctx) => void ctx.log('line'), { log: () => written.promise })
  run.start()
  await settled()
  run.leaseLost('heartbeat')
  written.resolve()
  await settled()
  assert.equal(
    trace.some((line) => line.startsWith('settle')),
    false,
  )
  assert.equal(events[0].kind, 'lease-lost')
})

test('a verdict waits for log lines and for progress', async () => {
  for (const slow of ['log', 'progress']) {
    const written = deferred()
    const { run, trace } = playedRun(
      (ctx) => {
        void ctx.log('line')
        void ctx.progress(1)
      },
      { [slow]: () => written.promise },
    )
    run.start()
    await settled()
    await settled()
    assert.equal(trace.includes('settle complete'), false, slow)
    written.resolve()
    await settled()
    assert.equal(trace.includes('settle complete'), true, slow)
  }
})

test('progress that comes after the end of the handler is dropped', async () => {
  let late
  const { run, trace } = playedRun((ctx) => void (late = ctx))
  run.start()
  await late.progress(1)
  await settled()
  assert.deepEqual(trace, ['settle complete', 'slot freed'])
})

test('a heartbeat by hand in a transaction asks nothing: the lease is long, and a write would conflict', async () => {
  const beats = []
  const { run, trace } = playedRun(async (ctx) => {
    beats.push(await ctx.heartbeat())
    await ctx.transaction(async () => beats.push(await ctx.heartbeat()))
  })
  run.start()
  while (!trace.includes('completed')) await settled()
  assert.deepEqual(beats, ['applied', 'applied'])
  assert.equal(trace.filter((line) => line === 'heartbeat').length, 1)
})

test('a handler that throws while its transaction commits is reported: as a warning, unless it was aborted', async () => {
  for (const isAborted of [false, true]) {
    const committing = deferred()
    const { run, trace, logger } = playedRun(
      async (ctx, run) => {
        void ctx.transaction(() => {})
        await committing.promise
        if (isAborted) run.abort(new Error('stop'))
        throw new Error('beside it')
      },
      {
        commit: async () => {
          committing.resolve()
          await settled()
        },
      },
    )
    run.start()
    while (!trace.includes('completed')) await settled()
    const told = logger.entries.filter(({ err }) => err?.message === 'beside it')
    assert.deepEqual(
      told.map(({ level }) => level),
      [isAborted ? 'debug' : 'warn'],
    )
  }
})

test('a session that could not be had is asked for again', async () => {
  let asked = 0
  const session = { endSession: async () => {} }
  const { run, trace } = playedRun(
    async (ctx) => {
      await assert.rejects(ctx.session(), /away/)
      assert.equal(await ctx.session(), session)
      assert.equal(await ctx.session(), session)
    },
    {
      startSession: () => {
        asked += 1
        if (asked === 1) throw new Error('away')
        return session
      },
    },
  )
  run.start()
  while (!trace.includes('slot freed')) await settled()
  assert.equal(asked, 2)
  assert.ok(trace.includes('settle complete'))
})
