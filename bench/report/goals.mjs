/** What we set out for, beside what came out: ratios within one run, so that they mean something on any machine. */
import { BULK } from '../sections/enqueue.mjs'
import { compared, each, find, inRange, quantiles, table } from './series.mjs'
import { figure } from './charts.mjs'

const rate = (section, wanted) => each(find(section, wanted), 'rate')
const cpu = (section, wanted) => each(find(section, wanted), 'cpu')

function throughputGoals({ throughput }) {
  const against = (id, concurrency, of = 'durabl') =>
    compared(rate(throughput, { id: of, concurrency }), rate(throughput, { id, concurrency }))
  const tuned = (concurrency) => [
    `The same with the server tuned, at concurrency ${concurrency}`,
    'at least',
    1.5,
    against('bullmq', concurrency, 'durabl-tuned'),
  ]
  const spent = (concurrency) =>
    compared(cpu(throughput, { id: 'durabl', concurrency }), cpu(throughput, { id: 'bullmq', concurrency }))
  return [
    ['Backlog at concurrency 16, against BullMQ', 'at least', 1.5, against('bullmq', 16)],
    tuned(16),
    ['Backlog at concurrency 100, against BullMQ', 'at least', 1.5, against('bullmq', 100)],
    tuned(100),
    ['Backlog at concurrency 1, against BullMQ', 'at least', 2, against('bullmq', 1)],
    [
      'Backlog at concurrency 16, against the engine without JavaScript',
      'at least',
      0.7,
      against('engine', 16),
    ],
    [
      'Backlog at concurrency 100, against the engine without JavaScript',
      'at least',
      0.7,
      against('engine', 100),
    ],
    ['Processor time of the worker per job at concurrency 16, against BullMQ', 'at most', 0.4, spent(16)],
    ['Processor time of the worker per job at concurrency 100, against BullMQ', 'at most', 0.4, spent(100)],
  ]
}

function enqueueGoals({ enqueue }) {
  const against = (kind) =>
    compared(rate(enqueue, { id: 'durabl', kind }), rate(enqueue, { id: 'bullmq', kind }))
  return [
    ['Enqueue, 64 calls in flight, against `add` of BullMQ', 'at least', 2, against('single')],
    [
      `\`enqueueMany\`, ${figure(BULK)} a call, against \`addBulk\` of BullMQ`,
      'at least',
      1.5,
      against('bulk'),
    ],
  ]
}

function latencyGoals({ latency }) {
  const medians = (id, field) => quantiles(find(latency, { id }), 0.5, field)
  const push = compared(medians('durabl-push'), medians('driver'))
  const local = compared(medians('durabl-local', 'afterAcknowledgement'), medians('driver', 'realClaims'))
  return [
    [
      'Median pick-up with change streams, against one durable insert and one durable claim',
      'at most',
      1.2,
      push,
    ],
    [
      'Median pick-up in the same process after the acknowledgement, against one durable claim of such a job',
      'at most',
      1,
      local,
    ],
  ]
}

/** A ratio of single values has no range. */
const single = (value) => ({ median: value, min: value, max: value })

function scaleGoals({ scale }) {
  if (!scale) return []
  const rates = { contestants: scale.rates }
  const workers = { contestants: scale.workers }
  const alone = rate(rates, { id: 'alone' })
  const grown = scale.endurance.samples.at(-1)[1]
  return [
    [
      'Rate on 1,000,000 pending jobs, against 10,000',
      'at least',
      0.9,
      compared(rate(rates, { id: 'large' }), alone),
    ],
    [
      'The same with 1,000,000 future jobs beside',
      'at least',
      0.9,
      compared(rate(rates, { id: 'future' }), alone),
    ],
    [
      'Four worker processes on one backlog, against one',
      'at least',
      1,
      compared(rate(workers, { id: 'workers-4' }), rate(workers, { id: 'workers-1' })),
    ],
    [
      'Claim attempts per job, four worker processes',
      'at most',
      1.5,
      single(scale.attempts.tried / scale.attempts.jobs),
    ],
    ['Resident memory after 1,000,000 jobs at concurrency 100, MB', 'at most', 150, single(grown)],
  ]
}

const isMet = (how, goal, { median }) => (how === 'at least' ? median >= goal : median <= goal)

/** The table; goals of which nothing was measured are left out. */
export function goalsTable(sections) {
  const goals = [throughputGoals, enqueueGoals, latencyGoals, scaleGoals].flatMap((of) => of(sections))
  const rows = goals
    .filter(([, , , measured]) => measured)
    .map(([what, how, goal, measured]) => [
      what,
      `${how} ${goal}`,
      inRange(measured),
      isMet(how, goal, measured) ? 'met' : '**missed**',
    ])
  return rows.length > 0 ? table(['', 'goal', 'measured', ''], rows) : ''
}
