/** The tables of the page, one function per section. */
import { peers } from '../peers/all.mjs'
import { CONCURRENCIES } from '../sections/throughput.mjs'
import { kinds } from '../servers/all.mjs'
import { quantile, spread } from '../statistics.mjs'
import { figure } from './charts.mjs'
import { allowed, inUse, processorsOf, spent } from './processors.mjs'
import { versionsOf } from './runs.mjs'
import { find, inRange, pooled, quantiles, spreadOf, table } from './series.mjs'

/** The names of a section's contestants, each once, in order; `keys` beside the id tell rows from columns. */
export function names({ contestants }) {
  return [...new Map(contestants.map(({ id, name }) => [id, name]))].map(([id, name]) => ({ id, name }))
}

const failed = (section, wanted) =>
  section.contestants.some(
    (contestant) =>
      contestant.error && Object.entries(wanted).every(([key, value]) => contestant[key] === value),
  )

function cell(section, wanted, field) {
  const value = spreadOf(find(section, wanted), field)
  return value ? inRange(value) : failed(section, wanted) ? 'failed' : '–'
}

const isBare = ({ id }) => id.startsWith('mongodb-')

function byConcurrency(section, field) {
  const head = ['', ...CONCURRENCIES.map((concurrency) => `concurrency ${concurrency}`)]
  const rows = names(section).map(({ id, name }) =>
    isBare({ id })
      ? [name, '', cell(section, { id }, field), '']
      : [name, ...CONCURRENCIES.map((concurrency) => cell(section, { id, concurrency }, field))],
  )
  return table(head, rows)
}

export const throughputTable = (section) => byConcurrency(section, 'rate')
export const cpuTable = (section) => byConcurrency(section, 'cpu')
export const serverCpuTable = (section) => {
  const measured = section.contestants.filter(({ rounds }) =>
    rounds.some(({ serverCpu }) => serverCpu !== null),
  )
  return byConcurrency({ ...section, contestants: measured }, 'serverCpu')
}

/** The number of jobs in each backlog. */
export function sizesTable(section) {
  const head = ['', ...CONCURRENCIES.map((concurrency) => `concurrency ${concurrency}`)]
  const jobs = (wanted) => {
    const contestant = find(section, wanted)
    return contestant ? figure(contestant.jobs) : '–'
  }
  const rows = names(section).map(({ id, name }) =>
    isBare({ id })
      ? [name, '', jobs({ id }), '']
      : [name, ...CONCURRENCIES.map((concurrency) => jobs({ id, concurrency }))],
  )
  return table(head, rows)
}

export function enqueueTable(section) {
  const head = [
    '',
    'one by one, jobs/s',
    'µs of the client a job',
    'in bulk, jobs/s',
    'µs of the client a job',
  ]
  const rows = names(section).map(({ id, name }) => [
    name,
    ...['single', 'bulk'].flatMap((kind) =>
      ['rate', 'cpu'].map((field) => cell(section, { id, kind }, field)),
    ),
  ])
  return table(head, rows)
}

const milliseconds = (value) => `${figure(value)} ms`

function quantileRow(contestant, name, field = 'samples') {
  const all = pooled(contestant, field)
  const medians = spread(quantiles(contestant, 0.5, field))
  return [
    name,
    ...[0.5, 0.95, 0.99, 1].map((share) => milliseconds(quantile(all, share))),
    `${figure(medians.min)} – ${figure(medians.max)} ms`,
    String(all.length),
  ]
}

const QUANTILES = ['', 'median', 'p95', 'p99', 'longest', 'medians of the rounds', 'jobs']

export function delaysTable(section) {
  const measured = section.contestants.filter(({ rounds }) => rounds.length > 0)
  return table(
    QUANTILES,
    measured.map((contestant) => quantileRow(contestant, contestant.name)),
  )
}

