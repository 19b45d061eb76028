/** Large backlogs: their first jobs, all of them, and several workers on one. */
import { spread } from '../statistics.mjs'
import { figure } from './charts.mjs'
import { inUse, processorsOf } from './processors.mjs'
import { compared, each, find, inRange, spreadOf, table, tendency } from './series.mjs'

const COSTS = ['rate', 'cpu', 'serverCpu']
const HEADS = ['jobs/s', 'workers, µs per job', 'server, µs per job']
const LITTLE_LEFT = 0.8

const cells = (contestant, fields) =>
  fields.map((field) => {
    const value = spreadOf(contestant, field)
    return value ? inRange(value) : '–'
  })

function costsTable(head, contestants) {
  const row = (contestant) => {
    const busy = inUse(contestant)
    return [contestant.name, ...cells(contestant, COSTS), busy ? spread(busy).median.toFixed(1) : '–']
  }
  const measured = contestants.filter(({ rounds }) => rounds.length > 0)
  return table([head, ...HEADS, 'processors in use'], measured.map(row))
}

export const firstJobsTable = ({ rates }) => costsTable(`the first ${figure(rates[0].jobs)} jobs of`, rates)

export const workersTable = ({ workers }) => costsTable(`all of ${figure(workers[0].jobs)} jobs`, workers)

/** What more workers can be expected to do, and how often they reached for a job. */
export function workersFinding({ about, workers, attempts }) {
  const [one, four] = ['workers-1', 'workers-4'].map((id) => find({ contestants: workers }, { id }))
  const tried =
    `The four tried ${figure(attempts.tried)} times to take one of ${figure(attempts.jobs)} jobs, in ${figure(attempts.commands)} commands, ` +
    `by the server's own profiler (one run).`
  const busy = inUse(one)
  if (!busy || !inUse(four)) return tried
  const processors = processorsOf({ about })
  const [used, usedByFour] = [busy, inUse(four)].map((values) => spread(values).median)
  const per = (contestant, field) => figure(spreadOf(contestant, field).median)
  const left =
    used >= LITTLE_LEFT * processors
      ? ', so there is little left on this machine for more of them to use'
      : ''
  return (
    `One worker and its server keep ${used.toFixed(1)} of ${processors} processors busy, four workers ${usedByFour.toFixed(1)}${left}. ` +
    `A job costs the four together ${per(four, 'cpu')} µs where it costs the one ${per(one, 'cpu')}, and the server ` +
    `${per(four, 'serverCpu')} where it costs ${per(one, 'serverCpu')}. ${tried}`
  )
}

/** The rate on many jobs against that on few, in each round; null if something is missing. */
export function overall(whole, id) {
  const rates = (size) => each(find(whole, { id, size }), 'rate')
  return compared(rates('many'), rates('few'))
}

/** The rate of the last tenth of many jobs against that of the first, in each round; null if something is missing. */
export function within(whole, id) {
  const many = find(whole, { id, size: 'many' })
  return compared(each(many, 'lastTenth'), each(many, 'firstTenth'))
}

const WHOLE = ['durabl', 'durabl-tuned', 'mongodb']

export function wholeTable(section) {
  const rows = WHOLE.flatMap((id) =>
    ['few', 'many'].flatMap((size) => {
      const contestant = find(section, { id, size })
      if (!contestant) return []
      const ratio = size === 'many' && overall(section, id)
      return [
        [
          contestant.name,
          figure(contestant.jobs),
          ...cells(contestant, COSTS),
          ...(size === 'many' ? cells(contestant, ['firstTenth', 'lastTenth']) : ['', '']),
          ratio ? inRange(ratio) : '',
        ],
      ]
    }),
  )
  return table(
    ['', 'jobs', ...HEADS, 'first tenth, jobs/s', 'last tenth, jobs/s', 'against the small one'],
    rows,
  )
}

const IN_WORDS = {
  durabl: 'with durabl',
  'durabl-tuned': 'with durabl on the tuned server',
  mongodb: 'by the bare loop',
}
const BESIDE_LOOP = {
  less: 'durabl lost more than the loop in every round, so a part of that is its own.',
  more: 'durabl lost less than the loop in every round.',
  unclear: 'durabl lost more than the loop in some rounds and less in others.',
}
const WHEN_TUNED = {
  more: 'On the tuned server it lost less in every round: so much is the price of the past that a server keeps by itself.',
  less: 'On the tuned server it lost more in every round.',
  unclear: 'On the tuned server it lost less in some rounds and more in others.',
}

/** Whether one lost more of its rate than another, round by round. */
function besides(section, of, to) {
  const left = (id) =>
    find(section, { id, size: 'many' })?.rounds.map(({ firstTenth, lastTenth }) => lastTenth / firstTenth)
  const ratio = compared(left(of), left(to))
  return ratio && tendency(ratio)
}

/** Whether what a large backlog loses is the server's doing or durabl's. */
export function wholeFinding(section) {
  const all = (ratio) =>
    WHOLE.flatMap((id) => {
      const value = ratio(section, id)
      return value ? [`${inRange(value)} ${IN_WORDS[id]}`] : []
    }).join(', ')
  const sentences = [
    `The rate on the large backlog against that on the small one is ${all(overall)}.`,
    'As the small one has a new process each time, whose start is a larger part of it, a process beside itself says more: the rate of the ' +
      `last tenth of the large backlog against that of its first tenth is ${all(within)}.`,
  ]
  const [durabl, loop] = ['durabl', 'mongodb'].map((id) => within(section, id))
  if (loop?.median < 1)
    sentences.push("The loop has no code of durabl's: what it loses is the server's doing.")
  if (durabl?.median < 1) {
    const [beside, tuned] = [
      besides(section, 'durabl', 'mongodb'),
      besides(section, 'durabl-tuned', 'durabl'),
    ]
    sentences.push(...[BESIDE_LOOP[beside], WHEN_TUNED[tuned]].filter(Boolean))
  }
  return sentences.join(' ')
}

/**
 * Runs over about a million jobs, each with samples of the memory. Figures of before had one such run among the large backlogs.
 */
export function longRuns({ whole, scale }) {
  const rounds = find(whole, { id: 'durabl', size: 'many' })?.rounds
  if (rounds) return rounds.map(({ samples }) => samples)
  return scale?.endurance ? [scale.endurance.samples] : []
}

/** Memory at about ten moments of the first of the long runs. */
export function memoryTable(sections) {
  const [samples] = longRuns(sections)
  if (!samples) return ''
  const step = Math.max(1, Math.floor(samples.length / 10))
  const chosen = samples.filter((_, index) => index % step === step - 1)
  const rows = chosen.map(([handled, ...memory]) => [
    figure(handled),
    ...memory.map((mb) => `${figure(mb)} MB`),
  ])
  return table(['jobs handled', 'resident memory', 'of it for JavaScript'], rows)
}

/** Which run the table of the memory is of. */
export function memoryFinding(sections) {
  const runs = longRuns(sections)
  if (runs.length === 0) return ''
  if (!sections.whole) {
    const { handled, seconds, rate } = sections.scale.endurance
    return `In a single run, one process went through ${figure(handled)} jobs at concurrency 100 in ${figure(seconds)} seconds, ${figure(rate)} jobs/s. Its memory:`
  }
  return runs.length === 1
    ? 'The memory of the worker in the long run:'
    : 'The memory of the worker in the long run of the first round:'
}
