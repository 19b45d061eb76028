/** The page, the notebook beside it, and the charts, from figures alone. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from '../../scripts/process.mjs'
import { peers } from '../peers/all.mjs'
import * as backlogs from './backlogs.mjs'
import { barChart } from './charts.mjs'
import { goalsTable } from './goals.mjs'
import * as runs from './runs.mjs'
import * as sentences from './sentences.mjs'
import * as tables from './tables.mjs'

/** Each page, and what it is made from. */
const PAGES = { 'benchmarks.md': 'page.md.template', 'benchmarks-notebook.md': 'notebook.md.template' }

const templateOf = (name) => readFileSync(fileURLToPath(new URL(PAGES[name], import.meta.url)), 'utf8')

const QUEUES_AT_ONCE = ['concurrency 1', 'concurrency 16', 'concurrency 100']

/** The chart of the README: durabl and the queues that most apps have. */
const BEST_KNOWN = ['durabl', 'bullmq', 'agenda', 'pg-boss', 'graphile-worker']

const chartsOf = {
  throughput: (section) => ({
    'benchmarks-speed.svg': {
      title: 'One worker on a backlog',
      unit: 'jobs a second; line: from the slowest to the fastest round',
      series: QUEUES_AT_ONCE,
      rows: tables.bars(section, 'rate', BEST_KNOWN),
    },
    'benchmarks-throughput.svg': {
      title: 'Emptying a backlog',
      unit: 'jobs a second; line: from the slowest to the fastest round',
      series: QUEUES_AT_ONCE,
      rows: tables.bars(section, 'rate'),
    },
    'benchmarks-cpu.svg': {
      title: 'Processor time of the worker process, per job',
      unit: 'microseconds; queues above 1,000 left out',
      series: QUEUES_AT_ONCE,
      rows: tables.bars(section, 'cpu').filter(({ values }) => values.some((value) => value?.median < 1_000)),
    },
  }),
  latency: (section) => ({
    'benchmarks-latency.svg': {
      title: 'From adding a job to the start of its handler',
      unit: 'milliseconds; line: from the best to the worst round',
      series: ['median', 'p95', 'p99'],
      rows: tables.latencyBars(section),
    },
  }),
}

/** A message of a program, as code: it keeps to no rules for English. */
const quoted = (message) => `\`${message.replaceAll('`', "'").replaceAll(/\s+/g, ' ').trim()}\``

function missingLines(sections) {
  const missing = Object.assign({}, ...sections.map(({ about }) => about.missing))
  const lines = Object.entries(missing).map(([peer, why]) => `- ${peers[peer].title}: ${quoted(why)}`)
  return lines.length > 0 ? `Not measured:\n\n${lines.join('\n')}` : ''
}

/** All contestants of a section, however it groups them. */
const contestantsOf = ({ contestants = [], rates = [], workers = [] }) => [
  ...contestants,
  ...rates,
  ...workers,
]

function failureLines(sections) {
  const all = sections.flatMap(contestantsOf).filter(({ error }) => error)
  if (all.length === 0) return ''
  const lines = all.map(
    ({ title, rounds, error }) => `- ${title}, after ${rounds.length} rounds: ${quoted(error)}`,
  )
  return `Failed:\n\n${lines.join('\n')}`
}

/** Sentences with figures, by their names in the templates. */
const SENTENCES = {
  goals: sentences.goals,
  'pick-up': sentences.pickUp,
  tuned: sentences.tuned,
  yardsticks: sentences.yardsticks,
  'if-busy': sentences.ifBusy,
  costs: sentences.costs,
  changes: sentences.changes,
  ids: sentences.ids,
  calls: sentences.calls,
  large: sentences.large,
  memory: sentences.memory,
  workers: sentences.workers,
  durability: sentences.durability,
}

/** The text for each name in the template. A section that was not measured says how to measure it. */
function parts(sections) {
  const of = (name, write) =>
    sections[name] ? write(sections[name]) : `Not measured yet: \`npm run bench -- --only ${name}\`.`
  const all = Object.values(sections)
  const about = (name, times) => of(name, (section) => runs.aboutLine(section.about, times))
  return {
    ...{
      'page.where': runs.runsLine(sections, 'in the notebook'),
      where: runs.runsLine(sections),
      runs: runs.runsTable(sections),
      once: runs.onceLine(sections),
    },
    goals: goalsTable(sections),
    'throughput.about': about('throughput'),
    throughput: of('throughput', tables.throughputTable),
    cpu: of('throughput', tables.cpuTable),
    'server-cpu': of('throughput', tables.serverCpuTable),
    limits: of('throughput', tables.limitsTable),
    'profile.about': about('profile', 'one run'),
    steps: of('profile', tables.stepsTable),
    'variants.about': about('variants'),
    variants: of('variants', tables.variantsTable),
    sizes: of('throughput', tables.sizesTable),
    'enqueue.about': about('enqueue'),
    enqueue: of('enqueue', tables.enqueueTable),
    'latency.about': about('latency'),
    latency: of('latency', tables.latencyTable),
    'delays.about': about('delays'),
    delays: of('delays', tables.delaysTable),
    'daily.about': about('daily'),
    daily: of('daily', tables.dailyTable),
    'scale.about': about('scale'),
    first: of('scale', backlogs.firstJobsTable),
    workers: of('scale', backlogs.workersTable),
    'whole.about': about('whole'),
    whole: of('whole', backlogs.wholeTable),
    ...Object.fromEntries(Object.entries(SENTENCES).map(([name, write]) => [`say.${name}`, write(sections)])),
    machine: runs.machineLines(sections),
    settings: tables.settingsTable(sections),
    servers: tables.serversTable(sections),
    missing: [missingLines(all), failureLines(all)].filter(Boolean).join('\n\n'),
  }
}

function fill(template, values) {
  return template.replaceAll(/\{\{([\w.-]+)\}\}/g, (_, name) => {
    if (!(name in values)) throw new Error(`the template asks for ${name}, which nothing gives`)
    return values[name]
  })
}

/** A chart that was not drawn must not be asked for. */
const withoutMissingCharts = (text, drawn) =>
  text.replaceAll(/^!\[[^\]]*\]\(([^)]+)\)\n/gm, (image, name) => (drawn.includes(name) ? image : ''))

/**
 * Writes everything into a folder.
 *
 * @returns the paths of what was written
 */
export async function writePage(folder, { sections }) {
  const { format, resolveConfig } = await import('prettier')
  const target = resolve(root, folder)
  const charts = Object.assign(
    {},
    ...Object.keys(chartsOf).map((name) => sections[name] && chartsOf[name](sections[name])),
  )
  for (const [name, chart] of Object.entries(charts)) writeFileSync(join(target, name), barChart(chart))
  const config = await resolveConfig(join(root, 'README.md'))
  const values = parts(sections)
  const pages = Object.keys(PAGES)
  for (const name of pages) {
    const text = withoutMissingCharts(fill(templateOf(name), values), Object.keys(charts))
    writeFileSync(join(target, name), await format(text, { ...config, parser: 'markdown' }))
  }
  return [...pages, ...Object.keys(charts)].map((name) => join(target, name))
}
