/** Looking at jobs. */
import type { Collection } from 'mongodb'
import { callOf } from '../../dashboard/calls'
import { shown } from '../../dashboard/ejson'
import { list as recordsOf, moment, text } from '../../dashboard/rows'
import { FILTER, filterOf } from '../tools/filter'
import { iso, printable } from '../tools/output'
import { NEGATIVE, atMost, one, textIn, wholeIn } from '../tools/arguments'
import type { Values } from '../tools/arguments'
import type { Verb } from '../tools/verb'

type Fields = Readonly<Record<string, unknown>>

const dateOf = (value: unknown) => (value instanceof Date ? value : null)

const whenOf = ({ status, runAt, claimedAt, completedAt, failedAt }: Fields) =>
  iso(dateOf(status === 'pending' ? runAt : status === 'active' ? claimedAt : (completedAt ?? failedAt)))

export const list: Verb = {
  name: 'list',
  usage: 'list [--status S] [--type T] [--key K] [--where data.userId=u1]',
  summary: 'jobs of a status, without their payloads',
  details: `--status is pending by default. --limit, 50 by default, and --after go through longer lists.
--where looks at no more than 20,000 jobs at once: --after goes on. Several --where must all hold.`,
  options: { ...FILTER, limit: { type: 'string' }, after: { type: 'string' } },
  check: (values, positionals) => {
    atMost(0, positionals)
    filterOf(values)
    wholeIn(values, 'limit', 50, 2000)
  },
  async run({ values, queue, output, collection }) {
    const after = textIn(values, 'after')
    const asked = {
      status: 'pending',
      ...filterOf(values),
      limit: wholeIn(values, 'limit', 50, 2000),
      ...(after && { after }),
    }
    const page = (await callOf(queue, 'listJobs')(asked)) as Fields
    const jobs = recordsOf(page.jobs)
    output.data(page, () => {
      const rows = jobs.map((job) => [
        ...[String(job.id), String(job.type), text(job.ending) ?? String(job.status)],
        ...[
          `${String(job.attempt)}/${String(job.maxAttempts)}`,
          whenOf(job),
          (text(job.failReason) ?? '').slice(0, 80),
        ],
      ])
      if (rows.length > 0) output.table(['ID', 'TYPE', 'STATE', 'ATTEMPT', 'WHEN', 'REASON'], rows)
    })
    if (jobs.length === 0)
      output.say(values.status === undefined ? await nonePending(collection, values) : 'no job matches')
    if (typeof page.next === 'string') output.say(`there are more: --after ${page.next}`)
    return jobs.length === 0 ? NEGATIVE : 0
  },
}

/** The look is one document: a list that asks for no status would not find it out by itself. */
async function nonePending(collection: Collection, values: Values): Promise<string> {
  const type = textIn(values, 'type')
  const other = await collection.findOne(
    { ...(type !== undefined && { type }) },
    { projection: { status: 1 }, maxTimeMS: 5000 },
  )
  const status: unknown = other?.status
  return typeof status === 'string' && status !== 'pending'
    ? `no pending job matches; there are others: try --status ${status}`
    : 'no pending job matches'
}

export const get: Verb = {
  name: 'get',
  usage: 'get ID [--log]',
  summary: 'a job with its payload, its errors and its log',
  details: '--log adds what its handler has logged. Payloads are shown as they are, secrets included.',
  options: { log: { type: 'boolean' } },
  check: (_values, positionals) => void one('The id of a job', positionals),
  async run({ values, positionals, queue, output }) {
    const job = (await callOf(queue, 'getJob')(positionals[0])) as Fields | null
    if (job === null) {
      output.say('there is no such job')
      return NEGATIVE
    }
    output.data(job, () => {
      const { data, logs, errors, result, progress, ...rest } = job
      for (const [name, value] of Object.entries(rest)) {
        if (value !== undefined) output.line(`${name.padEnd(18)} ${wordsOf(value)}`)
      }
      for (const [name, value] of Object.entries({ data, result, progress })) {
        if (value !== undefined) output.line(`${name.padEnd(18)} ${wordsOf(value)}`)
      }
      for (const error of recordsOf(errors)) {
        output.line(
          `error              ${iso(dateOf(error.at))} attempt ${String(error.attempt)}: ${printable(String(error.reason))}`,
        )
      }
      if (values.log === true) {
        for (const entry of recordsOf(logs))
          output.line(`${iso(dateOf(entry.timestamp))} ${printable(String(entry.message))}`)
      }
    })
    return 0
  },
}

function wordsOf(value: unknown): string {
  if (moment(value) !== null) return iso(value as Date)
  return typeof value === 'string' ? printable(value) : shown(value, { isWhole: true, isMasked: false }).text
}
