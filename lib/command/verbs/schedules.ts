/** Schedules: seen, previewed and steered. */
import { callOf } from '../../dashboard/calls'
import { list } from '../../dashboard/rows'
import { previewSchedule } from '../../schedule/spec'
import type { ScheduleSpec } from '../../types'
import { iso, length } from '../tools/output'
import { NEGATIVE, UsageError, atMost, momentOf, wholeIn } from '../tools/arguments'
import type { Context, Verb } from '../tools/verb'

const CALLS: Readonly<Record<string, string>> = {
  run: 'triggerSchedule',
  pause: 'pauseSchedule',
  resume: 'resumeSchedule',
  remove: 'unschedule',
  skip: 'skipSchedule',
}

const KNOWN = ['list', 'preview', ...Object.keys(CALLS)].join(', ')

/** Words for people, if the status alone says too little. */
const WORDS: Readonly<Record<string, string>> = {
  duplicate: 'duplicate: a job of it is outstanding',
  'not-found': 'there is no such schedule',
  'no-occurrence': 'no-occurrence: the schedule does not come at that moment; see `schedules preview`',
}

export const schedules: Verb = {
  name: 'schedules',
  usage: 'schedules [list|preview|run|pause|resume|remove|skip] [ID]',
  summary: 'schedules and their next occurrences',
  details: `schedules                     all of them, with their times, the last and the next occurrence
schedules preview ID          the next occurrences, 5 or --count of them
schedules run ID              makes a job now, beside its occurrences
schedules pause|resume ID     makes no jobs until it is resumed; missed ones are not made up for
schedules skip ID MOMENT      leaves out one occurrence, as 2030-01-01T06:00:00Z
schedules remove ID           ends it; jobs that it has made stay`,
  options: { count: { type: 'string' } },
  check: (values, positionals) => {
    const [what = 'list', id] = positionals
    atMost(what === 'list' ? 1 : what === 'skip' ? 3 : 2, positionals)
    wholeIn(values, 'count', 5, 1000)
    if (what !== 'list' && what !== 'preview' && !Object.hasOwn(CALLS, what)) {
      throw new UsageError(`schedules: there is no ${JSON.stringify(what)}; there are ${KNOWN}`)
    }
    if (what !== 'list' && !id) throw new UsageError(`schedules ${what}: the id of a schedule is missing`)
    if (what === 'skip') momentOf('schedules skip: the moment', positionals[2])
  },
  async run(context) {
    const { positionals, queue, output } = context
    const [what = 'list', id = ''] = positionals
    if (what === 'list') return all(context)
    if (what === 'preview') return preview(context, id)
    const more = what === 'skip' ? [momentOf('the moment', positionals[2])] : []
    const result = (await callOf(queue, CALLS[what] as string)(id, ...more)) as { status: string }
    output.data(result, () => output.line(WORDS[result.status] ?? result.status))
    return ['not-found', 'duplicate', 'no-occurrence'].includes(result.status) ? NEGATIVE : 0
  },
}

async function all({ queue, output }: Context): Promise<number> {
  const found = list(await callOf(queue, 'listSchedules')())
  output.data(found, () => {
    const rows = found.map(({ id, job, status, spec, nextAt, lastAt }) => {
      const { cron, everyMs, timezone } = spec as ScheduleSpec
      const times =
        cron === undefined
          ? `every ${length(Number(everyMs)).replace('.0 ', ' ')}`
          : `${cron} ${timezone ?? 'UTC'}`
      const { type } = job as { type: string }
      return [String(id), type, String(status), times, iso(lastAt as Date), iso(nextAt as Date)]
    })
    if (rows.length > 0) output.table(['ID', 'TYPE', 'STATE', 'TIMES', 'LAST', 'NEXT'], rows)
  })
  if (found.length === 0) output.say('there are no schedules')
  return found.length === 0 ? NEGATIVE : 0
}

async function preview({ queue, values, output }: Context, id: string): Promise<number> {
  const found = list(await callOf(queue, 'listSchedules')()).find((schedule) => schedule.id === id)
  if (found === undefined) {
    output.say('there is no such schedule')
    return NEGATIVE
  }
  const next = previewSchedule(found.spec as ScheduleSpec, {
    count: Math.max(1, wholeIn(values, 'count', 5, 1000)),
  })
  output.data(next, () => next.forEach((at) => output.line(iso(at))))
  return 0
}
