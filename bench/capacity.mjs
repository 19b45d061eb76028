/**
 * Calculates what one replica set carries, from costs that this repository has measured. No server is needed.
 *
 *     node bench/capacity.mjs --jobs-per-second 500 --cores 8
 *     node bench/capacity.mjs --help
 */
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { PUBLISHED } from './options.mjs'
import { find, spreadOf } from './report/series.mjs'
import { readResults } from './results.mjs'

/**
 * Processor time of the primary and of a worker, in whole microseconds a job, at full durability on one machine. Null if a cost was not measured.
 * These are medians of `enqueue`, and of `throughput` at concurrency 16.
 */
export function costsOf({ enqueue, throughput }) {
  const cost = (section, wanted, field) =>
    Math.round(spreadOf(find(section, { id: 'durabl', ...wanted }), field)?.median ?? 0)
  const costs = {
    addingUs: cost(enqueue, { kind: 'single' }, 'serverCpu'),
    addingManyUs: cost(enqueue, { kind: 'bulk' }, 'serverCpu'),
    runningUs: cost(throughput, { concurrency: 16 }, 'serverCpu'),
    workerUs: cost(throughput, { concurrency: 16 }, 'cpu'),
  }
  return Object.values(costs).every((us) => us > 0) ? costs : null
}

/** The costs that this repository has measured. */
export const measuredCosts = () => costsOf(readResults(PUBLISHED).sections)

/** Bytes of an ended job: its document without the payload, and its index entries. By `collStats`, after 150,000 jobs. */
const BYTES = { document: 270, indexEntries: 65 }

/** The insert without the payload, and two updates, as they stand in the oplog; measured with the same jobs. */
const OPLOG_BYTES = 1010

/** Beyond this share of its processors a server's answers take noticeably longer. */
const BUSY = 0.6

const DAY_S = 86_400

/**
 * @param load `jobsPerSecond` (mean), `peak` (times the mean), `cores` (of the primary), `payloadBytes`, `retentionDays`,
 * `isBatched` (jobs are added by `enqueueMany`)
 * @param costs of {@link costsOf}
 */
export function capacity(load, costs) {
  const { jobsPerSecond, peak, cores, payloadBytes, retentionDays, isBatched } = load
  const serverUs = costs.runningUs + (isBatched ? costs.addingManyUs : costs.addingUs)
  const most = (cores * BUSY * 1e6) / serverUs
  const kept = jobsPerSecond * retentionDays * DAY_S
  return {
    serverUs,
    mostJobsPerSecond: Math.floor(most),
    shareAtPeak: (jobsPerSecond * peak) / most,
    workerCores: (jobsPerSecond * peak * costs.workerUs) / 1e6,
    keptJobs: kept,
    storedBytes: kept * (BYTES.document + payloadBytes),
    indexBytes: kept * BYTES.indexEntries,
    oplogBytesPerDay: jobsPerSecond * DAY_S * (OPLOG_BYTES + payloadBytes),
    replicaSets: Math.max(1, Math.ceil((jobsPerSecond * peak) / most)),
  }
}

const OPTIONS = {
  'jobs-per-second': { type: 'string', default: '100' },
  peak: { type: 'string', default: '5' },
  cores: { type: 'string', default: '4' },
  'payload-bytes': { type: 'string', default: '500' },
  'retention-days': { type: 'string', default: '7' },
  batched: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
}

const HELP = `node bench/capacity.mjs [options]

  --jobs-per-second N   the mean of a day; 100 by default
  --peak N              the busiest minute, as a multiple of the mean; 5 by default
  --cores N             processors of the primary; 4 by default
  --payload-bytes N     of a job's data as BSON; 500 by default
  --retention-days N    how long ended jobs are kept; 7 by default
  --batched             jobs are added by enqueueMany, a thousand a call`

function positive(values, name) {
  const value = Number(values[name])
  if (Number.isFinite(value) && value > 0) return value
  throw new Error(`--${name} takes a number above 0, not ${values[name]}`)
}

const whole = (value) => Math.round(value).toLocaleString('en')
const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(1)} GB`

/** The result as a table of lines. */
function table(result) {
  const rows = [
    ['processor time of the primary', `${result.serverUs} µs a job`],
    ['most that the primary carries', `${whole(result.mostJobsPerSecond)} jobs/s`],
    ['of that, in the busiest minute', `${(100 * result.shareAtPeak).toFixed(1)} %`],
    ['replica sets needed', whole(result.replicaSets)],
    ['processors of workers, without the handlers', result.workerCores.toFixed(2)],
    ['ended jobs kept', whole(result.keptJobs)],
    ['their documents, before compression', gigabytes(result.storedBytes)],
    ['their index entries', gigabytes(result.indexBytes)],
    ['oplog', `${gigabytes(result.oplogBytesPerDay)} a day`],
  ]
  const width = Math.max(...rows.map(([name]) => name.length)) + 2
  return rows.map(([name, value]) => name.padEnd(width) + value).join('\n')
}

/** The text that the command prints for these arguments. */
export function answer(args, costs) {
  const { values } = parseArgs({ args, options: OPTIONS })
  if (values.help) return HELP
  if (!costs) throw new Error('docs/design/benchmarks.json lacks the costs of a job: run npm run bench')
  const load = {
    jobsPerSecond: positive(values, 'jobs-per-second'),
    peak: positive(values, 'peak'),
    cores: positive(values, 'cores'),
    payloadBytes: positive(values, 'payload-bytes'),
    retentionDays: positive(values, 'retention-days'),
    isBatched: values.batched,
  }
  return table(capacity(load, costs))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.log(answer(process.argv.slice(2), measuredCosts()))
}
