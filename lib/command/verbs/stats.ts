/** The verb `stats`: the numbers of jobs. */
import { callOf } from '../../dashboard/calls'
import { list } from '../../dashboard/rows'
import { length } from '../tools/output'
import { NEGATIVE, atMost } from '../tools/arguments'
import { problemWith } from '../tools/place'
import type { Context, Verb } from '../tools/verb'
import { waited } from '../tools/wait'

type Fields = Readonly<Record<string, unknown>>

const WATCH_MS = 2000

export const stats: Verb = {
  name: 'stats',
  usage: 'stats [TYPE] [--watch]',
  summary: 'jobs by type and state, and the lag',
  details: `The numbers are the workers' shared counts: those of the last 15 seconds, or new ones, which are stored for all.
~ is an estimate, + means at least so many. FAILED leaves out jobs that were cancelled or have expired.
Completed jobs are counted together, as an estimate: by type it would take a look at each of them.
--watch shows the table again every 2 seconds.`,
  options: { watch: { type: 'boolean' } },
  check: (_values, positionals) => atMost(1, positionals),
  async run(context) {
    const { values, signal, output } = context
    const problem = await problemWith(context)
    if (problem !== null) {
      output.say(problem.text)
      return NEGATIVE
    }
    if (values.watch !== true) return shownOnce(context)
    while (!signal.aborted) {
      await shownOnce(context)
      await waited(WATCH_MS, signal)
    }
    return 0
  },
}

async function shownOnce({ queue, positionals: [type], output }: Context): Promise<number> {
  const counts = (await callOf(queue, 'counts')()) as Fields
  const types = list(counts.types).filter((row) => type === undefined || row.type === type)
  output.data({ ...counts, types }, () => {
    const now = Date.now()
    const rows = types.map((row) => [
      ...[String(row.type), counted(row.pending), counted(row.due), counted(row.blocked)],
      ...[
        counted(row.active),
        counted(row.failed),
        lag(row.oldestDueAt, now),
        row.state === 'paused' ? 'paused' : '',
      ],
    ])
    output.table(['TYPE', 'PENDING', 'DUE', 'BLOCKED', 'ACTIVE', 'FAILED', 'LAG', ''], rows)
    output.line(output.styled('dim', `completed, of all types: ${counted(counts.completedTotal)}`))
  })
  if (types.length === 0) output.say('there are no jobs')
  return types.length === 0 ? NEGATIVE : 0
}

function counted(value: unknown): string {
  const { count, precision } = value as { count: number; precision: string }
  return `${precision === 'estimate' ? '~' : ''}${count}${precision === 'at-least' ? '+' : ''}`
}

const lag = (at: unknown, now: number) =>
  at instanceof Date && at.getTime() < now ? length(now - at.getTime()) : '-'
