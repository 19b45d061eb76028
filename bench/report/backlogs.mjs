/** Large backlogs: their first jobs, all of them, and several workers on one. */
import { ratios, spread } from '../statistics.mjs'
import { figure } from './charts.mjs'
import { inUse } from './processors.mjs'
import { compared, each, find, inRange, measuredIn, spreadOf, table } from './series.mjs'

const COSTS = ['rate', 'cpu', 'serverCpu']
const HEADS = ['jobs/s', 'workers, µs per job', 'server, µs per job']

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

/** The rate on many jobs against that on few, in each round; null if something is missing. */
export function overall(whole, id) {
  const rates = (size) => each(find(whole, { id, size }), 'rate')
  return compared(rates('many'), rates('few'))
}

/** The rate of the last tenth of many jobs against that of the first, one ratio a round; null if something is missing. */
export function withinEach(whole, id) {
  const many = find(whole, { id, size: 'many' })
  const [last, first] = ['lastTenth', 'firstTenth'].map((field) => measuredIn(many, field))
  return last && first ? ratios(last, first) : null
}

/** The same over all rounds. */
export function within(whole, id) {
  const values = withinEach(whole, id)
  return values && spread(values)
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
