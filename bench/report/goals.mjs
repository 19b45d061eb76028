/** The goals of durabl, beside the results: ratios within one run, so that they mean something on any machine. */
import { BULK } from '../sections/enqueue.mjs'
import { spread } from '../statistics.mjs'
import { longRuns, overall, within } from './backlogs.mjs'
import { compared, each, find, inRange, quantiles, table } from './series.mjs'
import { figure } from './charts.mjs'

/** Those that sentences speak of too: the ratios to BullMQ, for a backlog with many jobs at once and for single calls. */
export const GOALS = { backlog: 1, enqueue: 1 }

/** The ratio for single calls where neither waits for the disk. */
const QUICK_ENQUEUE = 2

/** The text in place of a goal where there is none. */
const FOR_COMPARISON = 'for comparison'

/** A ratio of single values has no range. */
const single = (value) => ({ median: value, min: value, max: value })

const rate = (section, wanted) => each(find(section, wanted), 'rate')
const cpu = (section, wanted) => each(find(section, wanted), 'cpu')

/** durabl beside BullMQ where both acknowledge at the same moment; `against(id, of)` compares. */
const asDurable = (what, against, goal = null) => [
  [
    `${what}, both acknowledged before it is on disk`,
    goal === null ? FOR_COMPARISON : 'at least',
    goal,
    against('bullmq', 'durabl-quick'),
  ],
  [
    `${what}, both acknowledged once it is on disk`,
    FOR_COMPARISON,
    null,
    against('bullmq-durable', 'durabl'),
  ],
]

function throughputGoals({ throughput }) {
  const against = (id, concurrency, of = 'durabl') =>
    compared(rate(throughput, { id: of, concurrency }), rate(throughput, { id, concurrency }))
  const tuned = (concurrency) => [
    `The same with the server tuned, at concurrency ${concurrency}`,
    'at least',
    GOALS.backlog,
    against('bullmq', concurrency, 'durabl-tuned'),
  ]
  const spent = (concurrency) =>
    compared(cpu(throughput, { id: 'durabl', concurrency }), cpu(throughput, { id: 'bullmq', concurrency }))
  return [
    ['Backlog at concurrency 16, against BullMQ', 'at least', GOALS.backlog, against('bullmq', 16)],
    tuned(16),
    ['Backlog at concurrency 100, against BullMQ', 'at least', GOALS.backlog, against('bullmq', 100)],
    tuned(100),
    ...[16, 100].map((concurrency) => [
      `Backlog at concurrency ${concurrency}, against the bare loop on MongoDB, batches of 1000`,
      'at least',
      1,
      compared(rate(throughput, { id: 'durabl', concurrency }), rate(throughput, { id: 'mongodb-1000' })),
    ]),
    ...[16, 100].flatMap((concurrency) =>
      asDurable(`Backlog at concurrency ${concurrency}`, (id, of) => against(id, concurrency, of)),
    ),
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
  const against = (kind, id = 'bullmq', of = 'durabl') =>
    compared(rate(enqueue, { id: of, kind }), rate(enqueue, { id, kind }))
  return [
    ['Enqueue, 64 calls in flight, against `add` of BullMQ', 'at least', GOALS.enqueue, against('single')],
    ...asDurable('The same', (id, of) => against('single', id, of), QUICK_ENQUEUE),
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
  const local = (claims) =>
    compared(medians('durabl-local', 'afterAcknowledgement'), medians('driver', claims))
  return [
    [
      'Median pick-up with change streams, against one durable insert and one durable claim',
      'at most',
      1.2,
      compared(medians('durabl-push'), medians('driver')),
    ],
    [
      'Median pick-up in the same process, from the acknowledgement on, against one durable claim (one index)',
      'at most',
      1,
      local('claims'),
    ],
    [
      "The same against one durable claim of a job of durabl's, with all its indexes",
      'at most',
      1,
      local('realClaims'),
    ],
  ]
}

function backlogGoals({ scale, whole }) {
  const rates = { contestants: scale?.rates }
  const first = (id) => compared(rate(rates, { id }), rate(rates, { id: 'alone' }))
  return [
    [
      'Rate of the first 10,000 jobs of 1,000,000 pending ones, against that of the first of 10,000',
      'at least',
      0.9,
      first('large'),
    ],
    ['The same with 1,000,000 future jobs beside', 'at least', 0.9, first('future')],
    ['All of 1,000,000 pending jobs, against all of 10,000', 'at least', 0.9, overall(whole, 'durabl')],
    ['The same with the server tuned', 'at least', 0.9, overall(whole, 'durabl-tuned')],
    [
      'The same by the bare loop on MongoDB, against its own rate',
      FOR_COMPARISON,
      null,
      overall(whole, 'mongodb'),
    ],
    [
      'The last 100,000 of these 1,000,000 jobs, against the first 100,000, in one process',
      'at least',
      0.9,
      within(whole, 'durabl'),
    ],
    ['The same with the server tuned', 'at least', 0.9, within(whole, 'durabl-tuned')],
    ['The same by the bare loop on MongoDB', FOR_COMPARISON, null, within(whole, 'mongodb')],
  ]
}

function scaleGoals({ scale }) {
  if (!scale) return []
  const workers = { contestants: scale.workers }
  return [
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
  ]
}

function memoryGoals(sections) {
  const grown = longRuns(sections).map((samples) => samples.at(-1)[1])
  if (grown.length === 0) return []
  return [['Resident memory after 1,000,000 jobs at concurrency 100, MB', 'at most', 150, spread(grown)]]
}

const isMet = (how, goal, { median }) => (how === 'at least' ? median >= goal : median <= goal)

/** The word for a goal. A median that only rounding takes to the goal misses it. */
function verdict(how, goal, measured) {
  if (isMet(how, goal, measured)) return 'met'
  return figure(measured.median) === figure(goal) ? '**missed**, before rounding' : '**missed**'
}

/** Goals of which nothing was measured are left out. */
const measuredGoals = (sections) =>
  [throughputGoals, enqueueGoals, latencyGoals, backlogGoals, scaleGoals, memoryGoals]
    .flatMap((of) => of(sections))
    .filter(([, , , measured]) => measured)

/** Whether each goal is met. */
export const verdicts = (sections) =>
  measuredGoals(sections)
    .filter(([, how]) => how !== FOR_COMPARISON)
    .map(([, how, goal, measured]) => isMet(how, goal, measured))

/** The table of the goals. */
export function goalsTable(sections) {
  const rows = measuredGoals(sections).map(([what, how, goal, measured]) =>
    how === FOR_COMPARISON
      ? [what, how, inRange(measured), '']
      : [what, `${how} ${goal}`, inRange(measured), verdict(how, goal, measured)],
  )
  return rows.length > 0 ? table(['', 'goal', 'measured', ''], rows) : ''
}
