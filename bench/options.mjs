/** The options of the command line. */
import { parseArgs } from 'node:util'
import { Advice } from '../scripts/terminal.mjs'
import { peers } from './peers/all.mjs'
import { KINDS } from './sections/daily.mjs'
import { CONCURRENCIES } from './sections/throughput.mjs'

/** Measured by default, in this order, and what else there is. */
const USUAL = ['throughput', 'profile', 'variants', 'enqueue', 'latency', 'delays']
const ON_DEMAND = ['daily', 'scale', 'whole']
const ALL = [...USUAL, ...ON_DEMAND]

/** The folder of what is published. */
export const PUBLISHED = 'docs/design'

/** Fewer runs say too little to be published. */
const ENOUGH_RUNS = 5

export const help = `npm run bench -- [options]

  --only LIST         of ${ALL.join(', ')}; "all" for each of them;
                      all but ${ON_DEMAND.join(' and ')} by default
  --peers LIST        of ${Object.keys(peers).join(', ')}; all by default
  --concurrency LIST  of ${CONCURRENCIES.join(', ')}, for throughput; all by default
  --questions LIST    of ${KINDS.join(', ')}, for daily; all by default
  --runs N            rounds; ${ENOUGH_RUNS} by default
  --size FACTOR       times the usual numbers of jobs; 1 by default
  --no-references     without the references in Rust, which take a minute or two to build
  --out FOLDER        where page, charts and figures go; docs/design by default, target/bench for less than everything.
                      Each section that is measured replaces the same one there; the others stay
  --render            no measuring: the page and the charts anew, from the figures that are there
`

function listOf(text, known, option) {
  if (text === undefined) return known
  const names = text.split(',')
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) {
    throw new Advice(`--${option} takes a list of ${known.join(', ')}; it got "${unknown}".`)
  }
  return known.filter((name) => names.includes(name))
}

function sectionsOf(only) {
  if (only === undefined) return USUAL
  return only === 'all' ? ALL : listOf(only, ALL, 'only')
}

function number(text, option, allowed, isAllowed) {
  const value = Number(text)
  if (!isAllowed(value)) throw new Advice(`--${option} takes ${allowed}; it got "${text}".`)
  return value
}

const text = (defaultText) => ({ type: 'string', default: defaultText })
const flag = { type: 'boolean', default: false }

const OPTIONS = {
  ...{
    only: text(),
    peers: text(),
    concurrency: text(),
    questions: text(),
    out: text(),
    runs: text(String(ENOUGH_RUNS)),
  },
  ...{ size: text('1'), 'no-references': flag, render: flag, help: flag },
}

/** @returns what is asked for, and the `command` that asks for it again */
export function parseOptions(args) {
  const { values } = parseArgs({ args, options: OPTIONS })
  const runs = number(
    values.runs,
    'runs',
    'a whole number above 0',
    (value) => Number.isInteger(value) && value > 0,
  )
  const size = number(values.size, 'size', 'a number above 0, at most 1', (value) => value > 0 && value <= 1)
  const references = !values['no-references']
  const isWhole =
    references &&
    !values.peers &&
    !values.concurrency &&
    !values.questions &&
    size === 1 &&
    runs >= ENOUGH_RUNS
  return {
    ...{ runs, size, references, render: values.render, help: values.help },
    sections: sectionsOf(values.only),
    peers: listOf(values.peers, Object.keys(peers), 'peers'),
    concurrencies: listOf(values.concurrency, CONCURRENCIES.map(String), 'concurrency').map(Number),
    questions: listOf(values.questions, KINDS, 'questions'),
    out: values.out?.replace(/\/+$/, '') ?? (isWhole || values.render ? PUBLISHED : 'target/bench'),
    command: ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
  }
}
