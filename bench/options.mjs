/** What the command line asks for. */
import { parseArgs } from 'node:util'
import { Advice } from '../scripts/terminal.mjs'
import { peers } from './peers/all.mjs'

/** Measured by default, in this order, and what else there is. */
const USUAL = ['throughput', 'enqueue', 'latency', 'delays']
const ALL = [...USUAL, 'scale']

/** Fewer runs say too little to be published. */
export const ENOUGH_RUNS = 5

export const help = `npm run bench -- [options]

  --only LIST      of ${ALL.join(', ')}; all but scale by default
  --peers LIST     of ${Object.keys(peers).join(', ')}; all by default
  --runs N         rounds; ${ENOUGH_RUNS} by default
  --size FACTOR    times the usual numbers of jobs; 1 by default
  --out FOLDER     where page, charts and figures go; docs by default, and target/bench for less than everything
  --no-references  without the references in Rust, which take a minute or two to build
  --render         no measuring: the page and the charts anew, from the figures that are there
`

function listOf(text, known, option) {
  if (text === undefined) return undefined
  const names = text.split(',').filter(Boolean)
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined || names.length === 0) {
    throw new Advice(`--${option} takes a list of ${known.join(', ')}; it got "${unknown ?? text}".`)
  }
  return known.filter((name) => names.includes(name))
}

function positive(text, option, isFine) {
  const number = Number(text)
  if (!(number > 0) || !isFine(number)) throw new Advice(`--${option} got "${text}".`)
  return number
}

/** @returns sections, peers, runs, size, references, out, render, help; and `command`, as it can be repeated */
export function parseOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      peers: { type: 'string' },
      runs: { type: 'string', default: String(ENOUGH_RUNS) },
      size: { type: 'string', default: '1' },
      out: { type: 'string' },
      'no-references': { type: 'boolean', default: false },
      render: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const runs = positive(values.runs, 'runs', Number.isInteger)
  const size = positive(values.size, 'size', (number) => number <= 1)
  const chosen = listOf(values.peers, Object.keys(peers), 'peers')
  const references = !values['no-references']
  const isWhole = references && chosen === undefined && size === 1 && runs >= ENOUGH_RUNS
  return {
    sections: listOf(values.only, ALL, 'only') ?? USUAL,
    peers: chosen ?? Object.keys(peers),
    runs,
    size,
    references,
    out: values.out ?? (isWhole || values.render ? 'docs' : 'target/bench'),
    render: values.render,
    help: values.help,
    command: ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
  }
}