export function latencyTable(section) {
  const measured = section.contestants.filter(({ rounds }) => rounds.length > 0)
  const rows = measured.flatMap((contestant) => {
    const row = quantileRow(contestant, contestant.name)
    if (contestant.id === 'durabl-local') {
      return [row, quantileRow(contestant, 'the same, from the acknowledgement on', 'afterAcknowledgement')]
    }
    if (contestant.id === 'driver') {
      return [
        row,
        quantileRow(contestant, 'the insert alone', 'inserts'),
        quantileRow(contestant, 'the claim alone', 'claims'),
        quantileRow(contestant, 'the claim of a job of durabl’s, bare driver', 'realClaims'),
      ]
    }
    return [row]
  })
  return table(QUANTILES, rows)
}

export function settingsTable(sections) {
  const servers = versionsOf(sections, 'servers')
  const rows = Object.entries(versionsOf(sections, 'peers')).map(([peer, version]) => {
    const { title, server, settings, bulk } = peers[peer]
    return [title, version, servers[server], bulk ?? 'none', settings]
  })
  return table(['', 'version', 'on', 'bulk call', 'settings'], rows, '---')
}

export function serversTable(sections) {
  const rows = Object.entries(versionsOf(sections, 'servers')).map(([kind, version]) => [
    version,
    kinds[kind].settings,
  ])
  return table(['', 'settings'], rows, '---')
}

/** Rounds of a throughput figure, for a chart. */
export function bars(section, field, ids) {
  const rows = names(section).filter(({ id }) => !isBare({ id }) && (!ids || ids.includes(id)))
  return rows.map(({ id, name }) => ({
    name,
    values: CONCURRENCIES.map((concurrency) => spreadOf(find(section, { id, concurrency }), field)),
  }))
}

/** Median, p95 and p99 of each contestant, each as the range of its rounds. */
export function latencyBars(section) {
  const measured = section.contestants.filter(({ id, rounds }) => rounds.length > 0 && id !== 'durabl-poll')
  return measured.map((contestant) => ({
    name: contestant.name,
    values: [0.5, 0.95, 0.99].map((share) => spread(quantiles(contestant, share))),
  }))
}

const LIMITED = ['durabl', 'engine', 'bullmq']

/**
 * The share of the machine that a queue uses, and its speed if it used all of it. The rest is waiting: for the journal, and of the processes for
 * each other.
 */
export function limitsTable(section) {
  const processors = processorsOf(section)
  const rows = section.contestants
    .filter(({ id, concurrency }) => isBare({ id }) || (LIMITED.includes(id) && concurrency !== 1))
    .flatMap((contestant) => {
      const series = [spent(contestant), inUse(contestant), allowed(contestant, processors)]
      if (series.includes(null)) return []
      const [cost, busy, most] = series.map((values) => spread(values).median)
      return [[contestant.title, `${figure(cost)} µs`, `${busy.toFixed(1)} of ${processors}`, figure(most)]]
    })
  return table(['', 'worker and server, per job', 'processors in use', 'jobs/s if all were'], rows)
}

/** Figures of before knew nothing of adding. */
export function variantsTable(section) {
  const columns = { 'to run, server, µs per job': 'serverCpu', 'jobs/s': 'rate' }
  if (section.contestants.some((contestant) => spreadOf(contestant, 'addRate'))) {
    Object.assign(columns, { 'to add, server, µs per job': 'addServerCpu', 'jobs/s added': 'addRate' })
  }
  const rows = names(section).map(({ id, name }) => [
    name,
    ...Object.values(columns).map((field) => cell(section, { id }, field)),
  ])
  return table(['', ...Object.keys(columns)], rows)
}

export function stepsTable({ jobs, steps }) {
  const rows = Object.entries(steps).map(([name, { commands, ms }]) => [
    name,
    figure(Math.round(jobs / Math.max(commands, 1))),
    `${((ms * 1000) / jobs).toFixed(1)} µs`,
  ])
  return table(['', 'jobs per command', 'server, per job'], rows)
}

/** Questions by ways: who was not asked has no figure. */
export function dailyTable(section) {
  const ways = names(section)
  const questions = new Map(
    section.contestants.map(({ kind, question, unit }) => [kind, `${question}, ${unit}`]),
  )
  const rows = [...questions].map(([kind, question]) => [
    question,
    ...ways.map(({ id }) => cell(section, { id, kind }, 'value')),
  ])
  return table(['', ...ways.map(({ name }) => name)], rows)
}
