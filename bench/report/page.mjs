/** The page and its charts, from figures alone. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from '../../scripts/process.mjs'
import { peers } from '../peers/all.mjs'
import { IN_FLIGHT } from '../sections/enqueue.mjs'
import { spread } from '../statistics.mjs'
import { barChart, figure } from './charts.mjs'
import { goalsTable } from './goals.mjs'
import { compared, each, find, inRange, quantiles } from './series.mjs'
import * as tables from './tables.mjs'

/** The widest of the bare loop. */
const BARE_BATCH = 1_000
const TEMPLATE = fileURLToPath(new URL('page.md.template', import.meta.url))
const QUEUES_AT_ONCE = ['concurrency 1', 'concurrency 16', 'concurrency 100']

const chartsOf = {
  throughput: (section) => ({
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

function aboutLine({ date, command, runs, versions }) {
  return `Measured on ${date} by \`${command}\`, ${runs} ${runs === 1 ? 'round' : 'rounds'}, at commit ${versions.commit}.`
}

function machineLines({ machine, versions }) {
  return [
    `- ${machine.cpus}, ${machine.memory}, ${machine.system}; all servers and all processes on this one machine`,
    `- Node.js ${versions.node}, with \`mongodb\` ${versions.driver}; ${versions.rust}`,
  ].join('\n')
}

function missingLines(sections) {
  const missing = Object.assign({}, ...sections.map(({ about }) => about.missing))
  const lines = Object.entries(missing).map(([peer, why]) => `- ${peers[peer].title}: ${why}`)
  return lines.length > 0 ? `Not measured:\n\n${lines.join('\n')}` : ''
}

function failureLines(sections) {
  const all = sections.flatMap(({ contestants = [] }) => contestants.filter(({ error }) => error))
  if (all.length === 0) return ''
  const lines = all.map(({ title, rounds, error }) => `- ${title}, after ${rounds.length} rounds: ${error}`)
  return `Failed:\n\n${lines.join('\n')}`
}

function enduranceLine({ endurance: { handled, seconds, rate }, attempts }) {
  return (
    `One process ran ${figure(handled)} jobs at concurrency 100 in ${figure(seconds)} seconds: ${figure(rate)} jobs/s. ` +
    `Four worker processes on a backlog of ${figure(attempts.jobs)} tried ${figure(attempts.tried)} times to take a job, ` +
    `in ${figure(attempts.commands)} commands, by the server's own profiler.`
  )
}

/** What bounds single calls: each waits for its insert to be acknowledged, so their number and that wait are all that counts. */
function enqueueLimit({ latency, enqueue }) {
  const insert = latency && quantiles(find(latency, { id: 'driver' }), 0.5, 'inserts')
  if (!insert?.length) return ''
  const { median } = spread(insert)
  const limit = `One acknowledged insert takes ${median.toFixed(2)} ms here (below), so one insert at a time of ${IN_FLIGHT} jobs makes ${figure(Math.round(((IN_FLIGHT / median) * 1000) / 100) * 100)} jobs/s.`
  const other = enqueue && each(find(enqueue, { id: 'bullmq', kind: 'single' }), 'rate')
  if (!other?.length) return limit
  const needed = (IN_FLIGHT / (2 * spread(other).median)) * 1000
  return `${limit} Twice the rate of BullMQ, which waits for no disk, would need one within ${needed.toFixed(2)} ms, the way from JavaScript and back included.`
}

/** What bounds the goals for a backlog: the server alone, as it does nothing but to claim and complete. */
function ceilingLine({ throughput }) {
  const bare = throughput && find(throughput, { id: `mongodb-${BARE_BATCH}` })
  const against = (concurrency) =>
    compared(each(bare, 'rate'), each(find(throughput, { id: 'bullmq', concurrency }), 'rate'))
  const ratios = bare ? [against(16), against(100)] : []
  if (ratios.length === 0 || ratios.includes(null)) return ''
  const [at16, at100] = ratios.map(inRange)
  return `Against BullMQ, MongoDB itself in batches of ${figure(BARE_BATCH)} makes ${at16} times the rate at concurrency 16, and ${at100} times at 100: a queue that changes each of its jobs twice on this server gets no further, whatever it is written in.`
}

/** What stands for each name in the template. A section that was not measured says how to. */
function parts(sections) {
  const of = (name, write) =>
    sections[name] ? write(sections[name]) : `Not measured yet: \`npm run bench -- --only ${name}\`.`
  const all = Object.values(sections)
  const first = sections.throughput ?? all[0]
  return {
    goals: goalsTable(sections),
    'throughput.about': of('throughput', ({ about }) => aboutLine(about)),
    throughput: of('throughput', tables.throughputTable),
    cpu: of('throughput', tables.cpuTable),
    'server-cpu': of('throughput', tables.serverCpuTable),
    limits: of('throughput', (section) =>
      tables.limitsTable(section, parseInt(section.about.machine.cpus, 10)),
    ),
    'profile.about': of('profile', ({ about }) => aboutLine(about)),
    steps: of('profile', tables.stepsTable),
    'variants.about': of('variants', ({ about }) => aboutLine(about)),
    variants: of('variants', tables.variantsTable),
    ceiling: ceilingLine(sections),
    sizes: of('throughput', tables.sizesTable),
    'enqueue.about': of('enqueue', ({ about }) => aboutLine(about)),
    enqueue: of('enqueue', tables.enqueueTable),
    'latency.about': of('latency', ({ about }) => aboutLine(about)),
    latency: of('latency', tables.latencyTable),
    'in-flight': String(IN_FLIGHT),
    'enqueue.limit': enqueueLimit(sections),
    'delays.about': of('delays', ({ about }) => aboutLine(about)),
    delays: of('delays', tables.delaysTable),
    'scale.about': of('scale', ({ about }) => aboutLine(about)),
    scale: of('scale', tables.scaleTable),
    endurance: of('scale', (section) => `${enduranceLine(section)}\n\n${tables.enduranceTable(section)}`),
    machine: first ? machineLines(first.about) : '',
    settings: first ? tables.settingsTable(first.about) : '',
    servers: first ? tables.serversTable(first.about) : '',
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
  const text = withoutMissingCharts(
    fill(readFileSync(TEMPLATE, 'utf8'), parts(sections)),
    Object.keys(charts),
  )
  const config = await resolveConfig(join(root, 'README.md'))
  const page = join(target, 'benchmarks.md')
  writeFileSync(page, await format(text, { ...config, parser: 'markdown' }))
  return [page, ...Object.keys(charts).map((name) => join(target, name))]
}
