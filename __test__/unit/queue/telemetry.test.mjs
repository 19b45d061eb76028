/** Telemetry that misbehaves: every job is made and run, once, whatever it does. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { settled } from '../../support/async.mjs'
import { recordingLogger } from '../../support/loggers.mjs'

const boom = () => {
  throw new Error('telemetry')
}
const observer = (own) => ({ run: (call) => call(), ended: () => {}, ...own })
const following = (own) => ({ making: () => observer(own), running: () => observer(own) })

const ODD = {
  'throws at the beginning': { making: boom, running: boom },
  'has no observers': { making: () => null, running: () => null },
  'gives observers that are none': { making: () => 7, running: () => ({}) },
  'throws before it calls': following({ run: boom }),
  'throws after it has called': following({
    run: (call) => {
      call()
      boom()
    },
  }),
  'never calls': following({ run: () => undefined }),
  'calls twice': following({
    run: (call) => {
      call()
      return call()
    },
  }),
  'returns something else': following({
    run: (call) => {
      call()
      return Promise.reject(new Error('telemetry'))
    },
  }),
  'swallows errors': following({
    run: (call) => {
      try {
        return call()
      } catch {
        return undefined
      }
    },
  }),
  'throws at the end': following({ ended: boom }),
  'rejects at the end': following({ ended: async () => boom() }),
  'gives no trace': following({ trace: null }),
  'gives a malformed trace': following({ trace: { traceparent: 'none' } }),
  'has a trace that throws': {
    ...following({}),
    making: () => ({
      ...observer({}),
      get trace() {
        return boom()
      },
    }),
  },
}

/** Those that only do less, or too often, what they need not do. No warning is worth them. */
const HARMLESS = new Set([
  'has no observers',
  'never calls',
  'calls twice',
  'returns something else',
  'swallows errors',
  'gives no trace',
])

describe('telemetry', () => {
  for (const [what, telemetry] of Object.entries(ODD)) {
    it(`that ${what} harms no job`, async () => {
      const logger = recordingLogger()
      const backend = new DummyBackend()
      const queue = new JobQueue(backend, logger, { telemetry })
      const ran = []
      queue.process('t', (job) => {
        ran.push(job.data)
        if (job.data === 'bad') throw new Error('boom')
      })
      await queue.enqueue('t', 'one')
      await queue.enqueueMany([{ type: 't', data: 'two' }])
      await queue.enqueue('t', 'bad', { maxAttempts: 1 })
      await settled()
      assert.deepEqual(ran, ['one', 'two', 'bad'])
      assert.deepEqual(
        backend.jobs.map(({ status, trace }) => [status, trace]),
        [
          ['completed', undefined],
          ['completed', undefined],
          ['failed', undefined],
        ],
      )
      const warnings = logger.at('warn').filter(({ message }) => message.startsWith('telemetry threw'))
      assert.equal(warnings.length, HARMLESS.has(what) ? 0 : 1)
      await queue.shutdown()
    })
  }

  it('is told how long a call took, whether it made jobs or failed', async () => {
    const ends = []
    const telemetry = { making: () => observer({ ended: (end) => ends.push(end) }), running: () => null }
    const backend = new DummyBackend()
    const queue = new JobQueue(backend, recordingLogger(), { telemetry })
    const since = performance.now()
    await queue.enqueue('t', 1)
    backend.enqueue = async () => boom()
    await assert.rejects(queue.enqueue('t', 2))
    const most = performance.now() - since
    assert.deepEqual(
      ends.map(({ ids, error }) => [ids.length, error?.message]),
      [
        [1, undefined],
        [0, 'telemetry'],
      ],
    )
    for (const { durationMs } of ends) assert.ok(durationMs >= 0 && durationMs <= most, `${durationMs}`)
    await queue.shutdown()
  })

  it('hears of a run that is no longer waited for', async () => {
    const ends = []
    const telemetry = following({ ended: (end) => ends.push([end.status, end.error?.code]) })
    const queue = new JobQueue(new DummyBackend(), recordingLogger(), {
      telemetry: { ...telemetry, making: () => null },
    })
    queue.process('t', () => new Promise(() => {}), { timeoutMs: 1 })
    await queue.enqueue('t', 1, { maxAttempts: 1 })
    while (ends.length === 0) await settled()
    assert.deepEqual(ends, [['failed-terminal', 'ERR_DURABL_HANDLER_TIMEOUT']])
    await queue.shutdown()
  })

  it('is not told of a job that is given back before its handler starts', async () => {
    const started = []
    const telemetry = { making: () => null, running: (job) => (started.push(job.data), observer({})) }
    const queue = new JobQueue(new DummyBackend(), recordingLogger(), { telemetry })
    queue.process('t', () => new Promise(() => {}))
    await queue.enqueueMany([1, 2, 3].map((data) => ({ type: 't', data })))
    await settled()
    await queue.shutdown(0)
    assert.deepEqual(started, [1])
  })

  it('is refused if it is none', () => {
    for (const telemetry of [7, {}, { making: boom }, null]) {
      assert.throws(() => new JobQueue(new DummyBackend(), undefined, { telemetry }), {
        name: 'TypeError',
        code: 'ERR_DURABL_INVALID_ARGUMENT',
        message: /"telemetry"/,
      })
    }
  })
})
