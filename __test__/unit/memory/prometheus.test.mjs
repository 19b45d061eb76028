import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { DummyBackend, DurablError, JobQueue, prometheusText } from 'durabl'

const count = (number) => ({ count: number, precision: 'exact' })
const NOW = Date.UTC(2026, 10, 30, 15, 0)

const COUNTS = {
  at: new Date(NOW),
  completedTotal: { count: 12, precision: 'estimate' },
  types: [
    {
      type: 'mail "a"\\\n',
      state: 'running',
      pending: count(5),
      due: count(3),
      blocked: count(2),
      active: count(1),
      failed: count(4),
      oldestDueAt: new Date(NOW - 1500),
      lagMs: 1500,
    },
  ],
}

const MINUTE = {
  completed: 2,
  exhausted: 1,
  fatal: 0,
  cancelled: 3,
  expired: 0,
  superseded: 0,
  failedAttempts: 7,
}

const HISTORY = {
  boundsMs: [10, 20],
  types: [
    {
      type: 'sync',
      minutes: [
        { at: new Date(NOW), ...MINUTE },
        { at: new Date(NOW + 60_000), ...MINUTE },
      ],
      durations: [
        { at: new Date(NOW), run: [1, 2, 3], wait: [0, 0, 0] },
        { at: new Date(NOW + 600_000), run: [10, 0, 0], wait: [0, 0, 1] },
      ],
    },
  ],
}

const WORKERS = [
  { id: 'a', types: [{ type: 'sync', concurrency: 1, active: 0 }] },
  { id: 'b', types: [{ type: 'sync', concurrency: 1, active: 0 }] },
]

const SCHEDULES = [
  { id: 'late', status: 'running', nextAt: new Date(NOW - 2000) },
  { id: 'on time', status: 'running', nextAt: new Date(NOW + 2000) },
  { id: 'paused', status: 'paused' },
]

/** A backend that answers these. */
function answering(answers) {
  const asked = {}
  const get = (target, name) => {
    if (!(name in answers)) return Reflect.get(target, name)
    const answer = answers[name]
    return typeof answer === 'function' || answer === undefined
      ? answer
      : async (...args) => {
          asked[name] = args
          return answer
        }
  }
  return { backend: new Proxy(new DummyBackend(), { get }), asked }
}

test('all that is known is told, with labels escaped', async (t) => {
  mock.timers.enable({ apis: ['Date'], now: NOW })
  t.after(() => mock.timers.reset())
  const { backend, asked } = answering({
    counts: COUNTS,
    history: HISTORY,
    listWorkers: WORKERS,
    listSchedules: SCHEDULES,
  })
  const text = await prometheusText(new JobQueue(backend))
  const mail = 'type="mail \\"a\\"\\\\\\n"'
  const lines = text.split('\n')
  for (const line of [
    '# TYPE durabl_oldest_due_age_seconds gauge',
    `durabl_oldest_due_age_seconds{${mail}} 1.5`,
    `durabl_jobs{${mail},status="pending"} 3`,
    `durabl_jobs{${mail},status="blocked"} 2`,
    `durabl_jobs{${mail},status="active"} 1`,
    `durabl_jobs{${mail},status="failed"} 4`,
    'durabl_completed_jobs 12',
    '# TYPE durabl_jobs_ended_total counter',
    'durabl_jobs_ended_total{type="sync",ending="completed"} 4',
    'durabl_jobs_ended_total{type="sync",ending="cancelled"} 6',
    'durabl_attempts_failed_total{type="sync"} 14',
    '# TYPE durabl_run_duration_seconds histogram',
    'durabl_run_duration_seconds_bucket{type="sync",le="0.01"} 11',
    'durabl_run_duration_seconds_bucket{type="sync",le="0.02"} 13',
    'durabl_run_duration_seconds_bucket{type="sync",le="+Inf"} 16',
    'durabl_run_duration_seconds_count{type="sync"} 16',
    'durabl_wait_duration_seconds_bucket{type="sync",le="+Inf"} 1',
    `durabl_workers{${mail}} 0`,
    'durabl_workers{type="sync"} 2',
    'durabl_schedule_overdue_seconds{schedule="late"} 2',
    'durabl_schedule_overdue_seconds{schedule="on time"} 0',
    'durabl_schedule_overdue_seconds{schedule="paused"} 0',
  ]) {
    assert.ok(lines.includes(line), `${line} is in\n${text}`)
  }
  assert.ok(text.endsWith('\n'))
  // A period of six hours, the same for all processes.
  assert.deepEqual(asked.history, [{ fromMs: Date.UTC(2026, 10, 30, 12), toMs: Date.UTC(2026, 10, 30, 18) }])
})

test('a part that the backend can’t tell is left out, and a failure is an error', async () => {
  const unsupported = async () => {
    throw new DurablError('ERR_DURABL_UNSUPPORTED', 'no')
  }
  const silent = { counts: undefined, history: undefined, listWorkers: undefined, listSchedules: unsupported }
  assert.equal(await prometheusText(new JobQueue(answering(silent).backend)), '')
  const away = async () => {
    throw new Error('away')
  }
  await assert.rejects(prometheusText(new JobQueue(answering({ ...silent, counts: away }).backend)), /away/)
  for (const queue of [undefined, null, {}, { backend: {} }, 'queue']) {
    await assert.rejects(async () => prometheusText(queue), { code: 'ERR_DURABL_INVALID_ARGUMENT' })
  }
})
